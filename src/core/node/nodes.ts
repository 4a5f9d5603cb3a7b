/**
 * The nodes that serve this store. Each writes a record of itself now and then and looks at the others'. Who is silent is found out
 * by watching, by steady time, never by comparing times of day; what is silent for a minute is removed.
 */
import type { BarrierStore } from '../../barrier/store.ts';
import type { Clock } from '../../clock.ts';
import type { Formats } from '../../engine/engine.ts';
import { asCofferError, CofferError, ConflictError } from '../../errors.ts';
import type { Revision } from '../../storage/storage.ts';
import { version } from '../../version.ts';
import { isGone, isSurelyGone, machineOf, type ProcessIdentity } from '../audit/process-identity.ts';
import { everyItem } from '../pages.ts';
import { retryOnConflict } from '../retry.ts';
import type { ClockState, ClockWatch, SeenSkew } from './clock-watch.ts';
import type { FormatGate } from './formats.ts';
import { decodeNode, encodeNode, type NodeRecord, nodeKey, nodePrefix } from './record.ts';

/** Milliseconds between two records of one node. */
export const beatEvery = 10_000;
/** Milliseconds of silence after which a node counts as gone. */
export const silentAfter = 60_000;
/** Records of earlier lives that are left to be watched, and those that one look removes: a commit takes no more. */
const mostEarlier = 8;
const mostSwept = 32;

export type NodeLog = (message: string, fields: Readonly<Record<string, unknown>>) => void;

export interface NodesOptions {
  readonly store: BarrierStore;
  readonly clock: Clock;
  /** A uuid of this node, as long as it serves. */
  readonly id: string;
  /** The process that it is in. */
  readonly process: ProcessIdentity;
  readonly gate: FormatGate;
  readonly watch: ClockWatch;
  /** Where clients reach this node, as of now. */
  readonly address: () => string;
  /** Duties that this node takes its turn in. */
  readonly workers: readonly string[];
  /** Engines and auth methods that it has, such as `secret/kv`. */
  readonly types: readonly string[];
  readonly log: NodeLog;
  /** The store holds by now what this program does not read: this node was taken for gone. */
  readonly onUnfit: (error: unknown) => void;
}

/** What an unsealed node knows of itself and the others, as of its last look. */
export interface NodeFacts {
  /** How many nodes serve the store, this one included. */
  readonly nodes: number;
  /** Where clients reach this one, as a URL; empty where it has no listener. */
  readonly address: string;
  /** Milliseconds: since when it serves the open store. */
  readonly since: number;
  readonly clock: ClockState;
}

interface Seen {
  readonly turn: number;
  /** Steady time. */
  readonly since: number;
}

interface StoredNode {
  readonly record: NodeRecord;
  readonly revision: Revision;
}

export class Nodes {
  readonly #options: NodesOptions;
  readonly #since: number;
  readonly #seen = new Map<string, Seen>();
  /** Nodes that were taken for earlier lives of this one. Who comes back lives, and is watched like any other. */
  readonly #swept = new Set<string>();
  /** Steady time of the look before. */
  #lookedAt: number | undefined;
  /** Of this node's record; undefined before it has joined. */
  #revision: Revision | undefined;
  #turn = 0;
  #joined = false;
  #others = 0;
  #failing = false;
  #timer: Disposable | undefined;
  #beating: Promise<void> | undefined;

  constructor(options: NodesOptions) {
    this.#options = options;
    this.#since = options.clock.now();
  }

  facts(): NodeFacts {
    const { address, watch } = this.#options;
    return { nodes: this.#others + 1, address: address(), since: this.#since, clock: watch.state() };
  }

  get id(): string {
    return this.#options.id;
  }

  /**
   * Takes this node's place among the others. Throws `store_unusable` when the store holds what this program does not read. Where there
   * is no room to write, the node serves all the same and joins once there is: no level can rise meanwhile either.
   */
  async join(): Promise<void> {
    await this.#join().catch((error: unknown) => {
      const { code } = asCofferError(error);
      if (code !== 'storage_full') throw error;
      this.#options.log('this node could not tell the others of itself', { code, error });
      this.#failing = true;
    });
    this.#joined = true;
    this.#schedule();
  }

  /** Writes this node's record anew and looks at the others'. Never rejects: what fails is logged once. */
  beat(): Promise<void> {
    this.#beating ??= this.#beat().finally(() => {
      this.#beating = undefined;
    });
    return this.#beating;
  }

  /** Takes this node's record away. What is left of one that could not be, the others remove. */
  async leave(): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    if (!this.#joined) return;
    this.#joined = false;
    await this.#beating;
    const key = nodeKey(this.#options.id);
    await this.#options.store.commit([{ key, value: null }]).catch(() => undefined);
  }

  /** The nodes as they told of themselves last, this one first; those that are gone are left out. Reads the store. */
  async list(): Promise<readonly NodeRecord[]> {
    const { id } = this.#options;
    const found = (await this.#read()).map(({ record }) => record).filter((record) => !this.#isGone(record));
    const own = this.#joined ? [this.#record()] : [];
    return [...own, ...found.filter((record) => record.id !== id)];
  }

  /**
   * For a mount that is to be made: a node that does not have its type could not load any mounts from then on. Throws
   * `invalid_request` naming such a node. A type that this one does not have either is not its business.
   *
   * @param type such as `secret/kv`
   */
  async requireEverywhere(type: string): Promise<void> {
    if (!this.#options.types.includes(type)) return;
    const lacking = (await this.list()).find(({ types }) => !types.includes(type));
    if (lacking === undefined) return;
    const { process, version: theirs } = lacking;
    throw new CofferError(
      'invalid_request',
      `the node ${process.node} (version ${theirs}) serves this store too and has no "${type.slice(type.indexOf('/') + 1)}": update it first, or, if it has stopped, wait until \`coffer operator nodes\` shows it no more`,
    );
  }

  #schedule(): void {
    if (!this.#joined) return;
    this.#timer = this.#options.clock.after(beatEvery, () => {
      void this.beat().finally(() => this.#schedule());
    });
  }

  async #beat(): Promise<void> {
    if (!this.#joined) return;
    const { log, onUnfit, watch } = this.#options;
    watch.look();
    try {
      await this.#writeAgain();
      await this.#look();
      this.#failing = false;
    } catch (error) {
      const { code } = asCofferError(error);
      if (code === 'store_unusable') onUnfit(error);
      else if (code !== 'sealed' && !this.#failing) {
        this.#failing = true;
        log('this node could not tell the others of itself', { code, error });
      }
    }
  }

  /** A record that is no longer there was removed because this node was silent: it joins anew, and is looked at like any other. */
  async #writeAgain(): Promise<void> {
    const revision = this.#revision;
    if (revision === undefined) return this.#join();
    try {
      await this.#write(revision);
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      await this.#join();
    }
  }

  async #write(before: Revision): Promise<void> {
    this.#turn += 1;
    const key = nodeKey(this.#options.id);
    const [revision] = await this.#options.store.commit(
      [{ key, value: encodeNode(this.#record()) }],
      [{ key, revision: before }],
    );
    this.#revision = revision;
  }

  async #join(): Promise<void> {
    const { store, gate, id } = this.#options;
    const key = nodeKey(id);
    await retryOnConflict(async () => {
      const levels = await gate.look();
      const others = await this.#lookAround();
      this.#turn += 1;
      const [revision] = await store.commit(
        [{ key, value: encodeNode(this.#record()) }, gate.joining(levels, others)],
        [levels.expectation],
      );
      this.#revision = revision;
      await gate.look();
    });
  }

  async #look(): Promise<void> {
    const { gate } = this.#options;
    // Before the others: who joins between the two keeps levels where they are.
    const levels = await gate.look();
    const others = await this.#lookAround();
    // Somebody who joined meanwhile is seen at the next look.
    await gate.raise(levels, others).catch(ignoreConflict);
  }

  /** Removes who is gone and compares clocks. Answers what those who are there read and write. */
  async #lookAround(): Promise<readonly Formats[]> {
    const { clock, watch, id, process } = this.#options;
    const before = this.#lookedAt;
    this.#lookedAt = clock.steady();
    const others = (await this.#read()).filter(({ record }) => record.id !== id);
    const [now, time] = [clock.steady(), clock.now()];
    const skews: SeenSkew[] = [];
    const live: NodeRecord[] = [];
    for (const other of others) {
      const { record } = other;
      const seen = this.#seen.get(record.id);
      if (seen?.turn !== record.turn) {
        this.#seen.set(record.id, { turn: record.turn, since: now });
        if (seen !== undefined && before !== undefined)
          skews.push(skewOf(record, time - (now - before), time));
      }
      if (this.#isGone(record)) await this.#remove(other);
      else live.push(record);
    }
    await this.#sweep(others);
    const ids = new Set(live.map((record) => record.id));
    for (const each of this.#seen.keys()) if (!ids.has(each)) this.#seen.delete(each);
    const elsewhere = live.filter((record) => machineOf(record.process) !== machineOf(process));
    watch.compare(skews, new Set(elsewhere.map((record) => record.id)));
    this.#others = live.length;
    return live.map(({ formats }) => formats);
  }

  #isGone({ id, process, turn }: NodeRecord): boolean {
    if (id === this.#options.id) return false;
    if (isSurelyGone(process, this.#options.process)) return true;
    const seen = this.#seen.get(id);
    return seen?.turn === turn && this.#options.clock.steady() - seen.since >= silentAfter;
  }

  /**
   * A container that starts again and again may never live for the minute that watching takes. What bears this node's name and ran in
   * another pid namespace or before another boot is what such lives leave: of these the last few are kept. Should one live after all,
   * it joins anew at its next turn, as after a sleep, and is not taken for an earlier life again.
   */
  async #sweep(others: readonly StoredNode[]): Promise<void> {
    const { store, process } = this.#options;
    const earlier = others
      .filter(({ record }) => !this.#swept.has(record.id) && isGone(record.process, process))
      .toSorted((one, other) => other.record.seen - one.record.seen)
      .slice(mostEarlier, mostEarlier + mostSwept);
    if (earlier.length === 0) return;
    for (const { record } of earlier) this.#swept.add(record.id);
    const found = earlier.map(({ record, revision }) => ({ key: nodeKey(record.id), revision }));
    const removals = found.map(({ key }) => ({ key, value: null }));
    await store.commit(removals, found).catch(ignoreConflict);
  }

  async #remove({ record, revision }: StoredNode): Promise<void> {
    const key = nodeKey(record.id);
    await this.#options.store.commit([{ key, value: null }], [{ key, revision }]).catch(ignoreConflict);
  }

  async #read(): Promise<readonly StoredNode[]> {
    const nodes: StoredNode[] = [];
    for await (const item of everyItem((page) => this.#options.store.range(nodePrefix, page), 100)) {
      nodes.push({ record: decodeNode(item.open()), revision: item.revision });
    }
    return nodes;
  }

  #record(): NodeRecord {
    const { id, process, clock, gate, address, workers, types } = this.#options;
    return {
      id,
      process,
      version,
      address: address(),
      since: this.#since,
      seen: clock.now(),
      turn: this.#turn,
      formats: gate.own,
      types,
      workers,
    };
  }
}

/** A record was written after the look before and before this one: outside of that its writer's clock differs by at least so much. */
function skewOf({ id, process, seen }: NodeRecord, earliest: number, latest: number): SeenSkew {
  const machine = machineOf(process);
  if (seen > latest) return { id, machine, ahead: latest - seen };
  if (seen < earliest) return { id, machine, ahead: earliest - seen };
  return { id, machine, ahead: 0 };
}

function ignoreConflict(error: unknown): undefined {
  if (!(error instanceof ConflictError)) throw error;
  return undefined;
}
