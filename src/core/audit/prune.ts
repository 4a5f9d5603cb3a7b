/** Removes old segments by rule. What is removed is recorded in the store first, so that `verify` does not miss it. */
import { readdir, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { BarrierStore } from '../../barrier/store.ts';
import { ConflictError } from '../../errors.ts';
import {
  type ChainAnchor,
  commitAnchor,
  type Pruned,
  readAnchor,
  readAnchors,
  removeAnchor,
  type StoredAnchor,
} from './anchor.ts';
import { requirePrivateDirectory } from './disk.ts';
import { parseLine } from './line.ts';
import { lineBatches, openSegmentFile } from './read-lines.ts';
import { parseHeader, segmentName } from './segment.ts';
import { listSegments } from './walk.ts';

export interface PruneOptions {
  readonly directory: string;
  readonly store: BarrierStore;
  /** Milliseconds since 1970: segments that were closed before this may go. */
  readonly olderThan: number;
}

/**
 * Removes closed segments whose lines are all older, from the beginning of each chain, and whole chains that ended before. A
 * chain's last segment stays while its process lives; a damaged chain stays whole, as evidence. May be repeated after a
 * crash, and run beside a live log. Returns the files and directories removed, relative to the audit directory. Rejects as the
 * store and the file system do.
 */
export async function pruneAudit({ directory, store, olderThan }: PruneOptions): Promise<readonly string[]> {
  requirePrivateDirectory(directory);
  const removed: string[] = [];
  const present = new Set(await readdir(directory));
  for (const anchor of await readAnchors(store)) {
    // One that is not here is another node's, or an earlier run got as far as removing its directory.
    if (!present.has(anchor.directory) && !isWhole(anchor)) continue;
    const stored = await markPruned(store, join(directory, anchor.directory), anchor.chainId, olderThan);
    if (stored) removed.push(...(await removeMarked(store, directory, stored)));
  }
  return removed;
}

/** Records what may go. Undefined for a chain that must be left alone, or that somebody else is changing just now. */
async function markPruned(
  store: BarrierStore,
  path: string,
  chainId: string,
  olderThan: number,
): Promise<StoredAnchor | undefined> {
  const stored = await readAnchor(store, chainId);
  if (stored === undefined || stored.anchor.damaged) return undefined;
  const pruned = await prunable(path, stored.anchor, olderThan);
  if (pruned === undefined) return stored;
  const anchor = { ...stored.anchor, pruned };
  try {
    return { anchor, revision: await commitAnchor(store, anchor, stored.revision) };
  } catch (error) {
    // A checkpoint came in between. The next run will do.
    if (error instanceof ConflictError) return undefined;
    throw error;
  }
}

/** Up to where the chain may be cut; undefined if no further than it has been. */
async function prunable(path: string, anchor: ChainAnchor, olderThan: number): Promise<Pruned | undefined> {
  const { segment, seq, head } = anchor;
  if (anchor.closed && Date.parse(anchor.anchored) < olderThan) {
    return anchor.pruned?.segment === segment ? undefined : { segment, seq, head };
  }
  let found: Pruned | undefined;
  for (let next = (anchor.pruned?.segment ?? 0) + 2; next <= segment; next++) {
    const before = await segmentBefore(path, next);
    if (before === undefined || before.closed >= olderThan) break;
    found = before.pruned;
  }
  return found;
}

/** The header of the segment that follows says how the one before it ended, and when. */
async function segmentBefore(
  path: string,
  next: number,
): Promise<{ readonly pruned: Pruned; readonly closed: number } | undefined> {
  const file = await openSegmentFile(join(path, segmentName(next)));
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
  store: BarrierStore,
  directory: string,
  { anchor, revision }: StoredAnchor,
): Promise<readonly string[]> {
  const { pruned, directory: name } = anchor;
  if (pruned === undefined) return [];
  if (isWhole(anchor)) {
    await rm(join(directory, name), { recursive: true, force: true });
    try {
      await removeAnchor(store, anchor.chainId, revision);
    } catch (error) {
      // Another run was as far.
      if (!(error instanceof ConflictError)) throw error;
    }
    return [name];
  }
  const { segments } = await listSegments(join(directory, name));
  const files = segments
    .filter((segment) => segment <= pruned.segment)
    .map((n) => join(name, segmentName(n)));
  for (const file of files) await unlink(join(directory, file));
  return files;
}

/** Everything in the chain has been removed, or is about to be. */
function isWhole({ closed, segment, pruned }: ChainAnchor): boolean {
  return closed && pruned?.segment === segment;
}
