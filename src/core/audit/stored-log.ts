/**
 * The audit log of one process in the store, for places with no lasting disk. Every line is part of a commit before its `append`
 * resolves; lines that come while a commit is under way share the next one. Nothing waits for a timer: a process that is frozen
 * between two requests has nothing left to write.
 */
import type { KeyObject } from 'node:crypto';
import type { BarrierStore } from '../../barrier/store.ts';
import { type Clock, timestamp } from '../../clock.ts';
import { type Random, randomUuid } from '../../crypto/random.ts';
import { asCofferError, CofferError, ConflictError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { Revision } from '../../storage/storage.ts';
import type { Fields, ResponseSchema } from '../endpoint.ts';
import type { AnswerData, RawJson } from '../request.ts';
import { origin, readAnchor, type StoredAnchor } from './anchor.ts';
import type { AuditEntry, AuditHealth, AuditLog } from './audit.ts';
import { type Digest, keyedDigest } from './digest.ts';
import { Deferred } from './group-sync.ts';
import { entryJson } from './line.ts';
import { currentProcess, type ProcessIdentity } from './process-identity.ts';
import { pruneLog } from './prune.ts';
import { type ChainFinding, closeLeftChains, examineChains, findingEntry } from './recover.ts';
import { redactAnswer, redactRequest } from './redact.ts';
import { chainDirectoryName } from './segment.ts';
import { type Signer, signerOf } from './signature.ts';
import { ChainDraft, type ChainEnd, type ChainState, leftStoredChains, linesBytes } from './stored-chain.ts';
import { storedPlace, storedRemover, storedShelf } from './stored-place.ts';
import { full, refusal } from './stored-refusal.ts';
import { Upkeep } from './upkeep.ts';

export interface StoredLogOptions {
  readonly store: BarrierStore;
  /** Of the digests that stand for secrets. */
  readonly digestKey: KeyObject;
  /** Ed25519, 32 bytes. */
  readonly signingSeed: Buffer;
  readonly clock: Clock;
  readonly random: Random;
  /** The processes of the nodes that serve the store: chains of others are closed. */
  readonly nodes: () => Promise<readonly ProcessIdentity[]>;
  readonly process?: ProcessIdentity;
  /** A segment is closed once it has grown to this; 4 MiB if absent. */
  readonly segmentBytes?: number;
  /** Whether the storage is short of room: then only urgent lines are taken. Never if absent. */
  readonly isShort?: () => boolean;
  readonly isUrgent?: (entry: AuditEntry) => boolean;
  /** Told once when writing fails, and when somebody closed the chain. What it gets is for the log, not for a client. */
  readonly onFailure: (error: CofferError) => void;
  /** Milliseconds: segments that were closed so long ago are removed. All stay if absent. */
  readonly keep?: number | undefined;
  /** Told of each chain that was closed later than at the start. */
  readonly onFinding?: (finding: ChainFinding) => void;
  /**
   * Who looks after chains of processes that are gone, and after what is old: this one `always`, unless told; only `once`, at its
   * start; or `never`, where it is frozen between its lines. Of the last two the chain begins with the first line, so that a process
   * that has nothing to say leaves nothing behind.
   */
  readonly upkeep?: 'always' | 'once' | 'never' | undefined;
}

export interface OpenStoredLog extends AuditLog {
  /** Of the chain as of now: another process may have closed an earlier one. */
  readonly chainId: string;
  /** Chains of processes that are gone, closed by this start. */
  readonly findings: readonly ChainFinding[];
  /** Closes the chains of processes that went since, with a line for each. Rejects as the store does. */
  closeLeft(): Promise<readonly ChainFinding[]>;
}

const defaultSegmentBytes = 4 * 1024 * 1024;
/** Bytes of JSON that may wait. */
const mostPending = 16 * 1024 * 1024;
/** Bytes of lines in a commit while the storage is short of room, where larger commits are refused. */
const shortBytes = 32 * 1024;
/** What a line has besides its entry: number, time and chain value. */
const lineFrame = 256;
/** Conflicts that one commit bears: each is an anchor that somebody changed meanwhile. */
const mostTries = 8;
/** Commits of unknown outcome that are remembered. */
const mostDoubts = 1_000;

/**
 * Begins a chain and closes those of processes that are gone, whichever node they ran on. Rejects with `unavailable` where the store
 * cannot be written, and as the store does.
 */
export async function openStoredLog(options: StoredLogOptions): Promise<OpenStoredLog> {
  const log = new StoredLog(options);
  await log.begin();
  return log;
}

interface Waiting {
  readonly json: string;
  readonly time: string;
  /** Of the line, or a few more. */
  readonly bytes: number;
  readonly done: Deferred;
}

class StoredLog implements OpenStoredLog {
  readonly digest: Digest;
  readonly #options: StoredLogOptions;
  readonly #signer: Signer;
  readonly #process: ProcessIdentity;
  #findings: readonly ChainFinding[] = [];
  #chain: ChainState;
  /** Where the chain is if one of the commits is there of which nobody knows; each of them begins where the chain ends. */
  #doubts: ChainEnd[] = [];
  #pending: Waiting[] = [];
  #pendingBytes = 0;
  #pump: Promise<void> | undefined;
  #oldest: number | undefined;
  #state: 'open' | 'failed' | 'closed' = 'open';
  #closing: Promise<void> | undefined;
  readonly #upkeep: Upkeep;

  constructor(options: StoredLogOptions) {
    this.#options = options;
    this.digest = keyedDigest(options.digestKey);
    this.#signer = signerOf(options.signingSeed);
    this.#process = options.process ?? currentProcess();
    this.#chain = this.#newChain();
    // What a round could not do the next one does, and whoever opens the store.
    this.#upkeep = new Upkeep(
      options.clock,
      () => this.#tend(),
      () => undefined,
    );
  }

  get chainId(): string {
    return this.#chain.anchor.chainId;
  }

  get findings(): readonly ChainFinding[] {
    return this.#findings;
  }

  async begin(): Promise<void> {
    const { upkeep = 'always' } = this.#options;
    if (upkeep === 'never') return;
    if (upkeep === 'always') await this.#commit([], false);
    this.#findings = await this.closeLeft();
    if (upkeep === 'always') this.#upkeep.begin();
    else await this.#prune();
  }

  async #tend(): Promise<void> {
    for (const finding of await this.closeLeft()) this.#options.onFinding?.(finding);
    await this.#prune();
  }

  async #prune(): Promise<void> {
    const { store, clock, keep } = this.#options;
    if (keep === undefined) return;
    const place = storedPlace(store);
    const olderThan = clock.now() - keep;
    await pruneLog({ place, remover: storedRemover(store), shelf: storedShelf, store, olderThan });
  }

  async closeLeft(): Promise<readonly ChainFinding[]> {
    const { store, nodes, clock } = this.#options;
    const gone = await leftStoredChains(store, this.#process, await nodes(), clock.now());
    const left = await examineChains(storedPlace(store), gone, this.chainId);
    await Promise.all(left.map(({ finding }) => this.append(findingEntry(finding))));
    await closeLeftChains(store, left, storedShelf);
    return left.map(({ finding }) => finding);
  }

  append(entry: AuditEntry): Promise<void> {
    if (this.#state === 'closed') {
      return Promise.reject(new CofferError('unavailable', 'the audit log is closed'));
    }
    if (this.#isShort() && this.#options.isUrgent?.(entry) !== true) return Promise.reject(full());
    try {
      return this.#wait(entryJson(entry));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  redactRequest(data: JsonObject, fields: Fields, clear?: readonly string[]): RawJson {
    return redactRequest(data, fields, this.digest, clear);
  }

  redactAnswer(data: AnswerData, schema: ResponseSchema | undefined, clear?: readonly string[]): RawJson {
    return redactAnswer(data, schema, this.digest, clear);
  }

  health(): AuditHealth {
    const { clock } = this.#options;
    return {
      state: this.#state === 'open' && this.#isShort() ? 'full' : this.#state,
      lines: this.#chain.anchor.seq,
      linesBehind: this.#pending.length,
      behind: this.#oldest === undefined ? 0 : Math.max(0, clock.now() - this.#oldest),
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  #wait(json: string): Promise<void> {
    const bytes = lineFrame + Buffer.byteLength(json);
    if (bytes > linesBytes) {
      throw new CofferError(
        'payload_too_large',
        `a line of the audit log in the store has at most ${linesBytes} bytes`,
      );
    }
    if (this.#pendingBytes + json.length > mostPending) {
      throw new CofferError('unavailable', 'too many requests at once for the audit log; try again');
    }
    const now = this.#options.clock.now();
    const line: Waiting = { json, time: timestamp(now), bytes, done: new Deferred() };
    this.#pending.push(line);
    this.#pendingBytes += json.length;
    this.#oldest ??= now;
    this.#pump ??= this.#run();
    return line.done.promise;
  }

  /** One commit after the other, each with all that has come meanwhile. Never rejects. */
  async #run(): Promise<void> {
    // Lines of the same turn share the first.
    await new Promise(setImmediate);
    while (this.#pending.length > 0) {
      const group = this.#take();
      const outcome = await this.#commit(group, false).then(
        () => undefined,
        (error: unknown) => ({ error: refusal(error) }),
      );
      for (const { done } of group) {
        if (outcome === undefined) done.resolve();
        else done.reject(outcome.error);
      }
    }
    this.#pump = undefined;
  }

  /** As many of those that wait as fit into one commit. */
  #take(): readonly Waiting[] {
    const room = this.#isShort() ? shortBytes : linesBytes;
    let bytes = 0;
    let count = 0;
    for (const line of this.#pending) {
      bytes += line.bytes;
      if (count > 0 && bytes > room) break;
      count += 1;
    }
    const group = this.#pending.slice(0, count);
    this.#pending = this.#pending.slice(count);
    this.#pendingBytes -= group.reduce((sum, { json }) => sum + json.length, 0);
    this.#oldest = this.#pending.length === 0 ? undefined : this.#options.clock.now();
    return group;
  }

  /** Resolves once the lines are in the store; rejects as it does, and tells of it. */
  async #commit(lines: readonly Waiting[], final: boolean): Promise<void> {
    try {
      await this.#commitLines(lines, final);
      if (this.#state === 'failed') this.#state = 'open';
    } catch (error) {
      const told = this.#state === 'failed' || asCofferError(error).code === 'sealed';
      if (this.#state === 'open') this.#state = 'failed';
      if (!told) this.#options.onFailure(asCofferError(error));
      throw error;
    }
  }

  async #commitLines(lines: readonly Waiting[], final: boolean): Promise<void> {
    const { store } = this.#options;
    // Nothing is sent, and nothing more is in doubt, while not even that can be asked.
    if (this.#doubts.length > 0) this.#isOurs(await readAnchor(store, this.chainId, storedShelf));
    for (let tries = 0; tries < mostTries; tries++) {
      const draft = this.#draft(lines, final);
      try {
        const [revision] = await store.commit(draft.writes(), [draft.expectation()]);
        this.#advance(draft, revision);
        return;
      } catch (error) {
        if (error instanceof ConflictError) {
          if (await this.#lookAgain(draft)) return;
        } else if (await this.#hasLanded(draft, error)) return;
        else throw error;
      }
    }
    throw new CofferError('unavailable', 'the audit chain is changed by others all the time');
  }

  #draft(lines: readonly Waiting[], final: boolean): ChainDraft {
    const { clock, segmentBytes = defaultSegmentBytes } = this.#options;
    const draft = new ChainDraft({ signer: this.#signer, segmentBytes, now: clock.now() }, this.#chain);
    for (const { json, time } of lines) draft.add(json, time);
    if (final) draft.finish();
    return draft;
  }

  #advance(draft: ChainDraft, revision: Revision | undefined): void {
    if (revision === undefined) throw new CofferError('internal', 'a commit answered without a revision');
    this.#chain = { ...draft.end, revision };
    this.#doubts = [];
  }

  /** Whether a commit of unknown outcome is there. Where not even that can be asked, the next one finds out. */
  async #hasLanded(draft: ChainDraft, error: unknown): Promise<boolean> {
    if (asCofferError(error).code !== 'unavailable') return false;
    // Of very many, the first ones have been looked for in vain as often.
    this.#doubts = [...this.#doubts, draft.end].slice(-mostDoubts);
    const stored = await readAnchor(this.#options.store, this.chainId, storedShelf).catch(() => undefined);
    if (stored === undefined || !draft.isIn(stored.anchor)) return false;
    this.#advance(draft, stored.revision);
    return true;
  }

  /**
   * Only this process lengthens this chain, so that a conflict is one of four: an earlier commit of ours whose outcome was unknown is
   * there; this one is; segments were removed by rule; or somebody took this process for gone, and the chain goes on as another one.
   * Answers whether `draft` is there.
   */
  async #lookAgain(draft: ChainDraft): Promise<boolean> {
    const { store, onFailure } = this.#options;
    const stored = await readAnchor(store, this.chainId, storedShelf);
    if (stored !== undefined && draft.isIn(stored.anchor)) {
      this.#advance(draft, stored.revision);
      return true;
    }
    if (this.#isOurs(stored)) return false;
    const { anchor } = this.#chain;
    const closed = stored?.anchor.closed === true;
    onFailure(
      closed
        ? new CofferError(
            'conflict',
            `another start closed the audit chain ${anchor.chainId} of this process`,
          )
        : new CofferError('integrity', `the audit chain ${anchor.chainId} was changed by somebody else`),
    );
    this.#doubts = [];
    this.#chain = this.#newChain();
    return false;
  }

  /** Whether a stored anchor is where this process may have left it. Then the chain goes on from there. */
  #isOurs(stored: StoredAnchor | undefined): boolean {
    if (stored === undefined || stored.anchor.closed) return false;
    const { anchor, revision } = stored;
    const ends: readonly ChainEnd[] = [this.#chain, ...this.#doubts];
    const end = ends.find((each) => each.anchor.seq === anchor.seq && each.anchor.head === anchor.head);
    if (end === undefined) return false;
    // What expected the revision before can't land any more.
    if (revision !== this.#chain.revision) this.#doubts = [];
    const { pruned } = anchor;
    this.#chain = { ...end, anchor: { ...end.anchor, ...(pruned && { pruned }) }, revision };
    return true;
  }

  /** Not there before its first commit. */
  #newChain(): ChainState {
    const { clock, random } = this.#options;
    const chainId = randomUuid(random);
    const started = timestamp(clock.now());
    const anchor = {
      version: 1,
      ...origin,
      chainId,
      directory: chainDirectoryName(started, chainId),
      started,
      anchored: started,
      process: this.#process,
      publicKey: this.#signer.publicKey,
      closed: false,
    } as const;
    return { anchor, revision: null, pieces: 0 };
  }

  #isShort(): boolean {
    return this.#options.isShort?.() === true;
  }

  async #finish(): Promise<void> {
    await this.#upkeep.stop();
    while (this.#pump !== undefined) await this.#pump;
    const failed = this.#state === 'failed';
    this.#state = 'closed';
    // It never had a line.
    if (this.#chain.revision === null && this.#doubts.length === 0) return;
    try {
      await this.#commitLines([], true);
    } catch (error) {
      if (!failed && asCofferError(error).code !== 'sealed') this.#options.onFailure(asCofferError(error));
      throw refusal(error);
    }
  }
}
