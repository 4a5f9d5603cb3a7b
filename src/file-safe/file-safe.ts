/**
 * A safe on disk without a server: the records of a versioned kv mount behind a barrier, opened by one process for as long as it needs
 * them. Several processes may have it open. There is no policy and no audit: whoever has a slot's key and the files has everything.
 */
import type { Barrier } from '../barrier/barrier.ts';
import type { Clock } from '../clock.ts';
import { MountView } from '../core/mount/view.ts';
import type { View } from '../core/view.ts';
import type { Random } from '../crypto/random.ts';
import { kvV2 } from '../engine/kv/kv-v2.ts';
import { isDeleted, shownSecret } from '../engine/kv/metadata.ts';
import { encodeSecret } from '../engine/kv/pointer.ts';
import { pointerFolder, Secrets } from '../engine/kv/secrets.ts';
import {
  addVersion,
  destroyVersions,
  type Place,
  patchVersion,
  removeSecret,
  setDeleted,
} from '../engine/kv/versions.ts';
import type { SecretTree } from '../engine/secret-tree.ts';
import { CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import type { Page, PageRequest } from '../storage/storage.ts';
import { keepHouse } from './housekeeping.ts';
import { carryOut, type MoveTask, type Tally } from './move.ts';

export interface FileSafeParts {
  /** Unsealed. */
  readonly barrier: Barrier;
  readonly id: string;
  readonly random: Random;
  readonly clock: Clock;
  close(): Promise<void>;
}

export type ReadVersion =
  | { readonly kind: 'found'; readonly data: JsonObject; readonly version: number }
  | { readonly kind: 'deleted' | 'destroyed'; readonly version: number }
  /** No such secret; or no such version of it, and then `current` is the newest. */
  | { readonly kind: 'absent'; readonly current: number };

export class FileSafe {
  /** A uuid. */
  readonly id: string;
  readonly #parts: FileSafeParts;
  readonly #view: View;
  readonly #secrets = new Secrets(encodeSecret);
  readonly #engine: ReturnType<typeof kvV2>;
  #changed = false;
  #closing: Promise<void> | undefined;

  constructor(parts: FileSafeParts) {
    const { barrier, id, random, clock } = parts;
    this.id = id;
    this.#parts = parts;
    this.#view = new MountView(barrier, id, (writes, expectations) => {
      this.#changed = true;
      return barrier.commit(writes, expectations);
    });
    this.#engine = kvV2({
      mountPath: '',
      mountAccessor: '',
      options: {},
      defaultTtl: 0,
      maxTtl: 0,
      clock,
      random,
      digest: () => '',
    });
  }

  /** @param version the current one if absent */
  async read(name: string, version = 0): Promise<ReadVersion> {
    const read = await this.#secrets.readVersion(this.#view, name, version);
    if (read?.version === undefined) return { kind: 'absent', current: await this.#current(name) };
    const { number } = read;
    if (read.version.destroyed) return { kind: 'destroyed', version: number };
    if (isDeleted(read.version, this.#parts.clock.now())) return { kind: 'deleted', version: number };
    const data: unknown = read.text === undefined ? undefined : JSON.parse(read.text);
    if (!isJsonObject(data)) throw new CofferError('integrity', 'the value of this version is missing');
    return { kind: 'found', data, version: number };
  }

  /** As kv's metadata shows it; undefined where there is no such secret. */
  async metadata(name: string): Promise<JsonObject | undefined> {
    const read = await this.#secrets.read(this.#view, name);
    return read === undefined ? undefined : shownSecret(read.secret);
  }

  /** On disk when it resolves. @param check the version that must be the current one, 0 for none; `conflict` when it is not */
  write(name: string, data: JsonObject, check?: number): Promise<JsonObject> {
    return addVersion(this.#place(name), data, check);
  }

  /** Throws `not_found` where there is nothing to patch, `conflict` as `write` does. */
  async patch(name: string, fields: JsonObject, check?: number): Promise<JsonObject> {
    const patched = await patchVersion(this.#place(name), fields, check);
    if (patched?.kind === 'written') return patched.shown;
    throw new CofferError('not_found', `there is no secret ${name} to patch`);
  }

  /** Names right below a folder, which is empty or ends in `/`. */
  list(folder: string, page: PageRequest): Promise<Page<string>> {
    return this.#view.children(pointerFolder + folder, page);
  }

  async setDeleted(name: string, versions: readonly number[] | 'current', deleted: boolean): Promise<void> {
    await setDeleted(this.#place(name), versions, deleted);
  }

  async destroy(name: string, versions: readonly number[]): Promise<void> {
    await destroyVersions(this.#place(name), versions);
  }

  async remove(name: string): Promise<void> {
    await removeSecret(this.#place(name));
  }

  /** Each secret in a commit of its own; what is done is done, and doing the same again does the rest. */
  move(task: MoveTask): Promise<Tally> {
    return carryOut(this.#tree(), this.#view, task);
  }

  /** Does what is due where something was written, seals, and lets go of the files. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { barrier, clock, id, close } = this.#parts;
    // What was asked for is done and on disk: that this fails (a full disk, say) must not look as if that had. The next process tries
    // again, and whoever reads what is damaged is told.
    if (this.#changed)
      await keepHouse(barrier, id, clock, (name) => this.#onDue(name)).catch(() => undefined);
    barrier.seal();
    await close();
  }

  async #onDue(name: string): Promise<void> {
    await this.#engine.onDue?.(name, this.#view);
  }

  #tree(): SecretTree {
    const { secrets } = this.#engine;
    if (secrets === undefined) throw new CofferError('internal', 'kv has no tree');
    return secrets;
  }

  async #current(name: string): Promise<number> {
    const current: JsonValue | undefined = (await this.metadata(name))?.['current_version'];
    return typeof current === 'number' ? current : 0;
  }

  #place(name: string): Place {
    const { random, clock } = this.#parts;
    return { secrets: this.#secrets, random, call: { view: this.#view, clock }, path: name };
  }
}
