/** What is worth a look in a table of secrets: by what items say of themselves, without any value and without KMS. */
import { openTable, type TableSurroundings } from '../../credstash/open-table.ts';
import { parseTableAddress } from '../../credstash/table-address.ts';
import { reportTable, type TableReport } from '../../credstash/table-report.ts';
import { asCofferError } from '../../errors.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

/** Names that a finding repeats. */
const mostNamed = 5;

/** @param text `credstash://TABLE?…`. Never rejects. */
export async function checkTable(text: string, surroundings: TableSurroundings): Promise<readonly Finding[]> {
  try {
    const { store, table } = openTable(parseTableAddress(text), [], surroundings);
    using _ = table;
    return findingsOf(await reportTable(store, surroundings.now()));
  } catch (error) {
    return [fail('table', asCofferError(error).message, 'see what the safe says, and what AWS allows')];
  }
}

/** The report in words. */
export function findingsOf(report: TableReport): readonly Finding[] {
  const { names, items, formats, misread, unnumbered, weak, overdue } = report;
  const found = Object.entries(formats).filter(([, count]) => count > 0);
  const parts = found.map(([format, count]) => `${count} in the format of ${format}`).join(', ');
  const findings: Finding[] = [
    ok('table', `${names} secrets, ${items} versions${parts === '' ? '' : `: ${parts}`}`),
  ];
  if (misread.length > 0) {
    findings.push(
      warn(
        'versions',
        `credstash and its ports take an older version for the latest of ${named(misread)}`,
        'read them with Coffer only, or remove the versions that are not padded',
      ),
    );
  }
  if (unnumbered.length > 0) {
    const advice =
      'the verbs on secrets leave these versions alone; `coffer delete --all` removes them with the secret';
    findings.push(warn('versions', `versions that are no numbers: ${named(unnumbered)}`, advice));
  }
  if (formats.unknown > 0) {
    const count = `${formats.unknown} ${formats.unknown === 1 ? 'version is' : 'versions are'}`;
    findings.push(
      fail('formats', `${count} in no format that is known here`, 'find out who writes the table'),
    );
  }
  if (weak.length > 0) {
    findings.push(
      warn(
        'digests',
        `authenticated by a digest of yesterday: ${named(weak)}`,
        'store them again: coffer get, coffer put',
      ),
    );
  }
  if (overdue.length > 0) {
    findings.push(
      warn(
        'deleted',
        `deleted, past their time, and still there: ${named(overdue)}`,
        'erase them: coffer prune NAME',
      ),
    );
  }
  const old = formats.credstash + formats.credsmash;
  if (old > 0) {
    findings.push(
      warn(
        'formats',
        'the old formats bind no item to its name and version: who may write the table can swap them',
        "move to Coffer's own format once no other program reads the table (format=coffer)",
      ),
    );
  }
  return findings;
}

/** Names as JSON, so that none of them writes to the terminal or looks like another. */
function named(names: readonly string[]): string {
  const shown = names.slice(0, mostNamed).map((name) => JSON.stringify(name));
  return names.length > mostNamed
    ? `${shown.join(', ')} and ${names.length - mostNamed} more`
    : shown.join(', ');
}
