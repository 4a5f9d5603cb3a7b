/**
 * One chain in the store, and the commits that lengthen it. Each commit holds whole lines and the anchor that says how far the chain
 * is with them: there is no line that the store does not vouch for, and no half of one. Each expects the anchor to be as this process
 * left it, so that a chain that somebody else closed takes no more lines.
 */
import type { BarrierStore, PlainWrite } from '../../barrier/store.ts';
import { timestamp } from '../../clock.ts';
import type { Expectation, Revision } from '../../storage/storage.ts';
import { anchorKey, anchorWrites, type ChainAnchor, readOpenAnchors, type StoredAnchor } from './anchor.ts';
import { chainLine } from './line.ts';
import { isGone, type ProcessIdentity } from './process-identity.ts';
import { closeLeftChains, examineChains } from './recover.ts';
import { closingEntry, headerEntry } from './segment.ts';
import type { Signer } from './signature.ts';
import { pieceBytes, pieceWrite, storedPlace, storedShelf } from './stored-place.ts';

/** Bytes of lines in one commit; the anchor, keys and what sealing adds fit besides into the 340 KiB of a commit. */
export const linesBytes = 2 * pieceBytes - 16 * 1024;
/** A segment of more records than this is closed, however small they are: it is opened and removed at one go. */
const mostPieces = 1_000;

/** Where a chain ends. */
export interface ChainEnd {
  readonly anchor: ChainAnchor;
  /** Records of the segment so far. */
  readonly pieces: number;
}

/** A chain as this process knows it: its anchor is as it was last committed. */
export interface ChainState extends ChainEnd {
  /** The anchor's; null before the chain is there. */
  readonly revision: Revision | null;
}

export interface DraftFacts {
  readonly signer: Signer;
  readonly segmentBytes: number;
  /** Milliseconds since 1970, for lines and anchor. */
  readonly now: number;
}

/** What one commit adds to a chain. */
export class ChainDraft {
  readonly #facts: DraftFacts;
  readonly #from: ChainState;
  readonly #time: string;
  readonly #writes: PlainWrite[] = [];
  #anchor: ChainAnchor;
  #pieces: number;
  /** Lines of the segment that are in no write yet, and their bytes. */
  #text = '';
  #textBytes = 0;
  #bytes = 0;

  constructor(facts: DraftFacts, from: ChainState) {
    this.#facts = facts;
    this.#from = from;
    this.#time = timestamp(facts.now);
    this.#anchor = from.anchor;
    this.#pieces = from.pieces;
    if (from.anchor.segment === 0) this.#beginSegment();
    else if (from.anchor.bytes >= facts.segmentBytes || from.pieces >= mostPieces) {
      this.#endSegment(false);
      this.#beginSegment();
    }
  }

  /** Bytes of its lines so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * @param json of an entry, as `entryJson` makes it
   * @param time RFC 3339
   */
  add(json: string, time: string = this.#time): void {
    const { text, point } = chainLine(this.#anchor, time, json);
    const bytes = Buffer.byteLength(text);
    this.#text += text;
    this.#textBytes += bytes;
    this.#bytes += bytes;
    this.#anchor = { ...this.#anchor, ...point, bytes: this.#anchor.bytes + bytes };
  }

  /** The chain's end: signed, and nothing follows. */
  finish(): void {
    this.#endSegment(true);
    this.#anchor = { ...this.#anchor, closed: true };
  }

  writes(): readonly PlainWrite[] {
    this.#cut();
    this.#anchor = { ...this.#anchor, anchored: this.#time };
    return [...anchorWrites(this.#anchor, this.#from.revision === null, storedShelf), ...this.#writes];
  }

  expectation(): Expectation {
    return { key: anchorKey(this.#anchor.chainId, storedShelf), revision: this.#from.revision };
  }

  /** Where the chain is once the writes are committed. */
  get end(): ChainEnd {
    return { anchor: this.#anchor, pieces: this.#pieces };
  }

  /** Whether an anchor that was read says that these writes are there. */
  isIn({ seq, head }: ChainAnchor): boolean {
    return seq === this.#anchor.seq && head === this.#anchor.head;
  }

  #beginSegment(): void {
    const { signer } = this.#facts;
    const { chainId, process, head } = this.#anchor;
    const segment = this.#anchor.segment + 1;
    this.#anchor = { ...this.#anchor, segment, bytes: 0 };
    this.#pieces = 0;
    const header = { chainId, segment, previous: head, publicKey: signer.publicKey };
    this.add(JSON.stringify(headerEntry(header, process)));
  }

  #endSegment(final: boolean): void {
    this.add(JSON.stringify(closingEntry(this.#facts.signer, this.#anchor, final)));
    this.#cut();
  }

  /** Makes records of the lines. */
  #cut(): void {
    const { directory, segment, bytes: end } = this.#anchor;
    const bytes = Buffer.from(this.#text);
    const start = end - this.#textBytes;
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      const piece = bytes.subarray(at, at + pieceBytes);
      this.#writes.push(pieceWrite(directory, segment, start + at, piece));
      this.#pieces += 1;
    }
    this.#text = '';
    this.#textBytes = 0;
  }
}

/** Milliseconds that a process may take from its first line until it tells of itself. */
const startTime = 60_000;
/** Milliseconds without a line after which one that rests between its lines is taken as gone. */
const restTime = 24 * 3_600_000;

/**
 * The open chains whose processes are gone: those that this machine's process table does not have, and those of others that do not
 * tell of themselves any more, or not yet after a minute. What rests between its lines tells nobody of itself and has a day. One that
 * lives after all finds its chain closed by its next line, and begins another.
 *
 * @param nodes the processes of the nodes that are there
 * @param now milliseconds since 1970
 */
export async function leftStoredChains(
  store: BarrierStore,
  self: ProcessIdentity,
  nodes: readonly ProcessIdentity[],
  now: number,
): Promise<readonly StoredAnchor[]> {
  const open = await readOpenAnchors(store, storedShelf);
  return open.filter(({ anchor: { process, anchored } }) => {
    if (isSame(process, self) || nodes.some((each) => isSame(each, process))) return false;
    if (isBeside(process, self)) return isGone(process, self);
    // A clock that is far off makes it no younger.
    return Math.abs(now - Date.parse(anchored)) >= (process.rests === true ? restTime : startTime);
  });
}

/**
 * In a store that came out of a backup: the chains that were open at that moment are history here, whoever still writes them in the
 * store before. Answers how many there are.
 */
export async function closeRestoredChains(store: BarrierStore): Promise<number> {
  const left = await examineChains(storedPlace(store), await readOpenAnchors(store, storedShelf), 'restore');
  await closeLeftChains(store, left, storedShelf);
  return left.length;
}

/** Whether the process table of one tells of the other. */
function isBeside(one: ProcessIdentity, other: ProcessIdentity): boolean {
  return one.node === other.node && one.bootId === other.bootId && one.pidNamespace === other.pidNamespace;
}

function isSame(one: ProcessIdentity, other: ProcessIdentity): boolean {
  return (
    one.pid === other.pid &&
    one.startTicks === other.startTicks &&
    one.bootId === other.bootId &&
    one.pidNamespace === other.pidNamespace
  );
}
