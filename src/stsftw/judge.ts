/**
 * What of an account of stsftw can be taken over, and what anybody could have done with it there: its server took a row without a
 * secret for one whose secret is empty, and any account of the issuer for an approver.
 */
import { decodeBase32 } from '../crypto/base32.ts';
import { parseOtpauth } from '../crypto/otpauth.ts';
import { CofferError } from '../errors.ts';
import type { AuthRow } from './auth-table.ts';

/** What the old program made codes of, whatever a URL says. */
const fixed = { algorithm: 'SHA1', digits: '6', period: '30' } as const;
/** Bytes of a secret (RFC 4226 §4, R6). */
const shortestSecret = 16;

export interface Judged {
  readonly issuer: string;
  readonly account: string;
  readonly roles: readonly string[];
  readonly authorizers: readonly string[];
  /** As the old program used it, whatever else it said; undefined where the row is not taken over. */
  readonly url: string | undefined;
  /** Why it is not taken over; empty where it is. */
  readonly refused: readonly string[];
  /** What somebody could have done with this row in the old system. */
  readonly exploitable: readonly string[];
  /** What differs here from there. */
  readonly notes: readonly string[];
}

/** All rows together: whether an approver exists, and whether two names look alike, is not seen in one. */
export function judgeRows(rows: readonly AuthRow[]): readonly Judged[] {
  const names = new Set(rows.map(({ issuer, account }) => JSON.stringify([issuer, account])));
  const secrets = new Map<string, number>();
  for (const { url } of rows)
    if (url !== undefined) secrets.set(secretText(url), (secrets.get(secretText(url)) ?? 0) + 1);
  const folds = new Map<string, number>();
  for (const row of rows) folds.set(foldOf(row), (folds.get(foldOf(row)) ?? 0) + 1);
  return rows.map((row) => {
    const judged = judge(row, names, (folds.get(foldOf(row)) ?? 0) > 1);
    const shared =
      row.url !== undefined && secretText(row.url) !== '' && (secrets.get(secretText(row.url)) ?? 0) > 1;
    // Whoever has the one device is both people: here neither can approve the other.
    return shared ? { ...judged, notes: [...judged.notes, 'another account has the same secret'] } : judged;
  });
}

function judge(row: AuthRow, names: ReadonlySet<string>, lookAlike: boolean): Judged {
  const { issuer, account, roles } = row;
  const refused: string[] = row.unreadable.map((name) => `its ${name} is of a type that cannot be read`);
  const exploitable: string[] = [];
  const notes: string[] = [];
  if (issuer === '' || account === '') refused.push('it lacks an issuer or an account name');
  if (/[/\\]/.test(issuer) || /[/\\]/.test(account)) refused.push('its names have slashes');
  if (lookAlike)
    refused.push('another account looks like it: their names differ in case, space or form only');
  const secret = secretOf(row.url, notes);
  if (secret.problem !== undefined) {
    refused.push(secret.problem);
    // An unreadable secret refused every code there; an absent or short one is computed or guessed.
    if (secret.open)
      exploitable.push(
        roles.length > 0
          ? `anybody could have the credentials of ${roles.join(', ')}: ${secret.problem}`
          : `anybody could approve as this account: ${secret.problem}`,
      );
  }
  const authorizers = approversOf(row, names, { exploitable, notes });
  if (row.authorizers.length > 0 && authorizers.length === 0)
    refused.push('a second person is wanted, and none of its list is another account');
  return {
    issuer,
    account,
    roles,
    authorizers,
    url: refused.length === 0 ? secret.url : undefined,
    refused,
    exploitable,
    notes,
  };
}

interface Findings {
  readonly exploitable: string[];
  readonly notes: string[];
}

/** Those of the list who can be a second person: others would be a name that whoever makes that account gets. */
function approversOf(
  row: AuthRow,
  names: ReadonlySet<string>,
  { exploitable, notes }: Findings,
): readonly string[] {
  const kept: string[] = [];
  for (const name of row.authorizers) {
    if (name === row.account) notes.push('it was listed as its own approver: left out');
    else if (!names.has(JSON.stringify([row.issuer, name])))
      notes.push(`its approver ${name} has no account: left out`);
    else kept.push(name);
  }
  if (row.authorizers.length > 0)
    exploitable.push(
      'its second person was never checked against the list, so that whoever had an account could approve, and so could its owner',
    );
  return kept;
}

interface Secret {
  readonly url?: string;
  readonly problem?: string;
  /** Codes of it can be computed by anybody. */
  readonly open?: boolean;
}

function secretOf(url: string | undefined, notes: string[]): Secret {
  if (url === undefined) return { problem: 'it has no secret', open: true };
  let fields: ReturnType<typeof parseOtpauth>;
  try {
    fields = parseOtpauth(url);
  } catch (error) {
    if (error instanceof CofferError)
      return { problem: 'its url cannot be read', open: !url.includes('secret=') };
    throw error;
  }
  const text = fields.secret.trim();
  if (text === '') return { problem: 'its secret is empty', open: true };
  const key = decodeBase32(text);
  if (key === undefined) return { problem: 'its secret is no base32' };
  if (key.length < shortestSecret)
    return { problem: `its secret has ${key.length} bytes, of at least ${shortestSecret}`, open: true };
  for (const name of ['algorithm', 'digits', 'period'] as const) {
    const said = fields[name];
    if (said !== undefined && said.toUpperCase() !== fixed[name])
      notes.push(
        `its url says ${name}=${said.slice(0, 20)}, which the old server never used: ${fixed[name]} is taken over`,
      );
  }
  return { url: urlOf(text) };
}

/** With what counted there, and nothing else: names are the table's. */
function urlOf(secret: string): string {
  const query = new URLSearchParams({ ...fixed, secret: secret.replace(/=+$/, '').toUpperCase() });
  return `otpauth://totp/imported?${query.toString()}`;
}

/** As far as it can be read. */
function secretText(url: string): string {
  return (
    /[?&]secret=([^&]*)/
      .exec(url)?.[1]
      ?.replace(/(=|%3D)+$/i, '')
      .toUpperCase() ?? ''
  );
}

function foldOf({ issuer, account }: AuthRow): string {
  const fold = (text: string) => text.normalize('NFKC').toLowerCase().replace(/\s+/gu, ' ').trim();
  return JSON.stringify([fold(issuer), fold(account)]);
}
