/**
 * The seam of audit devices: places besides the built-in log that its lines are shipped to. Whatever a device does, no request
 * waits for it and none fails by it.
 *
 * - A line is one JSON object without line breaks; secrets in it are digests under the device's own key already.
 * - `write` is called with lines in order, once at a time. It resolves when they are with the kernel or the peer. When it rejects,
 *   the device is closed, opened anew after a while, and offered the same lines again: a line may arrive twice, and what is after a
 *   piece of a line begins on a new one.
 * - `close` ends a `write` under way, which then rejects. It may be called again.
 */
import type { Clock } from '../clock.ts';
import { CofferError } from '../errors.ts';

/** What the server's configuration lets devices reach; nothing else is, whatever a request says. */
export interface DevicePlaces {
  /** Absolute directories below which files may be. */
  readonly directories: readonly string[];
  /** The one among them that relative paths start from, made when it is needed; undefined where there is none. */
  readonly own: string | undefined;
  /** `tcp://host:port`, `udp://host:port`, `unix:///path`, `http://…` and `https://…`, in exactly this form. */
  readonly targets: readonly string[];
  /** The program's standard output. Resolves when the kernel has the bytes. */
  readonly stdout: (bytes: Buffer) => Promise<void>;
  readonly clock: Clock;
}

export type DeviceOptions = Readonly<Record<string, string>>;

export interface OpenDevice {
  write(lines: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** A device whose options have been found right, not open yet. */
export interface PreparedDevice {
  /** Rejects with `unavailable` or `invalid_request`, saying what is in the way. */
  open(): Promise<OpenDevice>;
}

/** One row of the catalog. */
export interface AuditDeviceType {
  readonly type: string;
  readonly summary: string;
  /**
   * Reads the device's own options. Opens nothing. Throws `invalid_request` for an option that it does not know or honour, and for
   * a place that the configuration does not list.
   */
  prepare(options: DeviceOptions, places: DevicePlaces): PreparedDevice;
}

export const noPlaces: Omit<DevicePlaces, 'clock'> = {
  directories: [],
  own: undefined,
  targets: [],
  stdout: () => Promise.reject(new CofferError('unavailable', 'this program has no standard output')),
};

/** Throws `invalid_request` naming the first option that is not among `known`. */
export function refuseOthers(options: DeviceOptions, known: readonly string[]): void {
  const other = Object.keys(options).find((name) => !known.includes(name));
  if (other === undefined) return;
  const told = known.length === 0 ? 'it takes none of its own' : `known are ${known.join(', ')}`;
  throw new CofferError(
    'invalid_request',
    `this kind of audit device has no option ${JSON.stringify(other.slice(0, 60))}; ${told}`,
  );
}

/** Throws `invalid_request` unless the configuration lists the target, which is no secret. */
export function requireTarget(target: string, { targets }: DevicePlaces): void {
  if (targets.includes(target)) return;
  throw new CofferError(
    'invalid_request',
    'the target of this audit device is not among audit.targets of the server’s configuration; only who configures the server says where audit lines may go',
  );
}

/** What went wrong, by the system's code: texts of the system may name more than a client is to know. */
export function deviceFailure(what: string, cause: unknown): CofferError {
  const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
  return new CofferError('unavailable', `${what}${code}`, { cause });
}
