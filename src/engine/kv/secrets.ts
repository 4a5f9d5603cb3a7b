/** Secrets of a kv v2 mount in its view: pointers by path, versions by the secret's own id, large values in parts. */

import { parseStored } from '../../core/stored-json.ts';
import { TwoGenerationCache } from '../../core/two-generation-cache.ts';
import type { DueEntry, View, ViewExpectation, ViewWrite } from '../../core/view.ts';
import { type Random, randomUuid } from '../../crypto/random.ts';
import { CofferError, ConflictError } from '../../errors.ts';
import type { Revision } from '../../storage/storage.ts';
import { decodeSecret, encodeSecret, type SecretRecord, type VersionRecord } from './metadata.ts';

/** Vault's own limit of a secret. */
const longestSecret = 1024 * 1024;
/** What fits one record beside its seal; larger values go in parts of this size. */
export const partBytes = 240 * 1024;
/** How long parts may lie about before they are taken for the rest of a crash, in milliseconds. */
const uploadTime = 3_600_000;
const cachedSecrets = 16_384;

export interface ReadSecret {
  readonly secret: SecretRecord;
  readonly revision: Revision;
}

export interface Change {
  readonly secret: SecretRecord;
  readonly writes?: readonly ViewWrite[];
  readonly expectations?: readonly ViewExpectation[];
  readonly due?: readonly DueEntry[];
}

/** Where a new version's value goes. */
export interface Placed {
  readonly upload?: NonNullable<VersionRecord['upload']>;
  /** For the commit that adds the version: the parts of a large value must still be there. */
  readonly expectations: readonly ViewExpectation[];
  writes(id: string, number: number): ViewWrite[];
}

export class Secrets {
  readonly #random: Random;
  /** Decoded pointers, good for the revision they were read at. No plaintext of secrets is ever kept. */
  readonly #cache = new TwoGenerationCache<ReadSecret>(cachedSecrets);

  constructor(random: Random) {
    this.#random = random;
  }

  async read(view: View, path: string): Promise<ReadSecret | undefined> {
    return this.#decode(path, await view.read(pointerPath(path)));
  }

  /**
   * A secret and the text of one version (0 is the current one), in one multi-get where the pointer is known. `text` is
   * undefined when that version does not exist, or is destroyed.
   */
  async readVersion(
    view: View,
    path: string,
    version: number,
  ): Promise<(ReadSecret & { readonly number: number; readonly text: string | undefined }) | undefined> {
    const known = this.#cache.get(path);
    const guess = known === undefined ? 0 : version || known.secret.current;
    if (known !== undefined && guess > 0) {
      const [pointer, record] = await view.readMany([pointerPath(path), versionPath(known.secret.id, guess)]);
      const read = this.#decode(path, pointer);
      if (read === undefined) return undefined;
      const number = version || read.secret.current;
      if (read.secret.id === known.secret.id && number === guess) {
        const entry = read.secret.versions[number];
        if (entry?.upload === undefined) return { ...read, number, text: record?.open().toString('utf8') };
      }
      return this.#withText(view, path, read, version);
    }
    const read = await this.read(view, path);
    return read === undefined ? undefined : this.#withText(view, path, read, version);
  }

  /**
   * Commits a changed pointer, expecting it to be as it was read (undefined: absent). Throws `conflict`, and `request_timeout` when
   * the parts of a large value were cleared away before they were taken over.
   */
  async commit(view: View, path: string, before: ReadSecret | undefined, change: Change): Promise<void> {
    const pointer = pointerPath(path);
    const expectations: readonly ViewExpectation[] = [
      { path: pointer, revision: before?.revision ?? null },
      ...(change.expectations ?? []),
    ];
    const writes: readonly ViewWrite[] = [
      { path: pointer, value: encodeSecret(change.secret) },
      ...(change.writes ?? []),
    ];
    const [revision] = await view.commit(writes, expectations, change.due).catch((error: unknown) => {
      const cleared = error instanceof ConflictError && error.key.startsWith('upload/');
      throw cleared ? new CofferError('request_timeout', 'writing took too long: send it again') : error;
    });
    if (revision !== undefined) this.#cache.set(path, { secret: change.secret, revision });
  }

  /**
   * Where a new version's value goes: the writes of the final commit, after parts of a large value were put aside. Throws
   * `payload_too_large`.
   */
  async place(view: View, path: string, text: Buffer, now: number): Promise<Placed> {
    if (text.length > longestSecret) {
      throw new CofferError('payload_too_large', `a secret has at most ${longestSecret} bytes of JSON`);
    }
    if (text.length <= partBytes) {
      return { expectations: [], writes: (id, number) => [{ path: versionPath(id, number), value: text }] };
    }
    const id = randomUuid(this.#random);
    const parts = Math.ceil(text.length / partBytes);
    const mark = Buffer.from(JSON.stringify({ path, parts }));
    const [revision = null] = await view.commit(
      [{ path: uploadPath(id), value: mark }],
      [],
      [{ at: now + uploadTime, name: uploadPath(id) }],
    );
    for (let part = 0; part < parts; part++) {
      const value = text.subarray(part * partBytes, (part + 1) * partBytes);
      await view.commit([{ path: partPath(id, part), value }]);
    }
    return {
      upload: { id, parts },
      expectations: [{ path: uploadPath(id), revision }],
      writes: () => [{ path: uploadPath(id), value: null }],
    };
  }

  /** The writes that remove a version's value. */
  removal(secret: SecretRecord, number: number): ViewWrite[] {
    const upload = secret.versions[number]?.upload;
    if (upload === undefined) return [{ path: versionPath(secret.id, number), value: null }];
    return Array.from({ length: upload.parts }, (_, part) => ({
      path: partPath(upload.id, part),
      value: null,
    }));
  }

  forget(path: string): void {
    this.#cache.delete(path);
  }

  /** Duty: parts that no version took over are removed. */
  async onUploadDue(view: View, name: string): Promise<void> {
    const record = await view.read(name);
    if (record === undefined) return;
    const { parts } = parseStored<{ parts: number }>(record.open());
    const id = name.slice('upload/'.length);
    const writes: ViewWrite[] = Array.from({ length: parts }, (_, part) => ({
      path: partPath(id, part),
      value: null,
    }));
    await view.commit([...writes, { path: name, value: null }], [{ path: name, revision: record.revision }]);
  }

  /** The value is another record than the pointer: where it is not there, the pointer may have moved on meanwhile. */
  async #withText(
    view: View,
    path: string,
    read: ReadSecret,
    version: number,
  ): Promise<(ReadSecret & { readonly number: number; readonly text: string | undefined }) | undefined> {
    const number = version || read.secret.current;
    const entry = read.secret.versions[number];
    if (entry === undefined || entry.destroyed) return { ...read, number, text: undefined };
    const text = await this.#text(view, read.secret, number);
    if (text !== undefined) return { ...read, number, text };
    const again = await this.read(view, path);
    if (again === undefined) return undefined;
    return again.revision === read.revision
      ? { ...read, number, text }
      : this.#withText(view, path, again, version);
  }

  async #text(view: View, secret: SecretRecord, number: number): Promise<string | undefined> {
    const upload = secret.versions[number]?.upload;
    if (upload === undefined)
      return (await view.read(versionPath(secret.id, number)))?.open().toString('utf8');
    const parts = await view.readMany(
      Array.from({ length: upload.parts }, (_, part) => partPath(upload.id, part)),
    );
    if (parts.some((part) => part === undefined)) return undefined;
    return Buffer.concat(parts.map((part) => part?.open() ?? Buffer.alloc(0))).toString('utf8');
  }

  #decode(path: string, sealed: { revision: Revision; open(): Buffer } | undefined): ReadSecret | undefined {
    if (sealed === undefined) {
      this.#cache.delete(path);
      return undefined;
    }
    const known = this.#cache.get(path);
    if (known?.revision === sealed.revision) return known;
    const read = { secret: decodeSecret(sealed.open()), revision: sealed.revision };
    this.#cache.set(path, read);
    return read;
  }
}

export const pointerFolder = 'meta/';

export function pointerPath(path: string): string {
  return pointerFolder + path;
}

export function versionPath(id: string, number: number): string {
  return `version/${id}/${String(number).padStart(10, '0')}`;
}

function uploadPath(id: string): string {
  return `upload/${id}`;
}

export function partPath(id: string, part: number): string {
  return `part/${id}/${part}`;
}
