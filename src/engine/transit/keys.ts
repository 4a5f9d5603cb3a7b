/**
 * Named keys and their versions in a mount's view. What is decoded is kept by revision, and versions by the id that their key
 * names: every use reads the key anew, so what was trimmed, deleted or forbidden is refused from that commit on, on every node.
 */
import { retryOnConflict } from '../../core/retry.ts';
import { TwoGenerationCache } from '../../core/two-generation-cache.ts';
import type { DueEntry, View, ViewExpectation, ViewWrite } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';
import type { OpenKey } from './cipher.ts';
import {
  decodeKey,
  encodeKey,
  type KeyRecord,
  keyPath,
  mostVersions,
  oldestUsable,
  versionAt,
  versionPath,
  versionsOf,
} from './key-record.ts';
import { keyType } from './key-types.ts';
import {
  decodeVersion,
  encodeVersion,
  type KeyVersion,
  openVersion,
  type StoredVersion,
} from './key-version.ts';

export interface ReadKey {
  readonly record: KeyRecord;
  /** The storage's, for the commit that changes it. */
  readonly revision: ViewExpectation['revision'];
}

export interface NumberedVersion {
  readonly number: number;
  readonly version: StoredVersion;
}

/** Keys and versions that are kept decoded. */
const mostKept = 500;

export class Keys {
  readonly #records = new TwoGenerationCache<ReadKey>(mostKept);
  readonly #versions = new TwoGenerationCache<KeyVersion>(mostKept);

  async read(view: View, name: string): Promise<ReadKey | undefined> {
    const stored = await view.read(keyPath(name));
    if (stored === undefined) return undefined;
    const known = this.#records.get(name);
    if (known?.revision === stored.revision) return known;
    const read = { record: decodeKey(stored.open()), revision: stored.revision };
    this.#records.set(name, read);
    return read;
  }

  /** Throws `invalid_request` in these words where there is no such key. */
  async need(view: View, name: string, otherwise: string): Promise<ReadKey> {
    const read = await this.read(view, name);
    if (read === undefined) throw new CofferError('invalid_request', otherwise);
    return read;
  }

  /** A version ready for use. Throws `invalid_request` for one that is not there or may not be used any more. */
  async open(view: View, record: KeyRecord, version: number): Promise<OpenKey> {
    const type = keyType(record.type);
    if (version < oldestUsable(record) || version > record.latestVersion) throw noSuchVersion();
    const path = versionPath(record.id, version);
    const kept = this.#versions.get(path);
    if (kept !== undefined) return { record, type, version: kept };
    const stored = await view.read(path);
    if (stored === undefined) throw noSuchVersion();
    const opened = openVersion(type, decodeVersion(stored.open()));
    // A version that has its private key is never written again; one that waits for it is read each time.
    if (opened.key !== undefined) this.#versions.set(path, opened);
    return { record, type, version: opened };
  }

  /** All versions that may be used, from the oldest. */
  async versions(view: View, record: KeyRecord): Promise<readonly NumberedVersion[]> {
    return this.versionsFrom(view, record, oldestUsable(record));
  }

  /** All versions from this one on, also those that the settings forbid to use. */
  async versionsFrom(view: View, record: KeyRecord, first: number): Promise<readonly NumberedVersion[]> {
    const found: NumberedVersion[] = [];
    let after: string | undefined = versionPath(record.id, first - 1);
    do {
      const page: Awaited<ReturnType<View['range']>> = await view.range(versionsOf(record.id), {
        limit: 100,
        after,
      });
      for (const item of page.items) {
        const number = versionAt(item.path);
        // One that a rotation is adding just now is not this record's.
        if (number <= record.latestVersion) found.push({ number, version: decodeVersion(item.open()) });
      }
      after = page.next;
    } while (after !== undefined);
    return found;
  }

  /** Writes a key that was not there, with its first version. Throws a conflict where it is there by now. */
  async create(view: View, record: KeyRecord, version: StoredVersion): Promise<void> {
    await view.commit(
      [
        { path: keyPath(record.name), value: encodeKey(record) },
        { path: versionPath(record.id, record.latestVersion), value: encodeVersion(version) },
      ],
      [{ path: keyPath(record.name), revision: null }],
      rotationDue(record),
    );
  }

  /** Adds a version on top, in one commit with the key that names it. Throws `invalid_request` where no more may be kept. */
  async addVersion(
    view: View,
    before: ReadKey,
    version: StoredVersion,
    change: Partial<KeyRecord>,
  ): Promise<KeyRecord> {
    const { record } = before;
    if (isFull(record)) {
      throw new CofferError(
        'invalid_request',
        `a key keeps at most ${mostVersions} versions: trim older ones first`,
      );
    }
    const latestVersion = record.latestVersion + 1;
    const after: KeyRecord = { ...record, ...change, latestVersion, latestAt: version.createdAt };
    await this.commit(view, before, after, [
      { path: versionPath(record.id, latestVersion), value: encodeVersion(version) },
    ]);
    return after;
  }

  /** Writes the key's record, if it is still what was read. */
  async commit(
    view: View,
    before: ReadKey,
    after: KeyRecord,
    writes: readonly ViewWrite[] = [],
    due: readonly DueEntry[] = rotationDue(after),
  ): Promise<void> {
    const path = keyPath(after.name);
    await view.commit(
      [{ path, value: encodeKey(after) }, ...writes],
      [{ path, revision: before.revision }],
      due,
    );
  }

  /** Reads, decides and commits until nobody else comes between. `otherwise` is said where there is no such key. */
  change<T>(
    view: View,
    name: string,
    otherwise: string,
    attempt: (before: ReadKey) => Promise<T>,
  ): Promise<T> {
    return retryOnConflict(async () => attempt(await this.need(view, name, otherwise)));
  }

  /** Lets go of versions that are not to be used again. */
  forget(record: KeyRecord, below: number): void {
    for (let version = Math.max(1, record.minAvailableVersion); version < below; version++) {
      this.#versions.delete(versionPath(record.id, version));
    }
  }
}

export function isFull(record: KeyRecord): boolean {
  return record.latestVersion - Math.max(1, record.minAvailableVersion) + 1 >= mostVersions;
}

function noSuchVersion(): CofferError {
  return new CofferError('invalid_request', 'no such key version');
}

export const rotateFolder = 'rotate/';

/** Milliseconds; undefined where the key does not rotate by itself. */
export function nextRotation(record: KeyRecord): number | undefined {
  return record.autoRotatePeriod === 0 ? undefined : record.latestAt + record.autoRotatePeriod * 1_000;
}

export function rotationDue(record: KeyRecord): readonly DueEntry[] {
  const at = nextRotation(record);
  return at === undefined ? [] : [{ at, name: rotateFolder + record.name }];
}
