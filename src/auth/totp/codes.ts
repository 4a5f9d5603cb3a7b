/**
 * Whose codes are right. Where the answer is a refusal, the same number of codes is derived for every party, whatever devices it has and
 * whether it is there at all: the places that no device has are made up for by a decoy. Who is let in does not wait for that.
 */
import { timingSafeEqual } from 'node:crypto';
import { stepAt } from '../../crypto/one-time-code.ts';
import { CofferError } from '../../errors.ts';
import type { Revision } from '../../storage/storage.ts';
import { type DeviceEntry, type DeviceRecord, mostDevices } from './account.ts';
import type { Seed } from './seed.ts';

/** The code of a step, as `codeAt` derives it. */
export type DeriveCode = (key: Buffer, step: number, settings: Seed) => string;

/** Steps before and after the current one whose codes are taken (RFC 6238 §5.2): clocks differ, and people type. */
const skew = 1;

/** A device that may prove something now. */
export interface LiveDevice {
  readonly entry: DeviceEntry;
  readonly record: DeviceRecord;
  readonly revision: Revision;
}

/** A device that made a code, and the step that is used up by it. */
export interface Match {
  readonly device: LiveDevice;
  readonly step: number;
}

/**
 * Throws `invalid_request` unless it is 6 or 8 digits of ASCII and nothing else: what merely looks like a code is none. Nothing was
 * looked up by then.
 */
export function parseCode(text: string | undefined, what = 'code'): string {
  if (text === undefined || text === '') throw new CofferError('invalid_request', `missing ${what}`);
  if (/^(?:\d{6}|\d{8})$/.test(text)) return text;
  throw new CofferError('invalid_request', `${what} has 6 or 8 digits and nothing else`);
}

/** Derivations for one device. */
const derivations = 2 * skew + 1;

export interface Matches {
  /** In the order of the codes: the devices that made each, with the oldest step around now that is not used up. */
  readonly found: readonly (readonly Match[])[];
  /** Codes that were derived. */
  readonly derived: number;
}

/**
 * Looks at all devices, and at all steps of each: a code that fits several is of all of them.
 *
 * @param devices by their places
 * @param now milliseconds
 */
export function matchesOf(
  derive: DeriveCode,
  devices: readonly (LiveDevice | undefined)[],
  codes: readonly string[],
  now: number,
): Matches {
  const found: readonly Match[][] = codes.map(() => []);
  const sent = codes.map((code) => Buffer.from(code));
  const there = devices.filter((device) => device !== undefined);
  for (const device of there) {
    const { record } = device;
    const current = stepAt(now, record);
    for (let step = current - skew; step <= current + skew; step++) {
      const right = Buffer.from(derive(record.key, Math.max(0, step), record));
      for (const [index, code] of sent.entries()) {
        if (!isSame(code, right) || step <= record.lastStep || step < 0) continue;
        const matches = found[index];
        if (matches?.at(-1)?.device !== device) matches?.push({ device, step });
      }
    }
  }
  return { found, derived: there.length * derivations };
}

/** Derives what a refusal lacks of the work that it has for parties with every place taken. */
export function makeUp(
  derive: DeriveCode,
  decoy: Seed,
  parties: readonly Pick<Matches, 'derived'>[],
  now: number,
): void {
  const step = stepAt(now, decoy);
  const done = parties.reduce((sum, { derived }) => sum + derived, 0);
  for (let made = done; made < parties.length * mostDevices * derivations; made++) {
    derive(decoy.key, Math.max(0, step), decoy);
  }
}

function isSame(sent: Buffer, right: Buffer): boolean {
  return sent.length === right.length && timingSafeEqual(sent, right);
}
