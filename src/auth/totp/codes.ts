/**
 * Whose codes are right. For every party the same number of codes is derived and compared, whatever devices it has and whether it is
 * there at all: the places that no device has are filled with a decoy, which is never right.
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

/**
 * For each code the devices that made it in a step around now which is not used up, the oldest such step of each.
 *
 * @param devices by their places; `mostDevices` of them
 * @param now milliseconds
 */
export function matchesOf(
  derive: DeriveCode,
  decoy: Seed,
  devices: readonly (LiveDevice | undefined)[],
  codes: readonly string[],
  now: number,
): readonly (readonly Match[])[] {
  const found: readonly Match[][] = codes.map(() => []);
  for (let slot = 0; slot < mostDevices; slot++) {
    const device = devices[slot];
    const seed = device?.record ?? decoy;
    const current = stepAt(now, seed);
    for (let step = current - skew; step <= current + skew; step++) {
      const right = derive(seed.key, Math.max(0, step), seed);
      for (const [index, code] of codes.entries()) {
        if (!isSame(code, right) || device === undefined || step < 0) continue;
        const matches = found[index];
        const isUnused = step > device.record.lastStep;
        if (isUnused && matches?.at(-1)?.device !== device) matches?.push({ device, step });
      }
    }
  }
  return found;
}

function isSame(sent: string, right: string): boolean {
  const one = Buffer.from(sent);
  const other = Buffer.from(right);
  return one.length === other.length && timingSafeEqual(one, other);
}
