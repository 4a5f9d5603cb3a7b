/**
 * The audit devices of a store, on this node. What they are is in the store, and every node opens all of them; where they may
 * write is said by each node's own configuration. The built-in log stands before them: a line is offered to devices once it is kept
 * there.
 */
import { createSecretKey } from 'node:crypto';
import type { AuditDeviceType, DevicePlaces, PreparedDevice } from '../../audit-device/audit-device.ts';
import type { BarrierStore } from '../../barrier/store.ts';
import type { Random } from '../../crypto/random.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import type { Revision } from '../../storage/storage.ts';
import type { AuditEntry, AuditLog } from '../audit/audit.ts';
import { keyedDigest } from '../audit/digest.ts';
import { bumpEpoch } from '../epoch.ts';
import { allItems } from '../pages.ts';
import { retryOnConflict } from '../retry.ts';
import { deviceDigest, deviceLine, type LineDigests } from './line.ts';
import {
  chainPath,
  type DeviceRecord,
  decodeDevice,
  deviceKey,
  devicePrefix,
  encodeDevice,
  type LineStyle,
  parseDevicePath,
  splitOptions,
} from './record.ts';
import { Shipper, type ShipperHealth } from './shipper.ts';

/** The kinds that a server offers, and what they may reach. */
export interface DeviceKinds {
  readonly types: ReadonlyMap<string, AuditDeviceType>;
  readonly places: DevicePlaces;
}

export interface DevicesOptions extends DeviceKinds {
  readonly store: BarrierStore;
  readonly random: Random;
  readonly chain: AuditLog;
  readonly log: (message: string, fields: Readonly<Record<string, unknown>>) => void;
}

export interface NewDevice {
  /** As the caller wrote it. */
  readonly path: string;
  readonly type: string;
  readonly description: string;
  readonly options: Readonly<Record<string, string>>;
  readonly local: boolean;
}

interface Device {
  readonly record: DeviceRecord;
  readonly revision: Revision;
  readonly digests: LineDigests;
  readonly shipper: Shipper;
}

/** More would have each request's line written that often. */
const mostDevices = 8;
/** Requests whose answers have not come by. */
const mostUnanswered = 4_096;

export class AuditDevices {
  readonly #options: DevicesOptions;
  #devices: readonly Device[] = [];
  #loading: Promise<void> = Promise.resolve();
  readonly #unanswered = new Map<string, AuditEntry>();
  #closed = false;

  constructor(options: DevicesOptions) {
    this.#options = options;
  }

  /** The built-in log with devices behind it: what waits for a line waits for the built-in log and for nothing else. */
  watched(): AuditLog {
    const { chain } = this.#options;
    return {
      append: (entry, durability) => {
        const kept = chain.append(entry, durability);
        return this.#devices.length === 0 ? kept : kept.then(() => this.#offer(entry));
      },
      digest: (text) => chain.digest(text),
      redactRequest: (data, fields, clear) => chain.redactRequest(data, fields, clear),
      redactAnswer: (data, schema, clear) => chain.redactAnswer(data, schema, clear),
      close: async () => {
        await chain.close();
        await this.close();
      },
      health: () => chain.health(),
    };
  }

  /** One after the other: what was read earlier must not come to lie on top. */
  load(): Promise<void> {
    const loading = this.#loading.catch(() => undefined).then(() => this.#load());
    this.#loading = loading;
    return loading;
  }

  list(): readonly (DeviceRecord & ShipperHealth)[] {
    return this.#devices.map(({ record, shipper }) => ({ ...record, ...shipper.health() }));
  }

  /** What the device at a path writes for a text. Throws `invalid_request` where there is none. */
  digest(path: string, text: string): string {
    const wanted = `${path.replace(/\/$/, '')}/`;
    if (wanted === chainPath && this.hasChain()) return this.#options.chain.digest(text);
    const device = this.#devices.find(({ record }) => record.path === wanted);
    if (device === undefined) throw new CofferError('invalid_request', 'unknown audit backend');
    return deviceDigest(device.digests, text);
  }

  /** False where nothing is kept (`--dev`). */
  hasChain(): boolean {
    return this.#options.chain.health() !== undefined;
  }

  /** Throws `invalid_request`; then nothing has changed. */
  async enable(wanted: NewDevice): Promise<void> {
    const path = parseDevicePath(wanted.path);
    const { skipTest } = splitOptions(wanted.options);
    const prepared = this.#prepare(wanted.type, wanted.options);
    if (overlaps(path, chainPath)) throw inUse(chainPath);
    await this.#checkFree(path);
    if (!skipTest) await tryOut(prepared);
    const key = this.#options.random.bytes(32).toString('base64');
    const { type, description, options, local } = wanted;
    const value = encodeDevice({ path, type, description, options, local, key });
    await retryOnConflict(async () => {
      const bump = await bumpEpoch(this.#options.store, 'system');
      await this.#checkFree(path);
      await this.#options.store.commit([{ key: deviceKey(path), value }, bump.write], [bump.expectation]);
    });
    await this.load();
  }

  /** Disabling what is not there is fine. Throws `invalid_request` for the built-in log. */
  async disable(given: string): Promise<void> {
    const path = parseDevicePath(given);
    if (path === chainPath) {
      throw new CofferError('invalid_request', 'the built-in audit log cannot be disabled');
    }
    await retryOnConflict(async () => {
      const bump = await bumpEpoch(this.#options.store, 'system');
      await this.#options.store.commit(
        [{ key: deviceKey(path), value: null }, bump.write],
        [bump.expectation],
      );
    });
    await this.load();
  }

  /** For files that were moved away. */
  reopen(): void {
    for (const { shipper } of this.#devices) shipper.reopen();
  }

  /** For a process that is about to be frozen: what waits is shipped, as far as devices take it within a while. */
  async flush(): Promise<void> {
    await Promise.all(this.#devices.map(({ shipper }) => shipper.flush()));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#devices.map(({ shipper }) => shipper.close()));
  }

  #offer(entry: AuditEntry): void {
    const at = this.#options.places.clock.now();
    const id = entry['request_id'];
    let request: AuditEntry | undefined;
    if (typeof id === 'string' && entry.type === 'request') this.#remember(id, entry);
    if (typeof id === 'string' && entry.type === 'response') {
      request = this.#unanswered.get(id);
      this.#unanswered.delete(id);
    }
    for (const { shipper } of this.#devices) shipper.offer({ at, entry, request });
  }

  #remember(id: string, entry: AuditEntry): void {
    this.#unanswered.set(id, entry);
    if (this.#unanswered.size <= mostUnanswered) return;
    const [oldest] = this.#unanswered.keys();
    if (oldest !== undefined) this.#unanswered.delete(oldest);
  }

  async #records(): Promise<readonly { readonly record: DeviceRecord; readonly revision: Revision }[]> {
    const found = await allItems((page) => this.#options.store.range(devicePrefix, page));
    return found.map((sealed) => ({ record: decodeDevice(sealed.open()), revision: sealed.revision }));
  }

  async #checkFree(path: string): Promise<void> {
    const records = await this.#records();
    const other = records.find(({ record }) => overlaps(path, record.path));
    if (other !== undefined) throw inUse(other.record.path);
    if (records.length >= mostDevices) {
      throw new CofferError('invalid_request', `there are at most ${mostDevices} audit devices`);
    }
  }

  async #load(): Promise<void> {
    const records = await this.#records();
    if (this.#closed) return;
    const before = this.#devices;
    this.#devices = records.map(
      ({ record, revision }) =>
        before.find((device) => device.record.path === record.path && device.revision === revision) ??
        this.#device(record, revision),
    );
    if (this.#devices.length === 0) this.#unanswered.clear();
    for (const device of before) if (!this.#devices.includes(device)) void device.shipper.close();
  }

  #device(record: DeviceRecord, revision: Revision): Device {
    const { chain, places, log } = this.#options;
    const own = keyedDigest(createSecretKey(Buffer.from(record.key, 'base64')));
    const digests = { chain: (text: string) => chain.digest(text), device: own };
    const style = styleOf(record);
    const shipper = new Shipper({
      clock: places.clock,
      // What this node's configuration does not allow shows as a device that fails, and is tried again after a restart.
      open: async () => this.#prepare(record.type, record.options).open(),
      line: (shipped) => deviceLine(shipped, style, digests),
      tell: (message, fields) => log(message, { device: record.path, type: record.type, ...fields }),
    });
    return { record, revision, digests, shipper };
  }

  /** Throws `invalid_request`. */
  #prepare(type: string, options: Readonly<Record<string, string>>): PreparedDevice {
    const { own } = splitOptions(options);
    const { kind, rest } = kindOf(type, own);
    const found = this.#options.types.get(kind);
    if (found !== undefined) return found.prepare(rest, this.#options.places);
    const known = [...this.#options.types.keys()].join(', ');
    throw new CofferError('invalid_request', `unknown type of audit device; known are ${known}`);
  }
}

/** Options of a newer program must not keep a node from working: such a device fails when it is opened, before any line. */
function styleOf({ options }: DeviceRecord): LineStyle {
  try {
    return splitOptions(options).style;
  } catch {
    return { prefix: '', hmacAccessor: true };
  }
}

/** Vault has these two as special paths of its files. */
function kindOf(type: string, own: Readonly<Record<string, string>>) {
  const { file_path, path, mode: _, ...rest } = own;
  const special = file_path ?? path;
  if (type === 'file' && (special === 'stdout' || special === 'discard')) return { kind: special, rest };
  return { kind: type, rest: own };
}

function overlaps(one: string, other: string): boolean {
  return one.startsWith(other) || other.startsWith(one);
}

function inUse(path: string): CofferError {
  return new CofferError('invalid_request', `path is already in use at ${path}`);
}

/** A slip of the pen shows at once, and not in a log that nobody reads. Throws `invalid_request`. */
async function tryOut(prepared: PreparedDevice): Promise<void> {
  try {
    await (await prepared.open()).close();
  } catch (error) {
    const { message } = asCofferError(error);
    throw new CofferError('invalid_request', `the audit device cannot be opened: ${message}`, {
      cause: error,
    });
  }
}
