/**
 * `coffer import stsftw TABLE`: accounts of the old program's table become accounts of the auth method totp, one after the other.
 * What is there already is compared and left alone, so that the same command goes on wherever it was cut off; each account is read
 * back before it counts.
 */
import { asCofferError, CofferError } from '../../errors.ts';
import { type AuthRow, openAuthTable, readAuthRows } from '../../stsftw/auth-table.ts';
import { type Judged, judgeRows } from '../../stsftw/judge.ts';
import { confirmed } from '../confirm.ts';
import { type ConnectionOptions, connect } from '../context.ts';
import { openProgress } from '../progress.ts';
import { sameJson } from '../same-json.ts';
import type { Shell } from '../shell.ts';
import { Accounts } from './accounts.ts';
import { mountPath } from './settings.ts';

/** The id of a device that came along; the old program had one an account. */
const deviceId = 'imported';
/** Rows of one table: they are judged together, and a row is a few hundred bytes. */
const mostRows = 200_000;

export interface ImportStsftwOptions extends ConnectionOptions {
  readonly path: string | undefined;
  readonly 'dry-run': boolean;
  readonly yes: boolean;
}

type Fate = 'imported' | 'unchanged' | 'refused' | 'would be imported' | 'differs' | 'failed';

interface Told {
  readonly judged: Judged;
  readonly fate: Fate;
  readonly why: readonly string[];
}

export async function importStsftw(shell: Shell, table: string, options: ImportStsftwOptions): Promise<void> {
  const rows = await readRows(shell, table);
  const judged = judgeRows(rows);
  const usable = judged.filter(({ refused }) => refused.length === 0).length;
  if (!options['dry-run']) {
    const question = `make ${usable} of the ${rows.length} accounts of ${table} here?`;
    await confirmed(shell, options.yes, question, 'this makes accounts');
  }
  const accounts = new Accounts(await connect(shell, options), mountPath(options.path, 'totp'));
  const progress = openProgress(shell);
  const told: Told[] = [];
  try {
    for (const [index, each] of judged.entries()) {
      progress.show(index, judged.length);
      told.push(await importOne(accounts, each, options['dry-run']));
    }
  } finally {
    progress.close();
  }
  report(shell, told);
}

async function readRows(shell: Shell, table: string): Promise<readonly AuthRow[]> {
  const client = openAuthTable(shell.env);
  const rows: AuthRow[] = [];
  try {
    for await (const row of readAuthRows(client, table)) {
      rows.push(row);
      if (rows.length > mostRows)
        throw new CofferError('payload_too_large', `the table has over ${mostRows} rows`);
    }
  } finally {
    client.close();
  }
  return rows;
}

async function importOne(accounts: Accounts, judged: Judged, dryRun: boolean): Promise<Told> {
  const { url, refused } = judged;
  if (url === undefined) return { judged, fate: 'refused', why: refused };
  try {
    const { fate, why = [] } = await carryOver(accounts, judged, url, dryRun);
    return { judged, fate, why };
  } catch (thrown) {
    const error = asCofferError(thrown);
    // What says something of the server would say the same of every account that comes next.
    if (error.code !== 'invalid_request' && error.code !== 'conflict') throw error;
    return { judged, fate: 'failed', why: [error.message] };
  }
}

async function carryOver(
  accounts: Accounts,
  judged: Judged,
  url: string,
  dryRun: boolean,
): Promise<{ readonly fate: Fate; readonly why?: readonly string[] }> {
  const { roles, authorizers } = judged;
  const second = authorizers.length > 0 ? 'person' : '';
  const wanted = { roles, authorizers, second };
  const there = await accounts.read(judged);
  if (there !== undefined) {
    const { roles, authorizers, second, devices } = there;
    if (
      !sameJson({ roles, authorizers, second }, wanted) ||
      (devices.length > 0 && !devices.includes(deviceId))
    )
      return {
        fate: 'differs',
        why: ['an account of this name is here, and is another one: it was left alone'],
      };
    if (devices.length > 0) return { fate: 'unchanged' };
  }
  if (dryRun) return { fate: 'would be imported' };
  if (there === undefined) await accounts.create(judged, { ...wanted, token_policies: ['sts'] });
  await accounts.importDevice(judged, deviceId, url);
  const now = await accounts.mustRead(judged);
  if (!now.devices.includes(deviceId)) throw new CofferError('conflict', 'the account was changed meanwhile');
  return { fate: 'imported' };
}

function report(shell: Shell, told: readonly Told[]): void {
  const count = (fate: Fate) => told.filter((each) => each.fate === fate).length;
  const exploitable = told.filter(({ judged }) => judged.exploitable.length > 0);
  if (shell.ui.format === 'json') shell.ui.json(told.map(documentOf));
  else {
    for (const each of told) {
      const { issuer, account, exploitable: open, notes } = each.judged;
      const lines = [...each.why, ...open.map((one) => `EXPLOITABLE: ${one}`), ...notes];
      if (lines.length === 0 && each.fate !== 'would be imported') continue;
      shell.ui.lines([`${issuer}/${account}: ${each.fate}`, ...lines.map((line) => `  ${line}`)]);
    }
    const counts = (['imported', 'would be imported', 'unchanged', 'differs', 'refused', 'failed'] as const)
      .filter((fate) => count(fate) > 0)
      .map((fate) => `${count(fate)} ${fate}`);
    shell.ui.talk(
      `${counts.join(', ') || 'the table is empty'}; ${exploitable.length} exploitable in the old system`,
    );
  }
  const left = count('refused') + count('failed') + count('differs');
  if (left > 0)
    throw new CofferError(
      'invalid_request',
      `${left} of ${told.length} accounts were not taken over; each is named above`,
    );
}

function documentOf({ judged, fate, why }: Told) {
  const { issuer, account, exploitable, notes } = judged;
  return { issuer, account, result: fate, why, exploitable, notes };
}
