/** Removes old segments by rule. What is removed is recorded in the store first, so that `verify` does not miss it. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BarrierStore } from '../../barrier/store.ts';
import { ConflictError } from '../../errors.ts';
import {
  type AnchorShelf,
  type ChainAnchor,
  commitAnchor,
  fileShelf,
  type Pruned,
  readAnchor,
  readAnchors,
  removeAnchor,
  type StoredAnchor,
} from './anchor.ts';
import { parseLine } from './line.ts';
import { filePlace, type LogPlace } from './log-place.ts';
import { lineBatches } from './read-lines.ts';
import { parseHeader, segmentName } from './segment.ts';

export interface PruneOptions {
  readonly directory: string;
  readonly store: BarrierStore;
  /** Milliseconds since 1970: segments that were closed before this may go. */
  readonly olderThan: number;
}

/** What takes a log's parts away for good. What is gone already is no error. */
export interface LogRemover {
  segment(chain: string, segment: number): Promise<void>;
  chain(chain: string): Promise<void>;
}

/** A log somewhere, its anchors, and what may go. */
export interface PrunedLog {
  readonly place: LogPlace;
  readonly remover: LogRemover;
  readonly shelf: AnchorShelf;
  readonly store: BarrierStore;
  readonly olderThan: number;
}

/**
 * Removes closed segments whose lines are all older, from the beginning of each chain, and whole chains that ended before. A
 * chain's last segment stays while its process lives; a damaged chain stays whole, as evidence. May be repeated after a
 * crash, and run beside a live log. Returns the files and directories removed, relative to the audit directory. Rejects as the
 * store and the file system do.
 */
export async function pruneAudit({ directory, store, olderThan }: PruneOptions): Promise<readonly string[]> {
  const remover: LogRemover = {
    segment: (chain, segment) => rm(join(directory, chain, segmentName(segment)), { force: true }),
    chain: (chain) => rm(join(directory, chain), { recursive: true, force: true }),
  };
  return pruneLog({ place: filePlace(directory), remover, shelf: fileShelf, store, olderThan });
}

/** The same for a log wherever it is. */
export async function pruneLog(log: PrunedLog): Promise<readonly string[]> {
  const removed: string[] = [];
  const present = new Set((await log.place.chains()).chains);
  for (const anchor of await readAnchors(log.store, log.shelf)) {
    // One that is not here is another node's, or an earlier run got as far as removing its directory.
    if (!present.has(anchor.directory) && !isWhole(anchor)) continue;
    const stored = await markPruned(log, anchor);
    if (stored) removed.push(...(await removeMarked(log, stored)));
  }
  return removed;
}

/** Records what may go. Undefined for a chain that must be left alone, or that somebody else is changing just now. */
async function markPruned(log: PrunedLog, { chainId }: ChainAnchor): Promise<StoredAnchor | undefined> {
  const { store, shelf, olderThan } = log;
  const stored = await readAnchor(store, chainId, shelf);
  if (stored === undefined || stored.anchor.damaged) return undefined;
  const pruned = await prunable(log.place, stored.anchor, olderThan);
  if (pruned === undefined) return stored;
  const anchor = { ...stored.anchor, pruned };
  try {
    return { anchor, revision: await commitAnchor(store, anchor, stored.revision, { shelf }) };
  } catch (error) {
    // A checkpoint came in between. The next run will do.
    if (error instanceof ConflictError) return undefined;
    throw error;
  }
}

/** Up to where the chain may be cut; undefined if no further than it has been. */
async function prunable(
  place: LogPlace,
  anchor: ChainAnchor,
  olderThan: number,
): Promise<Pruned | undefined> {
  const { segment, seq, head } = anchor;
  if (anchor.closed && Date.parse(anchor.anchored) < olderThan) {
    return anchor.pruned?.segment === segment ? undefined : { segment, seq, head };
  }
  let found: Pruned | undefined;
  for (let next = (anchor.pruned?.segment ?? 0) + 2; next <= segment; next++) {
    const before = await segmentBefore(place, anchor.directory, next);
    if (before === undefined || before.closed >= olderThan) break;
    found = before.pruned;
  }
  return found;
}

/** The header of the segment that follows says how the one before it ended, and when. */
async function segmentBefore(
  place: LogPlace,
  chain: string,
  next: number,
): Promise<{ readonly pruned: Pruned; readonly closed: number } | undefined> {
  const file = await place.open(chain, next);
  try {
    const { size } = await file.stat();
    for await (const [first] of lineBatches(file, 0, size)) {
      const line = first && parseLine(first.bytes);
      const header = line && parseHeader(line.content);
      if (!header || header.segment !== next) return undefined;
      const pruned = { segment: next - 1, seq: line.seq - 1, head: header.previous };
      return { pruned, closed: Date.parse(line.time) };
    }
    return undefined;
  } finally {
    await file.close();
  }
}

/** Removes what is recorded as removed, also what an earlier run left. */
async function removeMarked(
  { place, remover, store, shelf }: PrunedLog,
  { anchor, revision }: StoredAnchor,
): Promise<readonly string[]> {
  const { pruned, directory: name } = anchor;
  if (pruned === undefined) return [];
  if (isWhole(anchor)) {
    await remover.chain(name);
    try {
      await removeAnchor(store, anchor.chainId, revision, shelf);
    } catch (error) {
      // Another run was as far.
      if (!(error instanceof ConflictError)) throw error;
    }
    return [name];
  }
  const { segments } = await place.segments(name);
  const gone = segments.filter((segment) => segment <= pruned.segment);
  for (const segment of gone) await remover.segment(name, segment);
  return gone.map((segment) => join(name, segmentName(segment)));
}

/** Everything in the chain has been removed, or is about to be. */
function isWhole({ closed, segment, pruned }: ChainAnchor): boolean {
  return closed && pruned?.segment === segment;
}
