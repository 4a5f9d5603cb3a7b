/** Checks a whole audit log, and says how far the answer reaches. */
import { join } from 'node:path';
import type { ChainAnchor, Position, Torn } from './anchor.ts';
import type { ParsedLine } from './line.ts';
import { filePlace, type LogPlace } from './log-place.ts';
import { parseChainDirectoryName, segmentName } from './segment.ts';
import {
  type PlacedChain,
  type ProblemKind,
  type WalkEnd,
  type WalkProblem,
  walkChain,
  walkStart,
} from './walk.ts';

export interface AuditProblem {
  readonly kind: ProblemKind;
  readonly message: string;
  /** Relative to the audit directory. */
  readonly file: string;
  /** From 1; absent where no one line is meant. */
  readonly line?: number;
  /** The place lies after what the store vouches for: a crash may have done it as well as a hand. */
  readonly beyondAnchor: boolean;
}

export interface ChainReport {
  readonly chainId: string;
  /** Relative to the audit directory; absent if it is not there. */
  readonly directory?: string;
  /** `closed`: stopped in order. `crashed`: closed by a later start. `open`: still written, or not closed yet. */
  readonly state: 'closed' | 'crashed' | 'open';
  /** Lines that hold. */
  readonly lines: number;
  readonly firstTime?: string;
  readonly lastTime?: string;
  readonly lastSeq: number;
  /** Lines after the anchor: only the chain itself speaks for them. */
  readonly beyondAnchor: number;
  /** A piece of a line at the very end, left by a crash or being written just now. */
  readonly torn?: Torn;
  /** The keys that signed its segments, base64url. Without anchors only the reader can say whether they are the right ones. */
  readonly publicKeys: readonly string[];
  /** At most 100, in the order in which they were found. */
  readonly problems: readonly AuditProblem[];
  readonly problemCount: number;
  /** How far this report vouches, in words. */
  readonly vouches: string;
}

export interface AuditReport {
  /** Nothing was found that does not fit. */
  readonly intact: boolean;
  readonly chains: readonly ChainReport[];
  /** Of things that belong to no chain. */
  readonly problems: readonly AuditProblem[];
  /** Anchors of chains that other nodes keep in their own directories, or that are from before a restore; not checked here. */
  readonly elsewhere: readonly string[];
}

export interface VerifyOptions {
  /** What the store vouches for (`readAnchors`); undefined if the store is not at hand. */
  readonly anchors: readonly ChainAnchor[] | undefined;
  /** Of chains from before a restore (`readEarlierAnchors`): they need not be here, and hold as far as they were anchored. */
  readonly earlier?: readonly ChainAnchor[];
  /** Whose directory this is: chains of other nodes need not be here. Without it every anchored chain must be. */
  readonly node?: string;
}

const mostProblems = 100;

/**
 * Reads every line once, in constant memory. Rejects with `store_unusable` if the directory is not one that the log may use,
 * and with what the file system says if it cannot be read.
 */
export async function verifyAudit({
  directory,
  ...options
}: VerifyOptions & { readonly directory: string }): Promise<AuditReport> {
  return verifyPlace(filePlace(directory), options);
}

/** The same for a log wherever it is. Rejects as its place does. */
export async function verifyPlace(
  place: LogPlace,
  { anchors, earlier = [], node }: VerifyOptions,
): Promise<AuditReport> {
  const unseen = new Map(anchors?.map((anchor) => [anchor.chainId, anchor]));
  const before = new Map(earlier.map((anchor) => [anchor.chainId, anchor]));
  const seen = new Set<string>();
  const chains: ChainReport[] = [];
  const found = await place.chains();
  const problems = found.others.map(unknownEntry);
  for (const name of found.chains) {
    const chainId = parseChainDirectoryName(name);
    if (chainId === undefined || seen.has(chainId)) {
      problems.push(unknownEntry(name));
      continue;
    }
    seen.add(chainId);
    const known = unseen.get(chainId) ?? before.get(chainId);
    const unknown = earlier.length > 0 ? 'after-restore' : 'unknown';
    chains.push(await verifyChain({ place, name, chainId }, anchors && (known ?? unknown)));
    unseen.delete(chainId);
    before.delete(chainId);
  }
  const elsewhere = [...before.keys()];
  for (const anchor of unseen.values()) {
    if (node !== undefined && anchor.process.node !== node) elsewhere.push(anchor.chainId);
    else if (anchor.seq > (anchor.pruned?.seq ?? 0)) chains.push(missingChain(anchor));
  }
  const intact = problems.length === 0 && chains.every((chain) => chain.problemCount === 0);
  return { intact, chains, problems, elsewhere };
}

function unknownEntry(name: string): AuditProblem {
  const message = 'this is not part of an audit log, or a second copy of a part';
  return { kind: 'unknown', message, file: name, beyondAnchor: false };
}

function missingChain(anchor: ChainAnchor): ChainReport {
  const message = `the chain’s directory is missing; the store vouches for ${anchor.seq} lines in it`;
  return {
    chainId: anchor.chainId,
    state: stateOf(anchor, false),
    lines: 0,
    lastSeq: 0,
    beyondAnchor: 0,
    publicKeys: [],
    problems: [{ kind: 'chain-missing', message, file: anchor.directory, beyondAnchor: false }],
    problemCount: 1,
    vouches: 'nothing: the chain is missing',
  };
}

const unknownChain = {
  unknown: 'the store knows nothing of this chain',
  'after-restore':
    'the store knows nothing of this chain; it was restored from a backup, and the chain may have begun after that was taken',
} as const;

async function verifyChain(
  chain: PlacedChain,
  known: ChainAnchor | keyof typeof unknownChain | undefined,
): Promise<ChainReport> {
  const { place, name, chainId } = chain;
  const anchor = typeof known === 'string' ? undefined : known;
  const check = new ChainCheck(name, chainId, anchor);
  if (typeof known === 'string') check.add('unknown', unknownChain[known], name);
  const { others, segments } = await place.segments(name);
  const start = walkStart(anchor?.pruned);
  for (const other of others) check.add('unknown', 'this is not part of an audit log', join(name, other));
  if (segments.length === 0 && known === undefined) {
    check.add('segment-missing', 'the chain’s directory is empty', name);
  }
  check.finish(await walkChain(chain, start, check));
  return check.report();
}

/** Gathers what a walk tells of one chain, and holds it against the anchor. */
class ChainCheck {
  private readonly name: string;
  private readonly chainId: string;
  private readonly anchor: ChainAnchor | undefined;
  private readonly keys = new Set<string>();
  private readonly problems: AuditProblem[] = [];
  private problemCount = 0;
  private lines = 0;
  private firstTime: string | undefined;
  private lastTime: string | undefined;
  private lastSeq = 0;
  private beyond = 0;
  private anchoredLineHeld = false;
  private torn: Torn | undefined;
  private finished = false;

  constructor(name: string, chainId: string, anchor: ChainAnchor | undefined) {
    this.name = name;
    this.chainId = chainId;
    this.anchor = anchor;
    this.anchoredLineHeld = anchor !== undefined && anchor.seq === (anchor.pruned?.seq ?? 0);
  }

  line(line: ParsedLine, at: Position): void {
    this.lines += 1;
    this.firstTime ??= line.time;
    this.lastTime = line.time;
    this.lastSeq = at.seq;
    const anchor = this.anchor;
    if (anchor === undefined || at.seq < anchor.seq) return;
    if (at.seq > anchor.seq) {
      this.beyond += 1;
    } else if (at.head === anchor.head) {
      this.anchoredLineHeld = true;
    } else {
      const message = `line ${at.seq} is not the one that the store vouches for: the log was written anew`;
      this.add('anchor-mismatch', message, this.file(at.segment));
    }
  }

  header({ publicKey }: { readonly publicKey: string }): void {
    this.keys.add(publicKey);
    if (this.anchor && publicKey !== this.anchor.publicKey) {
      this.add('signature', 'a header names another key than the store', this.name);
    }
  }

  problem({ kind, message, segment, line }: WalkProblem, at: Position): void {
    this.add(kind, message, this.file(segment), line, this.isBeyond(at));
  }

  add(kind: ProblemKind, message: string, file: string, line?: number, beyondAnchor = false): void {
    this.problemCount += 1;
    if (this.problems.length >= mostProblems) return;
    this.problems.push({ kind, message, file, ...(line !== undefined && { line }), beyondAnchor });
  }

  finish(end: WalkEnd): void {
    this.finished = end.finished;
    this.torn = end.torn;
    const anchor = this.anchor;
    if (anchor === undefined) return;
    if (end.seq < anchor.seq) {
      const message = `the log ends at line ${end.seq}; the store vouches for ${anchor.seq}`;
      this.add('cut', message, this.file(end.segment));
    } else if (anchor.closed && !anchor.damaged && anchor.pruned?.segment !== anchor.segment) {
      this.checkClosedEnd(anchor, end);
    }
  }

  /** A closed chain ends exactly where its anchor says, but for the torn piece that was found when it was closed. */
  private checkClosedEnd(anchor: ChainAnchor, end: WalkEnd): void {
    const sameTear = end.torn === undefined ? anchor.torn === undefined : sameTorn(end.torn, anchor.torn);
    if (end.seq > anchor.seq || !sameTear) {
      this.add(
        'appended',
        'something was added or changed after the end of the chain',
        this.file(end.segment),
      );
    } else if (anchor.closedBy === undefined && !end.finished) {
      this.add('unsigned', 'the chain stopped in order but has no closing line', this.file(end.segment));
    }
  }

  report(): ChainReport {
    return {
      chainId: this.chainId,
      directory: this.name,
      state: stateOf(this.anchor, this.finished),
      lines: this.lines,
      ...(this.firstTime !== undefined && { firstTime: this.firstTime }),
      ...(this.lastTime !== undefined && { lastTime: this.lastTime }),
      lastSeq: this.lastSeq,
      beyondAnchor: this.beyond,
      ...(this.torn && { torn: this.torn }),
      publicKeys: [...this.keys],
      problems: this.problems,
      problemCount: this.problemCount,
      vouches: this.vouches(),
    };
  }

  private vouches(): string {
    if (this.anchor === undefined) return this.selfConsistency();
    const { seq, anchored, pruned } = this.anchor;
    if (!this.anchoredLineHeld || this.problems.some((problem) => !problem.beyondAnchor)) {
      return 'nothing as a whole: see the problems';
    }
    const from = pruned ? `, lines 1 to ${pruned.seq} having been removed by rule` : '';
    const later = this.beyond === 1 ? '1 later line is' : `${this.beyond} later lines are`;
    const rest = this.beyond > 0 ? `; ${later} vouched for by the chain alone` : '';
    return `anchored through line ${seq} at ${anchored}${from}${rest}`;
  }

  private selfConsistency(): string {
    if (this.problemCount > 0) return 'nothing as a whole: see the problems';
    if (this.finished) {
      return 'self-consistent and signed to its end; that the chain was not written anew shows only with anchors';
    }
    return 'self-consistent only: a cut tail would not show';
  }

  private isBeyond(at: Position): boolean {
    return this.anchor !== undefined && !this.anchor.closed && at.seq >= this.anchor.seq;
  }

  private file(segment: number): string {
    return join(this.name, segmentName(segment));
  }
}

function sameTorn(left: Torn, right: Torn | undefined): boolean {
  return left.segment === right?.segment && left.offset === right.offset && left.bytes === right.bytes;
}

function stateOf(anchor: ChainAnchor | undefined, finished: boolean): ChainReport['state'] {
  if (anchor === undefined) return finished ? 'closed' : 'open';
  if (!anchor.closed) return 'open';
  return anchor.closedBy === undefined || finished ? 'closed' : 'crashed';
}
