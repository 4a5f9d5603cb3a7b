/** Anchors in the store how far a chain is on disk: at least each second with traffic, and at the end. */
import type { BarrierStore } from '../../barrier/store.ts';
import { type Clock, timestamp } from '../../clock.ts';
import { asCofferError, CofferError, ConflictError } from '../../errors.ts';
import type { Revision } from '../../storage/storage.ts';
import { type ChainAnchor, commitAnchor, type Position, readAnchor } from './anchor.ts';

/** Milliseconds: a little less than the second that is promised, to leave room for the flush and the commit. */
const checkpointAfter = 900;

export interface CheckpointSource {
  /** Brings written lines to disk and says how far that went. Never rejects. */
  bringToDisk(): Promise<Position>;
  /** The last line that the kernel has. */
  written(): Position;
}

export class Checkpointer {
  private readonly store: BarrierStore;
  private readonly clock: Clock;
  private readonly source: CheckpointSource;
  private readonly onFailure: (error: CofferError) => void;
  private anchor: ChainAnchor;
  private revision: Revision | null = null;
  private timer: Disposable | undefined;
  private running: Promise<void> | undefined;
  private stopped = false;
  /** A failure was told and no checkpoint has succeeded since. */
  private failing = false;

  constructor(
    store: BarrierStore,
    clock: Clock,
    first: ChainAnchor,
    source: CheckpointSource,
    onFailure: (error: CofferError) => void,
  ) {
    this.store = store;
    this.clock = clock;
    this.anchor = first;
    this.source = source;
    this.onFailure = onFailure;
  }

  /** Makes the chain known, before there is a file of it. Rejects as `commit` does. */
  async begin(): Promise<void> {
    this.revision = await commitAnchor(this.store, this.anchor, null, { mark: true });
  }

  /** There are lines to anchor. */
  touch(): void {
    if (this.timer || this.running || this.stopped) return;
    this.timer = this.clock.after(checkpointAfter, () => {
      this.timer = undefined;
      this.running = this.checkpoint().finally(() => {
        this.running = undefined;
        if (this.source.written().seq > this.anchor.seq) this.touch();
      });
    });
  }

  /** The last anchor. `closed`: nothing is written to the chain any more. Rejects as `commit` does. */
  async finish(closed: boolean): Promise<void> {
    this.stop();
    await this.running;
    await this.commit({ ...this.next(await this.source.bringToDisk()), closed });
  }

  stop(): void {
    this.stopped = true;
    this.timer?.[Symbol.dispose]();
    this.timer = undefined;
  }

  /** Never rejects: a failure is told once, and the next checkpoint tries again. */
  private async checkpoint(): Promise<void> {
    try {
      const position = await this.source.bringToDisk();
      if (position.seq > this.anchor.seq) await this.commit(this.next(position));
      this.failing = false;
    } catch (error) {
      this.tell(error);
    }
  }

  private next(position: Position): ChainAnchor {
    const { segment, bytes, seq, head } = position;
    return { ...this.anchor, segment, bytes, seq, head, anchored: timestamp(this.clock.now()) };
  }

  private async commit(anchor: ChainAnchor): Promise<void> {
    try {
      this.revision = await commitAnchor(this.store, anchor, this.revision);
      this.anchor = anchor;
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      await this.commitOverOther(anchor);
    }
  }

  /**
   * Only this process anchors this chain, so a conflict is one of three: an earlier commit of ours whose outcome was unknown did
   * land; segments were removed by rule, which is kept; or another start took this process for gone, which is taken back.
   */
  private async commitOverOther(anchor: ChainAnchor): Promise<void> {
    const stored = await readAnchor(this.store, anchor.chainId);
    if (stored === undefined) {
      this.tell(new CofferError('integrity', 'the anchor of the audit chain has vanished from the store'));
    } else if (stored.anchor.closed && stored.anchor.closedBy !== undefined) {
      this.tell(new CofferError('conflict', 'another start closed the audit chain of this running process'));
    }
    const pruned = stored?.anchor.pruned;
    const next = { ...anchor, ...(pruned && { pruned }) };
    this.revision = await commitAnchor(this.store, next, stored?.revision ?? null, { mark: true });
    this.anchor = next;
  }

  private tell(error: unknown): void {
    if (this.failing) return;
    this.failing = true;
    this.onFailure(asCofferError(error));
  }
}
