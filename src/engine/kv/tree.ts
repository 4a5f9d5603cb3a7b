/** The secrets of a kv v2 mount as a tree: what moving, copying, deleting and restoring by path rest on. */
import type { View, ViewExpectation, ViewWrite } from '../../core/view.ts';
import { type Random, randomUuid } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import type { EngineEnvironment } from '../engine.ts';
import type { Restoration, SecretContent, SecretTree, StoredSecret, TreeChange } from '../secret-tree.ts';
import { contentOf, receiveContent } from './copy.ts';
import { endingEntry, nextEnding } from './ending.ts';
import { isDeleted, type SecretRecord } from './metadata.ts';
import { encodeSecret } from './pointer.ts';
import { restoration } from './restore.ts';
import { pointerFolder, pointerPath, type ReadSecret, removeText, type Secrets } from './secrets.ts';
import { type UpgradeGate, upgradingText } from './upgrade.ts';

/** Values removed in the commit itself; more of them are left to the duty, so that changes of several secrets fit one commit. */
const removalsInChange = 4;

/**
 * While the mount is being upgraded from version 1 nothing can be had of it. That passes: it is told as `unavailable`, so that a
 * job waits for it, and does not take it for something that is wrong with each secret.
 */
export function kvTree(
  secrets: Secrets,
  gate: UpgradeGate,
  { random, clock }: EngineEnvironment,
): SecretTree {
  const open = async (view: View) => {
    if (!gate.isOpen && (await gate.isShut(view))) throw new CofferError('unavailable', upgradingText);
  };
  return {
    paths: (name) => ({ value: `data/${name}`, metadata: `metadata/${name}`, undelete: `undelete/${name}` }),
    listing: (folder) => `metadata/${folder}`,
    async children(view, folder, page) {
      await open(view);
      return view.children(pointerFolder + folder, page);
    },
    absent: (name) => ({ path: pointerPath(name), revision: null }),
    async find(view, name) {
      await open(view);
      const found = await secrets.readHeld(view, name);
      return found && new KvSecret({ secrets, random, view, name, ...found, now: clock.now() });
    },
    async receive(view, name, content) {
      await open(view);
      return receiveContent({ random, view, now: clock.now(), encode: secrets.encode }, name, content);
    },
  };
}

/** A secret as read, with what changing it needs. */
export interface Found {
  readonly secrets: Secrets;
  readonly random: Random;
  readonly view: View;
  readonly name: string;
  readonly read: ReadSecret;
  /** The current version's text, where the pointer holds it. */
  readonly held: Buffer | undefined;
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

  get hasDeleted(): boolean {
    const { now } = this.#found;
    for (const [, version] of this.#record.versions.entries()) {
      if (!version.destroyed && isDeleted(version, now)) return true;
    }
    return false;
  }

  get isReadable(): boolean {
    const { versions } = this.#record;
    const version = versions.at(versions.last);
    return version !== undefined && !version.destroyed && !isDeleted(version, this.#found.now);
  }

  get unchanged(): ViewExpectation {
    return { path: pointerPath(this.name), revision: this.#found.read.revision };
  }

  get #record(): SecretRecord {
    return this.#found.read.secret;
  }

  renamed(name: string): TreeChange {
    const next = nextEnding(this.#record);
    const change = this.#change([
      { path: pointerPath(name), value: this.#found.secrets.encode(this.#record, this.#found.held) },
      { path: pointerPath(this.name), value: null },
    ]);
    return { ...change, due: next === undefined ? [] : [endingEntry(name, next)] };
  }

  removed(): TreeChange {
    const { writes, due } = this.cleared();
    return { ...this.#change([{ path: pointerPath(this.name), value: null }, ...writes]), due };
  }

  cleared(): TreeChange {
    const { random, now } = this.#found;
    const values = [...this.#record.versions.entries()].flatMap(([number]) =>
      removeText(this.#record, number),
    );
    if (values.length <= removalsInChange) return this.#change(values);
    const trash = `trash/${randomUuid(random)}`;
    const list = Buffer.from(JSON.stringify(values.map(({ path }) => path)));
    return { ...this.#change([{ path: trash, value: list }]), due: [{ at: now, name: trash }] };
  }

  deleted(): TreeChange | undefined {
    if (!this.isReadable) return undefined;
    const { now } = this.#found;
    const { versions } = this.#record;
    const version = versions.at(versions.last);
    if (version === undefined) return undefined;
    const changed = new Map([[versions.last, { ...version, deletedAt: now, endsByItself: false }]]);
    const record: SecretRecord = { ...this.#record, updatedAt: now, versions: versions.changed(changed) };
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
