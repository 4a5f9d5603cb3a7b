/** A point in time as people write it. */
import { CofferError } from '../../errors.ts';

const written = /^(\d{4})-(\d\d)-(\d\d)[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/;

/** RFC 3339, or seconds since 1970; answers milliseconds. Throws `invalid_request` for anything else, and for what is yet to come. */
export function parsePastTime(text: string, now: number): number {
  const at = /^\d{1,11}(\.\d{1,9})?$/.test(text) ? Math.floor(Number(text) * 1_000) : parseRfc3339(text);
  if (at === undefined) {
    throw new CofferError(
      'invalid_request',
      'at is a time such as 2026-11-22T09:00:00Z, or seconds since 1970',
    );
  }
  if (at > now) throw new CofferError('invalid_request', 'at is a time that is yet to come');
  return at;
}

function parseRfc3339(text: string): number | undefined {
  const [, year, month, day] = written.exec(text) ?? [];
  const at = Date.parse(text.replace(' ', 'T').toUpperCase());
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  // The runtime takes a 30th of February for the 2nd of March.
  return Number.isNaN(at) || date.getUTCDate() !== Number(day) ? undefined : at;
}
