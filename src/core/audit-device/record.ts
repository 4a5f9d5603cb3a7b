/** An audit device as the store has it, and what may be said of one. */
import { CofferError } from '../../errors.ts';
import { parseStorageKey, type StorageKey } from '../../storage/storage.ts';
import { decodeStored, encodeStored } from '../stored-json.ts';

export interface DeviceRecord {
  /** With a trailing `/`. */
  readonly path: string;
  readonly type: string;
  readonly description: string;
  /** As given: common ones and the type's own. */
  readonly options: Readonly<Record<string, string>>;
  readonly local: boolean;
  /** Base64 of 32 bytes: its digests are its own, so that two devices' lines cannot be held against each other. */
  readonly key: string;
}

export const devicePrefix = 'core/audit-device/';
/** The log that every store has and that cannot be taken away. */
export const chainPath = 'coffer-chain/';

export function deviceKey(path: string): StorageKey {
  return parseStorageKey(devicePrefix + path.replace(/\/$/, ''));
}

export function encodeDevice(record: DeviceRecord): Buffer {
  return encodeStored(record);
}

/** Throws as `decodeStored` does. */
export function decodeDevice(bytes: Buffer): DeviceRecord {
  return decodeStored<DeviceRecord>(bytes);
}

/** With a trailing `/`. Throws `invalid_request`. */
export function parseDevicePath(text: string): string {
  const path = text.replace(/\/$/, '');
  const names = path.split('/');
  if (names.length > 8 || !names.every((name) => /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/.test(name))) {
    throw new CofferError(
      'invalid_request',
      'an audit device’s path is made of names of letters, digits, ".", "_" and "-"',
    );
  }
  return `${path}/`;
}

/** How a device's lines are written, whatever its type. */
export interface LineStyle {
  readonly prefix: string;
  /** Accessors are digests too. */
  readonly hmacAccessor: boolean;
}

export interface SplitOptions {
  readonly style: LineStyle;
  /** The type's own. */
  readonly own: Readonly<Record<string, string>>;
  /** Not opened before it is stored. */
  readonly skipTest: boolean;
}

/** Throws `invalid_request` for what is asked of every device and not honoured. */
export function splitOptions(options: Readonly<Record<string, string>>): SplitOptions {
  const { format, prefix = '', log_raw, hmac_accessor, elide_list_responses, skip_test, ...own } = options;
  if (switchOf('log_raw', log_raw, false)) {
    throw new CofferError(
      'invalid_request',
      'log_raw is refused: secrets in an audit device would be secrets in the clear',
    );
  }
  if (format !== undefined && format !== '' && format !== 'json') {
    throw new CofferError('invalid_request', 'format is json and nothing else');
  }
  if (switchOf('elide_list_responses', elide_list_responses, false)) {
    throw new CofferError('invalid_request', 'elide_list_responses is not supported');
  }
  // What begins a line must not make a program, a tag or a line of its own out of it.
  if (!/^[A-Za-z0-9@_.:= -]{0,64}$/.test(prefix)) {
    throw new CofferError(
      'invalid_request',
      'prefix is at most 64 letters, digits, blanks and "@", "_", ".", ":", "=", "-"',
    );
  }
  const style = { prefix, hmacAccessor: switchOf('hmac_accessor', hmac_accessor, true) };
  return { style, own, skipTest: switchOf('skip_test', skip_test, false) };
}

function switchOf(name: string, text: string | undefined, usual: boolean): boolean {
  if (text === undefined || text === '') return usual;
  if (/^(?:true|1|t)$/i.test(text)) return true;
  if (/^(?:false|0|f)$/i.test(text)) return false;
  throw new CofferError('invalid_request', `${name} is true or false`);
}
