/** Holds the table of threats in SECURITY.md against the tests: what it calls tested has a test of that name, and nothing else has. */

/** Classes of the catalogue. */
export const threatClasses = 30;

export interface ThreatRow {
  readonly number: string;
  readonly tested: boolean;
  /** Files that the row names. */
  readonly files: readonly string[];
}

/** Rows like `| 07 | class | tested | where |`; anything else than `tested` means that the class does not apply (yet). */
export function parseThreatTable(page: string): readonly ThreatRow[] {
  return [...page.matchAll(/^\| (\d{2}) +\|[^|]+\| ([a-z ]+) \|(.+)\|$/gm)].map(
    ([, number = '', state, where = '']) => ({
      number,
      tested: state?.trim() === 'tested',
      files: [...where.matchAll(/`([\w./-]+\.ts)`/g)].map(([, file = '']) => file),
    }),
  );
}

/** Numbers of the classes that tests of a file are named for. A name is a text, so a remark in a comment counts for nothing. */
export function threatsTested(source: string): ReadonlySet<string> {
  return new Set([...source.matchAll(/['"`]threat (\d{2}): /g)].map(([, number = '']) => number));
}

/** One line for each way in which the table and the tests (path to source) do not agree. */
export function checkThreats(page: string, tests: ReadonlyMap<string, string>): readonly string[] {
  const rows = parseThreatTable(page);
  const found = new Map([...tests].map(([path, source]) => [path, threatsTested(source)]));
  const anywhere = new Set([...found.values()].flatMap((numbers) => [...numbers]));
  const problems = missingRows(rows);
  for (const { number, tested, files } of rows) {
    if (tested && !anywhere.has(number))
      problems.push(`threat ${number} is called tested, and no test is named for it`);
    if (!tested && anywhere.has(number))
      problems.push(`threat ${number} has a test, and the table does not say so`);
    for (const file of files) {
      if (found.get(file)?.has(number) !== true)
        problems.push(`threat ${number}: ${file} has no test named for it`);
    }
  }
  return problems;
}

function missingRows(rows: readonly ThreatRow[]): string[] {
  const numbers = rows.map(({ number }) => number);
  const wanted = Array.from({ length: threatClasses }, (_, index) => String(index + 1).padStart(2, '0'));
  return [
    ...wanted
      .filter((number) => !numbers.includes(number))
      .map((number) => `threat ${number} is not in the table`),
    ...numbers
      .filter((number, at) => numbers.indexOf(number) !== at)
      .map((number) => `threat ${number} is in the table twice`),
  ];
}
