/** Writes one chain: lines to the open segment, a signed last line when it is full, the next segment. */
import { join } from 'node:path';
import { type Clock, timestamp } from '../../clock.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { origin, type Position } from './anchor.ts';
import type { Disk } from './disk.ts';
import { type ChainPoint, chainLine, entryJson, type LineContent, longestLine } from './line.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { type Abandoned, closingEntry, headerEntry, segmentName } from './segment.ts';
import type { Signer } from './signature.ts';

export interface ChainFacts {
  readonly chainId: string;
  /** The chain's own directory, which exists. */
  readonly directory: string;
  readonly process: ProcessIdentity;
  readonly signer: Signer;
  /** A segment is closed once it has grown to this. */
  readonly segmentBytes: number;
}

interface OpenSegment {
  readonly fd: number;
  /** Its closing line is written. */
  readonly closed: boolean;
}

export class SegmentWriter {
  private readonly facts: ChainFacts;
  private readonly disk: Disk;
  private readonly clock: Clock;
  private point: ChainPoint = origin;
  private pending = '';
  private current: OpenSegment | undefined;
  /** Segments that are not written any more, and not known to be on disk. */
  private retiring: number[] = [];
  private directoryChanged = false;
  private lastMillisecond = Number.NaN;
  private lastTime = '';
  private writtenTo: Position = origin;
  private syncedTo: Position = origin;

  constructor(facts: ChainFacts, disk: Disk, clock: Clock) {
    this.facts = facts;
    this.disk = disk;
    this.clock = clock;
  }

  /** The last line that the kernel has. */
  get written(): Position {
    return this.writtenTo;
  }

  /** The last line that is on disk. */
  get synced(): Position {
    return this.syncedTo;
  }

  /** UTF-16 units that wait for `flush`. */
  get pendingLength(): number {
    return this.pending.length;
  }

  /** Chains a line and keeps it for the next `flush`. Throws `payload_too_large` or `internal`, having added nothing. */
  add(entry: LineContent): void {
    const line = chainLine(this.point, this.time(), entryJson(entry));
    // A unit of UTF-16 is at most three bytes of UTF-8, so that short lines need no counting.
    if (line.text.length * 3 > longestLine && Buffer.byteLength(line.text) > longestLine) {
      throw new CofferError('payload_too_large', `an audit line has at most ${longestLine} bytes`);
    }
    this.pending += line.text;
    this.point = line.point;
  }

  /** Hands all pending lines to the kernel. If it throws, none of them counts. */
  flush(): void {
    if (this.pending === '') return;
    const fd = this.openFd();
    const bytes = Buffer.from(this.pending);
    const { segment, bytes: before } = this.writtenTo;
    try {
      this.writeAll(fd, bytes);
    } finally {
      this.pending = '';
    }
    const { seq, head } = this.point;
    this.writtenTo = { seq, head, segment, bytes: before + bytes.length };
  }

  /** Forgets pending lines and stands again where the kernel is. */
  discardPending(): void {
    this.pending = '';
    this.point = { seq: this.writtenTo.seq, head: this.writtenTo.head };
  }

  /** Closes the segment and opens the next, if it is full. Nothing may be pending. */
  rotateIfFull(): void {
    if (this.writtenTo.bytes < this.facts.segmentBytes) return;
    this.closeSegment(false);
    this.openSegment();
  }

  /** Opens the first segment, or the next one. Throws what the file system throws, having changed nothing. */
  openSegment(): void {
    const segment = this.writtenTo.segment + 1;
    const path = join(this.facts.directory, segmentName(segment));
    const abandoned = this.abandoned();
    const fd = this.disk.create(path);
    try {
      this.add(this.header(segment, abandoned));
      const bytes = Buffer.from(this.pending);
      this.writeAll(fd, bytes);
      this.writtenTo = { ...this.point, segment, bytes: bytes.length };
      this.pending = '';
    } catch (error) {
      this.discardPending();
      this.drop(fd, path);
      throw error;
    }
    if (this.current) this.retiring.push(this.current.fd);
    this.current = { fd, closed: false };
    this.directoryChanged = true;
  }

  /**
   * After a failure: goes on in a new segment, once all that came before and the new header are on disk. Rejects with what the
   * file system said, being where it was.
   */
  async reopen(): Promise<void> {
    this.discardPending();
    const before = { current: this.current, written: this.writtenTo };
    this.openSegment();
    try {
      await this.sync();
    } catch (error) {
      this.undoReopen(before.current, before.written);
      throw error;
    }
  }

  private undoReopen(current: OpenSegment | undefined, written: Position): void {
    const failed = this.current;
    const path = join(this.facts.directory, segmentName(this.writtenTo.segment));
    this.current = current;
    this.retiring = this.retiring.filter((fd) => fd !== current?.fd);
    this.writtenTo = written;
    this.discardPending();
    if (failed) this.drop(failed.fd, path);
  }

  /** Brings all written so far to disk. One at a time. Rejects with what the file system said. */
  async sync(): Promise<void> {
    const target = this.writtenTo;
    const retired = this.retiring;
    const directoryChanged = this.directoryChanged;
    this.retiring = [];
    this.directoryChanged = false;
    try {
      for (const fd of retired) await this.disk.sync(fd);
      if (this.current) await this.disk.sync(this.current.fd);
      if (directoryChanged) await this.disk.syncDirectory(this.facts.directory);
    } catch (error) {
      this.retiring = [...retired, ...this.retiring];
      this.directoryChanged ||= directoryChanged;
      throw error;
    }
    for (const fd of retired) this.disk.close(fd);
    this.syncedTo = target;
  }

  /** Writes the signed last line. `final`: no segment follows. Nothing may be pending. */
  closeSegment(final: boolean): void {
    const { chainId, signer } = this.facts;
    const { segment, seq, head } = this.writtenTo;
    this.add(closingEntry(signer, { chainId, segment, seq, head }, final));
    try {
      this.flush();
    } catch (error) {
      this.discardPending();
      throw error;
    }
    if (this.current) this.current = { ...this.current, closed: true };
  }

  /** Lets go of the files. */
  release(): void {
    for (const fd of this.retiring) this.disk.close(fd);
    if (this.current) this.disk.close(this.current.fd);
    this.retiring = [];
    this.current = undefined;
  }

  private writeAll(fd: number, bytes: Buffer): void {
    let offset = 0;
    while (offset < bytes.length) {
      const taken = this.disk.write(fd, bytes, offset);
      if (taken <= 0) throw new CofferError('unavailable', 'the file system took no bytes');
      offset += taken;
    }
  }

  private openFd(): number {
    if (!this.current) throw new CofferError('unavailable', 'the audit log has no open segment');
    return this.current.fd;
  }

  /** What the open segment holds beyond the last good line, if it has to be left without a closing line. */
  private abandoned(): Abandoned | undefined {
    if (!this.current || this.current.closed) return undefined;
    const offset = this.writtenTo.bytes;
    return { offset, bytes: this.disk.size(this.current.fd) - offset };
  }

  private header(segment: number, abandoned: Abandoned | undefined): JsonObject {
    const { chainId, process, signer } = this.facts;
    const previous = this.point.head;
    const header = {
      chainId,
      segment,
      previous,
      publicKey: signer.publicKey,
      ...(abandoned && { abandoned }),
    };
    return headerEntry(header, process);
  }

  private drop(fd: number, path: string): void {
    this.disk.close(fd);
    this.disk.remove(path);
  }

  /** RFC 3339; made once a millisecond. */
  private time(): string {
    const now = this.clock.now();
    if (now !== this.lastMillisecond) {
      this.lastMillisecond = now;
      this.lastTime = timestamp(now);
    }
    return this.lastTime;
  }
}
