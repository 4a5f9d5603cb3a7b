/** What a write sends: a secret's fields, who may read it, and when it ends. */
import type { ProvenPrincipal } from '../../core/endpoint.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject, JsonValue } from '../../json.ts';

/** Bytes of a secret's JSON: a commit holds it, what it replaces, both lists and their indexes. */
export const longestSecret = 100 * 1024;
/** A hundred years, in milliseconds: dates beyond it break clients. */
const longestLife = 100 * 365 * 86_400_000;

export interface Written {
  readonly data?: JsonObject | undefined;
  readonly value?: string | undefined;
  readonly ttl?: number | undefined;
  readonly expires_at?: string | undefined;
  readonly cas?: number | undefined;
  readonly options?: JsonObject | undefined;
}

/** JSON of the fields. Throws `invalid_request`, `payload_too_large`. */
export function textOf({ data, value }: Written): string {
  if ((data === undefined) === (value === undefined)) {
    throw new CofferError('invalid_request', 'a secret is written with either data, its fields, or value');
  }
  const fields = data ?? { value: value ?? '' };
  if (Object.keys(fields).length === 0) {
    throw new CofferError('invalid_request', 'a secret has at least one field');
  }
  const text = JSON.stringify(fields);
  if (Buffer.byteLength(text) <= longestSecret) return text;
  throw new CofferError('payload_too_large', `a secret has at most ${longestSecret} bytes of JSON here`);
}

/** Milliseconds; null where it has no end. Throws `invalid_request`. */
export function endOf({ ttl, expires_at: date }: Written, now: number): number | null {
  if (ttl !== undefined && date !== undefined) {
    throw new CofferError('invalid_request', 'an end is said by either ttl or expires_at');
  }
  if (ttl !== undefined) {
    if (ttl > 0) return now + ttl * 1_000;
    throw new CofferError('invalid_request', 'ttl must be longer than 0');
  }
  if (date === undefined) return null;
  const isDate = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/.test(date);
  const end = isDate ? Date.parse(date) : Number.NaN;
  if (end > now && end <= now + longestLife) return end;
  throw new CofferError(
    'invalid_request',
    'expires_at must be a time to come, within a hundred years, as in 2027-01-31T12:00:00Z',
  );
}

/** Throws `conflict` when another version is the current one than the write wants; 0 is none. */
export function checkCas({ cas, options }: Written, current: number): void {
  const wanted = cas ?? numberOf(options?.['cas']);
  if (wanted === undefined || wanted === current) return;
  throw new CofferError('conflict', 'check-and-set parameter did not match the current version');
}

/** Who may read from now on: as sent, else as before. Throws `invalid_request` where nobody ever said. */
export function listOf(
  sent: readonly ProvenPrincipal[] | undefined,
  before: readonly ProvenPrincipal[] | undefined,
): readonly ProvenPrincipal[] {
  const list = sent ?? before;
  if (list !== undefined) return list;
  throw new CofferError(
    'invalid_request',
    'roles is missing: who may read the secret, such as app or userpass/ann; an empty list is nobody',
  );
}

function numberOf(value: JsonValue | undefined): number | undefined {
  if (value === undefined || value === null) return undefined;
  const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 0) return number;
  throw new CofferError('invalid_request', 'options.cas is a version number, or 0');
}
