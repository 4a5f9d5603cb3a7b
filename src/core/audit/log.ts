/** The audit log of one process: a chain of lines in files, anchored in the store. */
import type { KeyObject } from 'node:crypto';
import { dirname, join } from 'node:path';
import type { BarrierStore } from '../../barrier/store.ts';
import { type Clock, timestamp } from '../../clock.ts';
import { type Random, randomUuid } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { Fields, ResponseSchema } from '../endpoint.ts';
import type { AnswerData, RawJson } from '../request.ts';
import { type ChainAnchor, origin, type Position } from './anchor.ts';
import type { AuditEntry, AuditHealth, AuditLog, Durability } from './audit.ts';
import { Checkpointer } from './checkpointer.ts';
import { type Digest, keyedDigest } from './digest.ts';
import { type Disk, isOutOfSpace, systemDisk } from './disk.ts';
import { Deferred, GroupSync } from './group-sync.ts';
import { filePlace } from './log-place.ts';
import { currentProcess, type ProcessIdentity } from './process-identity.ts';
import { type ChainFinding, closeLeftChains, examineLeftChains, findingEntry } from './recover.ts';
import { redactAnswer, redactRequest } from './redact.ts';
import { Reserve } from './reserve.ts';
import { chainDirectoryName } from './segment.ts';
import { SegmentWriter } from './segment-writer.ts';
import { signerOf } from './signature.ts';
import { filesUpkeep, type Upkeep } from './upkeep.ts';

export interface AuditLogOptions {
  /** Holds one directory a chain; made with mode 700 if absent. */
  readonly directory: string;
  readonly store: BarrierStore;
  /** Of the digests that stand for secrets. */
  readonly digestKey: KeyObject;
  /** Ed25519, 32 bytes. */
  readonly signingSeed: Buffer;
  readonly clock: Clock;
  readonly random: Random;
  /** This machine's name among those that share the store; the host name if absent. */
  readonly nodeName?: string;
  /** A segment is closed once it has grown to this; 64 MiB if absent. */
  readonly segmentBytes?: number;
  /** Room kept for urgent lines on a full disk; 8 MiB if absent, 0 for none. */
  readonly reserveBytes?: number;
  /** What may still be done with the reserve when the disk is full: revoke, seal, delete. Nothing if absent. */
  readonly isUrgent?: (entry: AuditEntry) => boolean;
  /** Milliseconds: segments of any chain here that were closed so long ago are removed. All stay if absent. */
  readonly keep?: number | undefined;
  /** Every line waits for the disk, whatever the caller asks. */
  readonly alwaysDisk?: boolean;
  /** Told once when writing fails, and once when checkpoints begin to fail. What it gets is for the log, not for a client. */
  readonly onFailure: (error: CofferError) => void;
  /** The file system and this process, unless a test brings its own. */
  readonly disk?: Disk;
  readonly process?: ProcessIdentity;
}

export interface OpenAuditLog extends AuditLog {
  readonly chainId: string;
  /** The chain's directory, absolute or as `directory` was. */
  readonly path: string;
  /** Chains of processes that are gone, closed by this start. Whether to go on after a `damaged` one is the caller's to decide. */
  readonly findings: readonly ChainFinding[];
}

const defaultSegmentBytes = 64 * 1024 * 1024;
const defaultReserveBytes = 8 * 1024 * 1024;
/** UTF-16 units that may wait for the end of one turn. */
const mostPending = 16 * 1024 * 1024;
/** Milliseconds: less than the 100 that are promised, to leave room for the flush itself. */
const syncAfter = 80;
/** Milliseconds between two attempts to write again. */
const retryAfter = 1000;

/**
 * Begins a chain and closes those that earlier processes left. When it resolves, the chain is known to the store, its header is
 * on disk, and a line for each closed chain as well. Rejects with `store_unusable` if the directory is not private, with
 * `unavailable` if it cannot be written, and as the store does.
 */
export async function openAuditLog(options: AuditLogOptions): Promise<OpenAuditLog> {
  const { directory, store, clock, random } = options;
  const disk = options.disk ?? systemDisk;
  const self = options.process ?? currentProcess(options.nodeName);
  const signer = signerOf(options.signingSeed);
  const chainId = randomUuid(random);
  const started = timestamp(clock.now());
  const name = chainDirectoryName(started, chainId);
  const path = join(directory, name);
  await unavailableUnlessCoded(async () => {
    if (disk.makeDirectory(directory, true)) await disk.syncDirectory(dirname(directory));
  });
  const left = await examineLeftChains(store, filePlace(directory), self, chainId);
  const segmentBytes = options.segmentBytes ?? defaultSegmentBytes;
  const facts = { chainId, directory: path, process: self, signer, segmentBytes };
  const writer = new SegmentWriter(facts, disk, clock);
  const first: ChainAnchor = {
    version: 1,
    ...origin,
    chainId,
    directory: name,
    started,
    anchored: started,
    process: self,
    publicKey: signer.publicKey,
    closed: false,
  };
  const findings = left.map(({ finding }) => finding);
  const log = new FileAuditLog(options, writer, first, path, findings);
  try {
    await log.begin(disk);
    await Promise.all(findings.map((finding) => log.append(findingEntry(finding), 'disk')));
    await closeLeftChains(store, left);
    return log;
  } catch (error) {
    // What went wrong first is what the caller should hear.
    await log.close().catch(() => {});
    throw error;
  }
}

/** What lines that were appended in one turn wait for. */
interface Group {
  kernel?: Deferred;
  disk?: Deferred;
}

/** `full`: only urgent lines are taken. `failed`: none. */
type State = 'open' | 'full' | 'failed' | 'closed';

class FileAuditLog implements OpenAuditLog {
  readonly chainId: string;
  readonly path: string;
  readonly findings: readonly ChainFinding[];
  readonly digest: Digest;
  private readonly options: AuditLogOptions;
  private readonly writer: SegmentWriter;
  private readonly reserve: Reserve;
  private readonly checkpointer: Checkpointer;
  private readonly groupSync = new GroupSync(() => this.sync());
  private state: State = 'open';
  private group: Group | undefined;
  private syncTimer: Disposable | undefined;
  private lastError: unknown;
  private told = false;
  /** When the oldest line that may not be on disk was written; undefined where all are. */
  private behindSince: number | undefined;
  private retryAt = 0;
  private recovering: Promise<void> | undefined;
  private closing: Promise<void> | undefined;
  private readonly upkeep: Upkeep | undefined;

  constructor(
    options: AuditLogOptions,
    writer: SegmentWriter,
    first: ChainAnchor,
    path: string,
    findings: readonly ChainFinding[],
  ) {
    this.options = options;
    this.writer = writer;
    this.chainId = first.chainId;
    this.path = path;
    this.findings = findings;
    this.digest = keyedDigest(options.digestKey);
    const { directory, store, clock, random, onFailure } = options;
    this.reserve = new Reserve(directory, options.reserveBytes ?? defaultReserveBytes, random);
    const source = { bringToDisk: () => this.bringToDisk(), written: () => writer.written };
    this.checkpointer = new Checkpointer(store, clock, first, source, onFailure);
    this.upkeep = filesUpkeep(options);
  }

  /** The anchor comes before the files: a directory that the store knows nothing of is never ours. */
  async begin(disk: Disk): Promise<void> {
    await this.checkpointer.begin();
    await unavailableUnlessCoded(async () => {
      disk.makeDirectory(this.path, false);
      await disk.syncDirectory(this.options.directory);
      this.writer.openSegment();
      await this.writer.sync();
    });
    try {
      await this.reserve.restore();
    } catch (error) {
      if (!isOutOfSpace(error)) throw unavailable(error);
      this.state = 'full';
      this.tell(error);
    }
    this.checkpointer.touch();
    this.upkeep?.begin();
  }

  append(entry: AuditEntry, durability: Durability): Promise<void> {
    if (this.state !== 'open' && !this.isLetThrough(entry)) return Promise.reject(this.refusal());
    if (this.writer.pendingLength > mostPending) return Promise.reject(crowded());
    try {
      this.writer.add(entry);
    } catch (error) {
      return Promise.reject(error);
    }
    const group = this.group ?? this.beginGroup();
    if (durability === 'disk' || this.options.alwaysDisk) {
      group.disk ??= new Deferred();
      return group.disk.promise;
    }
    group.kernel ??= new Deferred();
    return group.kernel.promise;
  }

  redactRequest(data: JsonObject, fields: Fields, clear?: readonly string[]): RawJson {
    return redactRequest(data, fields, this.digest, clear);
  }

  redactAnswer(data: AnswerData, schema: ResponseSchema | undefined, clear?: readonly string[]): RawJson {
    return redactAnswer(data, schema, this.digest, clear);
  }

  health(): AuditHealth {
    const { written, synced } = this.writer;
    return {
      state: this.state,
      lines: written.seq,
      linesBehind: written.seq - synced.seq,
      behind: this.behindSince === undefined ? 0 : Math.max(0, this.options.clock.now() - this.behindSince),
    };
  }

  close(): Promise<void> {
    this.closing ??= this.finish();
    return this.closing;
  }

  /** The group is written when this turn's events have all been seen, so that they share one write. */
  private beginGroup(): Group {
    this.group = {};
    setImmediate(() => this.flush());
    return this.group;
  }

  private flush(): void {
    const group = this.group;
    if (group === undefined) return;
    this.group = undefined;
    try {
      this.writer.flush();
    } catch (error) {
      this.group = group;
      this.fail(error);
      return;
    }
    this.behindSince ??= this.options.clock.now();
    group.kernel?.resolve();
    try {
      this.writer.rotateIfFull();
    } catch (error) {
      this.fail(error);
    }
    if (group.disk) this.groupSync.wait().then(group.disk.resolve, group.disk.reject);
    else this.armSync();
    this.checkpointer.touch();
  }

  /** Lines that nobody waits for reach the disk soon all the same. */
  private armSync(): void {
    if (this.syncTimer) return;
    this.syncTimer = this.options.clock.after(syncAfter, () => {
      this.syncTimer = undefined;
      // A failure is told by `fail`, and there is nobody else to tell.
      if (this.writer.written.seq > this.writer.synced.seq) this.groupSync.wait().catch(() => {});
    });
  }

  private async sync(): Promise<void> {
    if (this.state === 'failed') throw unavailable(this.lastError);
    const began = this.options.clock.now();
    try {
      await this.writer.sync();
    } catch (error) {
      this.fail(error);
      throw unavailable(error);
    }
    this.behindSince = this.writer.written.seq > this.writer.synced.seq ? began : undefined;
  }

  /** As far as the disk takes it: a failure is told by `fail`, and what is on disk may be anchored all the same. */
  private async bringToDisk(): Promise<Position> {
    if (this.writer.written.seq > this.writer.synced.seq) await this.groupSync.wait().catch(() => {});
    return this.writer.synced;
  }

  /** From here on nothing is taken until a new segment is open. What waits for its write is refused. */
  private fail(error: unknown): void {
    const group = this.group;
    this.group = undefined;
    this.state = this.state === 'closed' ? 'closed' : 'failed';
    this.lastError = error;
    this.writer.discardPending();
    group?.kernel?.reject(unavailable(error));
    group?.disk?.reject(unavailable(error));
    this.tell(error);
    if (this.options.clock.now() >= this.retryAt) this.retry();
  }

  private tell(error: unknown): void {
    if (this.told) return;
    this.told = true;
    this.options.onFailure(unavailable(error));
  }

  private isLetThrough(entry: AuditEntry): boolean {
    if (this.state !== 'closed' && this.options.clock.now() >= this.retryAt) this.retry();
    return this.state === 'full' && this.options.isUrgent?.(entry) === true;
  }

  private refusal(): CofferError {
    if (this.state === 'closed') return new CofferError('unavailable', 'the audit log is closed');
    if (this.state === 'failed') return unavailable(this.lastError);
    return new CofferError(
      'storage_full',
      'the disk of the audit log is full: until there is room only revoking, deleting and sealing go on',
    );
  }

  private retry(): void {
    if (this.recovering || this.state === 'closed') return;
    this.retryAt = this.options.clock.now() + retryAfter;
    this.recovering = this.recover()
      .catch((error: unknown) => {
        this.lastError = error;
      })
      .finally(() => {
        this.recovering = undefined;
      });
  }

  /** A new segment first, on disk; then the reserve, without which the log stays `full`. */
  private async recover(): Promise<void> {
    if (this.state === 'failed') {
      await this.groupSync.idle();
      if (isOutOfSpace(this.lastError)) await this.reserve.release();
      await this.writer.reopen();
      this.advance('failed', 'full');
    }
    await this.reserve.restore();
    this.advance('full', 'open');
  }

  /** Unless something else happened meanwhile. */
  private advance(from: State, to: State): void {
    if (this.state !== from) return;
    this.state = to;
    if (to === 'open') this.told = false;
    this.checkpointer.touch();
  }

  private async finish(): Promise<void> {
    if (this.upkeep) await this.upkeep.stop();
    this.flush();
    const failed = this.state === 'failed';
    this.state = 'closed';
    this.syncTimer?.[Symbol.dispose]();
    this.checkpointer.stop();
    await this.recovering;
    try {
      if (failed) throw unavailable(this.lastError);
      await unavailableUnlessCoded(async () => this.writer.closeSegment(true));
      await this.groupSync.wait();
      await this.checkpointer.finish(true);
    } finally {
      await this.groupSync.idle();
      this.writer.release();
    }
  }
}

function crowded(): CofferError {
  return new CofferError('unavailable', 'too many requests at once for the audit log; try again');
}

function unavailable(cause: unknown): CofferError {
  if (isOutOfSpace(cause)) {
    return new CofferError('storage_full', 'the disk of the audit log is full, so nothing is done', {
      cause,
    });
  }
  return new CofferError('unavailable', 'the audit log cannot be written, so nothing is done', { cause });
}

async function unavailableUnlessCoded(action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    throw error instanceof CofferError ? error : unavailable(error);
  }
}
