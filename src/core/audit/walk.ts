/** Follows one chain over its segments, line by line, and tells what does not fit. */
import { origin, type Position, type Torn } from './anchor.ts';
import { type ParsedLine, parseLine } from './line.ts';
import type { LogPlace, SegmentBytes } from './log-place.ts';
import { type FileLine, lineBatches } from './read-lines.ts';
import {
  type Abandoned,
  type Closing,
  isClosedBy,
  parseClosing,
  parseHeader,
  type SegmentHeader,
  segmentName,
} from './segment.ts';

export type ProblemKind =
  /** A line is not what its chain value was made from, or not a line at all. */
  | 'changed'
  /** Lines are missing before this one. */
  | 'removed'
  /** A line stands where an earlier one belongs: repeated, inserted or moved. */
  | 'out-of-order'
  /** Something follows the end of a segment or chain. */
  | 'appended'
  /** The log ends before what the store vouches for. */
  | 'cut'
  /** The store vouches for another line than the one that is there. */
  | 'anchor-mismatch'
  | 'segment-missing'
  | 'chain-missing'
  /** A directory or file that no process of ours made, or that the store knows nothing of. */
  | 'unknown'
  /** A segment that must be closed has no closing line. */
  | 'unsigned'
  /** A closing line is not signed by the chain's key. */
  | 'signature';

export interface WalkProblem {
  readonly kind: ProblemKind;
  readonly message: string;
  readonly segment: number;
  /** In the segment, from 1; absent where no one line is meant. */
  readonly line?: number;
}

export interface WalkVisitor {
  /** A line that may be counted: it is one, and its chain holds. */
  line(line: ParsedLine, at: Position): void;
  problem(problem: WalkProblem, at: Position): void;
  header?(header: SegmentHeader): void;
}

/** Bytes in which a header surely ends. */
const longestHeader = 16 * 1024;

export interface WalkEnd extends Position {
  /** Ends in the closing line of a process that stopped in order. */
  readonly finished: boolean;
  readonly torn: Torn | undefined;
}

/** A chain, and where it is to be read. */
export interface PlacedChain {
  readonly place: LogPlace;
  /** The chain's name there. */
  readonly name: string;
  readonly chainId: string;
}

/** Walks a chain from a position that is known to be right. Rejects only for what its place says. */
export async function walkChain(chain: PlacedChain, from: Position, visitor: WalkVisitor): Promise<WalkEnd> {
  const { segments } = await chain.place.segments(chain.name);
  const rest = segments.filter((segment) => segment >= from.segment);
  const walk = new ChainWalk(chain, from, visitor);
  for (const [index, segment] of rest.entries()) await walk.segment(segment, rest[index + 1]);
  return walk.end();
}

class ChainWalk {
  private readonly chain: PlacedChain;
  private readonly visitor: WalkVisitor;
  private at: Position;
  private header: SegmentHeader | undefined;
  private closing: Closing | undefined;
  private torn: Torn | undefined;
  private lineNumber = 0;

  constructor(chain: PlacedChain, from: Position, visitor: WalkVisitor) {
    this.chain = chain;
    this.at = from;
    this.visitor = visitor;
  }

  end(): WalkEnd {
    return { ...this.at, finished: this.closing?.final === true, torn: this.torn };
  }

  async segment(segment: number, next: number | undefined): Promise<void> {
    this.enter(segment);
    const file = await this.open(segment);
    try {
      const { size } = await file.stat();
      const abandoned = next === undefined ? undefined : await this.abandonedBefore(next);
      const end = abandoned ? Math.min(abandoned.offset, size) : size;
      await this.lines(file, end, next === undefined);
      if (next !== undefined) this.leave(size, abandoned);
    } finally {
      await file.close();
    }
  }

  private open(segment: number): Promise<SegmentBytes> {
    return this.chain.place.open(this.chain.name, segment);
  }

  private enter(segment: number): void {
    if (segment === this.at.segment) return;
    if (segment !== this.at.segment + 1) {
      this.at = { ...this.at, segment: segment - 1, bytes: 0 };
      this.lineNumber = 0;
      this.problem('segment-missing', `segments before ${segmentName(segment)} are missing`);
    } else if (this.closing?.final) {
      this.problem('appended', 'a segment follows the end of the chain');
    }
    this.at = { ...this.at, segment, bytes: 0 };
    this.header = undefined;
    this.closing = undefined;
    this.lineNumber = 0;
  }

  /** What the next segment's header says of how this one was left. */
  private async abandonedBefore(next: number): Promise<Abandoned | undefined> {
    const file = await this.open(next);
    try {
      const { size } = await file.stat();
      for await (const [first] of lineBatches(file, 0, Math.min(size, longestHeader))) {
        const parsed = first && parseLine(first.bytes);
        return parsed && parseHeader(parsed.content)?.abandoned;
      }
      return undefined;
    } finally {
      await file.close();
    }
  }

  private async lines(file: SegmentBytes, end: number, last: boolean): Promise<void> {
    // A walk that begins inside a segment counts lines from there; only a whole segment has numbers to show.
    for await (const batch of lineBatches(file, this.at.bytes, end)) {
      for (const line of batch) {
        this.lineNumber = line.number;
        if (!line.whole && last && this.closing === undefined) this.tear(line);
        else this.line(line);
      }
    }
  }

  private tear(line: FileLine): void {
    this.torn = { segment: this.at.segment, offset: line.offset, bytes: line.end - line.offset };
  }

  private line(line: FileLine): void {
    const parsed = line.whole ? parseLine(line.bytes) : undefined;
    if (this.closing) this.problem('appended', 'a line follows the closing line of its segment');
    if (parsed === undefined) {
      this.problem('changed', 'this is not an audit line');
      this.at = { ...this.at, bytes: line.end };
      return;
    }
    const holds = this.checkChain(parsed);
    this.checkRole(parsed);
    // A line from elsewhere moves nothing: the one that is due may still come.
    const point = parsed.seq > this.at.seq ? { seq: parsed.seq, head: parsed.head } : {};
    this.at = { ...this.at, ...point, bytes: line.end };
    if (holds) this.visitor.line(parsed, this.at);
  }

  private checkChain(parsed: ParsedLine): boolean {
    const due = this.at.seq + 1;
    if (parsed.seq > due) {
      const count = parsed.seq - due;
      this.problem('removed', `line ${parsed.seq} follows line ${this.at.seq}: ${count} missing in between`);
    } else if (parsed.seq < due) {
      this.problem('out-of-order', `line ${parsed.seq} stands where line ${due} belongs`);
    } else if (parsed.expected(this.at.head) !== parsed.head) {
      this.problem('changed', `line ${parsed.seq} or the chain value before it was changed`);
    } else {
      return true;
    }
    return false;
  }

  private checkRole(parsed: ParsedLine): void {
    const { content } = parsed;
    if (this.at.bytes === 0) {
      this.header = parseHeader(content);
      this.checkHeader(this.header);
    } else if (content['type'] === 'header') {
      this.problem('out-of-order', 'a header stands inside a segment');
    }
    if (content['type'] !== 'close') return;
    const closing = parseClosing(content);
    this.closing = closing ?? { final: false, signature: '' };
    // A walk that began after the header has no key to check with; a whole one always has.
    if (this.header && !(closing && isClosedBy(this.header, closing, this.at.seq, this.at.head))) {
      this.problem('signature', 'the closing line is not signed by the key that the segment names');
    }
  }

  private checkHeader(header: SegmentHeader | undefined): void {
    if (header === undefined) {
      this.problem('changed', 'the segment does not begin with a header that this version knows');
      return;
    }
    if (header.chainId !== this.chain.chainId || header.segment !== this.at.segment) {
      this.problem('out-of-order', `the header is that of segment ${header.segment} of another place`);
    } else if (header.previous !== this.at.head) {
      this.problem('removed', 'the header does not follow the last line of the segment before');
    }
    this.visitor.header?.(header);
  }

  /** Checks how a segment ended that has a next one. */
  private leave(size: number, abandoned: Abandoned | undefined): void {
    this.lineNumber = 0;
    if (abandoned === undefined) {
      if (!this.closing) this.problem('unsigned', 'the segment has no closing line');
    } else if (size !== abandoned.offset + abandoned.bytes) {
      this.problem('changed', 'what a failed write left at the end of the segment has changed');
    }
  }

  private problem(kind: ProblemKind, message: string): void {
    const { segment } = this.at;
    const line = this.lineNumber > 0 ? { line: this.lineNumber } : {};
    this.visitor.problem({ kind, message, segment, ...line }, this.at);
  }
}

/** Where a walk over a whole chain begins, given what was removed by rule. */
export function walkStart(pruned: { segment: number; seq: number; head: string } | undefined): Position {
  if (pruned === undefined) return origin;
  return { segment: pruned.segment + 1, bytes: 0, seq: pruned.seq, head: pruned.head };
}
