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

/** A chain as this process knows it. */
export interface ChainState {
  /** As it was last committed; its position is the end of the chain. */
  readonly anchor: ChainAnchor;
  /** The anchor's; null before the chain is there. */
  readonly revision: Revision | null;
  /** Records of the segment so far. */
  readonly pieces: number;
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

  /** The chain once the writes are committed; `revision` is the anchor's then. */
  result(revision: Revision): ChainState {
    return { anchor: this.#anchor, revision, pieces: this.#pieces };
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

/**
 * The open chains whose processes are gone: those of this node's name as files have it, and those of other nodes that do not tell of
 * themselves any more. One that lives after all finds its chain closed by its next line, and begins another.
 *
 * @param nodes the processes of the nodes that are there
 */
export async function leftStoredChains(
  store: BarrierStore,
  self: ProcessIdentity,
  nodes: readonly ProcessIdentity[],
): Promise<readonly StoredAnchor[]> {
  const open = await readOpenAnchors(store, storedShelf);
  return open.filter(({ anchor: { process } }) => {
    if (isSame(process, self) || nodes.some((each) => isSame(each, process))) return false;
    return process.node === self.node ? isGone(process, self) : true;
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

function isSame(one: ProcessIdentity, other: ProcessIdentity): boolean {
  return (
    one.pid === other.pid &&
    one.startTicks === other.startTicks &&
    one.bootId === other.bootId &&
    one.pidNamespace === other.pidNamespace
  );
}
