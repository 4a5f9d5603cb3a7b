/** The secrets of a kv v2 mount as a tree: what moving, copying, deleting and restoring by path rest on. */
import type { View, ViewExpectation, ViewWrite } from '../../core/view.ts';
import { type Random, randomUuid } from '../../crypto/random.ts';
import type { EngineEnvironment } from '../engine.ts';
import type { Restoration, SecretContent, SecretTree, StoredSecret, TreeChange } from '../secret-tree.ts';
import { contentOf, receiveContent } from './copy.ts';
import { encodeSecret, isDeleted, type SecretRecord } from './metadata.ts';
import { restoration } from './restore.ts';
import { pointerFolder, pointerPath, type ReadSecret, type Secrets } from './secrets.ts';

/** Values removed in the commit itself; more of them are left to the duty, so that changes of several secrets fit one commit. */
const removalsInChange = 4;

export function kvTree(secrets: Secrets, { random, clock }: EngineEnvironment): SecretTree {
  return {
    paths: (name) => ({ value: `data/${name}`, metadata: `metadata/${name}`, undelete: `undelete/${name}` }),
    listing: (folder) => `metadata/${folder}`,
    children: (view, folder, page) => view.children(pointerFolder + folder, page),
    absent: (name) => ({ path: pointerPath(name), revision: null }),
    async find(view, name) {
      const read = await secrets.read(view, name);
      return read === undefined
        ? undefined
        : new KvSecret({ secrets, random, view, name, read, now: clock.now() });
    },
    receive: (view, name, content) => receiveContent({ random, view, now: clock.now() }, name, content),
  };
}

/** A secret as read, with what changing it needs. */
export interface Found {
  readonly secrets: Secrets;
  readonly random: Random;
  readonly view: View;
  readonly name: string;
  readonly read: ReadSecret;
  readonly now: number;
}

class KvSecret implements StoredSecret {
  readonly #found: Found;

  constructor(found: Found) {
    this.#found = found;
  }

  get name(): string {
    return this.#found.name;
  }

  get hasSettings(): boolean {
    const { maxVersions, casRequired, deleteVersionAfter, customMetadata } = this.#record;
    return maxVersions > 0 || casRequired || deleteVersionAfter > 0 || customMetadata !== null;
  }

  get isReadable(): boolean {
    const version = this.#record.versions[this.#record.current];
    return version !== undefined && !version.destroyed && !isDeleted(version, this.#found.now);
  }

  get unchanged(): ViewExpectation {
    return { path: pointerPath(this.name), revision: this.#found.read.revision };
  }

  get #record(): SecretRecord {
    return this.#found.read.secret;
  }

  renamed(name: string): TreeChange {
    return this.#change([
      { path: pointerPath(name), value: encodeSecret(this.#record) },
      { path: pointerPath(this.name), value: null },
    ]);
  }

  removed(): TreeChange {
    const { writes, due } = this.cleared();
    return { ...this.#change([{ path: pointerPath(this.name), value: null }, ...writes]), due };
  }

  cleared(): TreeChange {
    const { secrets, random, now } = this.#found;
    const values = Object.keys(this.#record.versions).flatMap((number) =>
      secrets.removal(this.#record, Number(number)),
    );
    if (values.length <= removalsInChange) return this.#change(values);
    const trash = `trash/${randomUuid(random)}`;
    const list = Buffer.from(JSON.stringify(values.map(({ path }) => path)));
    return { ...this.#change([{ path: trash, value: list }]), due: [{ at: now, name: trash }] };
  }

  deleted(): TreeChange | undefined {
    if (!this.isReadable) return undefined;
    const { now } = this.#found;
    const { current, versions } = this.#record;
    const version = versions[current];
    if (version === undefined) return undefined;
    const changed = { ...versions, [current]: { ...version, deletedAt: now } };
    const record: SecretRecord = { ...this.#record, updatedAt: now, versions: changed };
    return this.#change([{ path: pointerPath(this.name), value: encodeSecret(record) }]);
  }

  asOf(at: number): Restoration {
    return restoration(this.#found, at);
  }

  content(): SecretContent {
    return contentOf(this.#found);
  }

  #change(writes: readonly ViewWrite[]): TreeChange {
    return { writes, expectations: [this.unchanged], due: [] };
  }
}
