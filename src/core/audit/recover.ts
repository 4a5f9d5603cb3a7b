/** At start: chains whose process is gone are checked from their anchor on, and closed. */
import type { BarrierStore } from '../../barrier/store.ts';
import { CofferError, ConflictError } from '../../errors.ts';
import {
  type AnchorShelf,
  type ChainAnchor,
  commitAnchor,
  fileShelf,
  readOpenAnchors,
  removeAnchor,
  type StoredAnchor,
  type Torn,
} from './anchor.ts';
import type { AuditEntry } from './audit.ts';
import { lineEnding } from './line.ts';
import type { LogPlace } from './log-place.ts';
import { isGone, type ProcessIdentity } from './process-identity.ts';
import { parseChainDirectoryName, segmentName } from './segment.ts';
import { type PlacedChain, type WalkEnd, walkChain, walkStart } from './walk.ts';

/** What the start found out about a chain that an earlier process left behind. */
export interface ChainFinding {
  readonly chainId: string;
  /**
   * `closed`: it had stopped in order, only its last checkpoint was missing. `crashed`: all that the store vouches for is there,
   * and lines after it hold together. `damaged`: it holds less than the store vouches for, or something else.
   */
  readonly kind: 'closed' | 'crashed' | 'damaged';
  readonly seq: number;
  readonly head: string;
  readonly torn?: Torn;
  /** With `damaged`: an `integrity` error that says what does not fit. */
  readonly error?: CofferError;
}

export interface LeftChain {
  readonly finding: ChainFinding;
  /** The anchor with which the chain is closed; undefined if the chain never began, so that nothing is to be kept. */
  readonly closing: ChainAnchor | undefined;
  readonly stored: StoredAnchor;
}

/** Examines the chains of processes that are gone. Changes nothing. */
export async function examineLeftChains(
  store: BarrierStore,
  place: LogPlace,
  self: ProcessIdentity,
  closedBy: string,
): Promise<readonly LeftChain[]> {
  const open = await readOpenAnchors(store);
  return examineChains(
    place,
    open.filter(({ anchor }) => isGone(anchor.process, self)),
    closedBy,
  );
}

/** @param closedBy the chain id of who closes them */
export async function examineChains(
  place: LogPlace,
  chains: readonly StoredAnchor[],
  closedBy: string,
): Promise<readonly LeftChain[]> {
  const left: LeftChain[] = [];
  for (const stored of chains) left.push(await examine(place, stored, closedBy));
  return left;
}

/** Marks what was examined as closed. A chain that somebody else closed meanwhile is theirs. */
export async function closeLeftChains(
  store: BarrierStore,
  left: readonly LeftChain[],
  shelf: AnchorShelf = fileShelf,
): Promise<void> {
  for (const { stored, closing } of left) {
    try {
      if (closing) await commitAnchor(store, closing, stored.revision, { shelf });
      else await removeAnchor(store, stored.anchor.chainId, stored.revision, shelf);
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
    }
  }
}

/** The line that the new chain keeps of a closed one. */
export function findingEntry(finding: ChainFinding): AuditEntry {
  return {
    type: 'event',
    event: finding.kind === 'closed' ? 'stopped chain closed' : 'crashed chain closed',
    closed_chain_id: finding.chainId,
    closed_seq: finding.seq,
    closed_head: finding.head,
    intact: finding.kind !== 'damaged',
    ...(finding.torn && { torn: { ...finding.torn } }),
    ...(finding.error && { problem: finding.error.message }),
  };
}

async function examine(place: LogPlace, stored: StoredAnchor, closedBy: string): Promise<LeftChain> {
  const { anchor } = stored;
  const { chainId } = anchor;
  if (anchor.seq === 0 && !(await exists(place, anchor.directory))) {
    return { finding: { chainId, kind: 'closed', seq: 0, head: '' }, closing: undefined, stored };
  }
  const closed = { ...anchor, closed: true, closedBy };
  try {
    const tail = await readTail(place, anchor);
    const { segment, bytes, seq, head, torn } = tail;
    const kind = tail.finished ? 'closed' : 'crashed';
    const closing = { ...closed, segment, bytes, seq, head, ...(torn && { torn }) };
    return { finding: { chainId, kind, seq, head, ...(torn && { torn }) }, closing, stored };
  } catch (error) {
    // The anchor stays where it was, so that `verify` goes on saying what is missing.
    const { seq, head } = anchor;
    const finding: ChainFinding = { chainId, kind: 'damaged', seq, head, error: asIntegrity(chainId, error) };
    return { finding, closing: { ...closed, damaged: true }, stored };
  }
}

/** Follows the chain from its anchor to its end. Throws `integrity` if it does not hold. */
async function readTail(place: LogPlace, anchor: ChainAnchor): Promise<WalkEnd> {
  if (parseChainDirectoryName(anchor.directory) !== anchor.chainId) {
    throw new CofferError('integrity', 'the anchor names a directory that is not the chain’s');
  }
  if (anchor.seq > 0) await requireAnchoredLine(place, anchor);
  const { segment, bytes, seq, head } = anchor;
  const from = seq > 0 ? { segment, bytes, seq, head } : walkStart(undefined);
  const chain: PlacedChain = { place, name: anchor.directory, chainId: anchor.chainId };
  return walkChain(chain, from, {
    line: () => {},
    problem: (problem) => {
      throw new CofferError('integrity', `${segmentName(problem.segment)}: ${problem.message}`);
    },
  });
}

/** The segment must reach to the anchored offset, and the line that ends there must carry the anchored chain value. */
async function requireAnchoredLine(place: LogPlace, anchor: ChainAnchor): Promise<void> {
  const name = segmentName(anchor.segment);
  const file = await place.open(anchor.directory, anchor.segment);
  try {
    const { size } = await file.stat();
    if (size < anchor.bytes) {
      const missing = anchor.bytes - size;
      throw new CofferError('integrity', `${name} was cut: ${missing} bytes are missing that were on disk`);
    }
    const expected = lineEnding(anchor.head);
    const found = Buffer.alloc(expected.length);
    await file.read(found, 0, found.length, anchor.bytes - found.length);
    if (!found.equals(expected)) {
      throw new CofferError('integrity', `line ${anchor.seq} in ${name} is not the one that was anchored`);
    }
  } finally {
    await file.close();
  }
}

function asIntegrity(chainId: string, error: unknown): CofferError {
  const detail = error instanceof CofferError ? error.message : 'its files cannot be read';
  return new CofferError('integrity', `audit chain ${chainId} does not hold: ${detail}`, { cause: error });
}

async function exists(place: LogPlace, chain: string): Promise<boolean> {
  return (await place.chains()).chains.includes(chain);
}
