/**
 * What the store knows of each chain. An anchor lies in the barrier, where whoever can write the log's files cannot reach it:
 * a chain that was cut, rewritten or taken away no longer agrees with its anchor.
 */

import type { BarrierStore, PlainWrite } from '../../barrier/store.ts';
import { CofferError } from '../../errors.ts';
import { isJsonObject } from '../../json.ts';
import { parseStorageKey, type Revision, type StorageKey } from '../../storage/storage.ts';
import { allItems, everyItem } from '../pages.ts';
import type { ProcessIdentity } from './process-identity.ts';

/** A line's end: how much of which segment, its number and chain value. All zero before the first line. */
export interface Position {
  readonly segment: number;
  /** Bytes of the segment up to and with this line. */
  readonly bytes: number;
  readonly seq: number;
  readonly head: string;
}

export const origin: Position = { segment: 0, bytes: 0, seq: 0, head: '' };

/** A piece of a line that a crash left at the end of a chain. */
export interface Torn {
  readonly segment: number;
  readonly offset: number;
  readonly bytes: number;
}

/** Segments 1 to `segment` were removed by rule; the last line in them had this number and chain value. */
export interface Pruned {
  readonly segment: number;
  readonly seq: number;
  readonly head: string;
}

export interface ChainAnchor extends Position {
  readonly version: 1;
  readonly chainId: string;
  /** Name of the chain's directory. */
  readonly directory: string;
  /** RFC 3339. */
  readonly started: string;
  /** When the position was anchored; RFC 3339. */
  readonly anchored: string;
  readonly process: ProcessIdentity;
  /** Ed25519, 32 bytes in base64url. */
  readonly publicKey: string;
  /** Nothing is written after the position any more. */
  readonly closed: boolean;
  /** The chain that found this one without its process and closed it. */
  readonly closedBy?: string;
  /** The log held less than had been anchored, or something else, when it was closed. */
  readonly damaged?: boolean;
  readonly torn?: Torn;
  readonly pruned?: Pruned;
}

export interface StoredAnchor {
  readonly anchor: ChainAnchor;
  readonly revision: Revision;
}

/** Where anchors lie: chains in files have theirs apart from chains in the store, which older programs know nothing of. */
export interface AnchorShelf {
  readonly chains: string;
  /** One empty record for each chain that is not closed, so that a start need not read all that ever were. */
  readonly open: string;
}

export const fileShelf: AnchorShelf = { chains: 'core/audit/chain/', open: 'core/audit/open/' };

/** All anchors, in the order of their chain ids. Rejects with `integrity` if one is not what was stored. */
export async function readAnchors(
  store: BarrierStore,
  shelf: AnchorShelf = fileShelf,
): Promise<readonly ChainAnchor[]> {
  const records = await allItems((page) => store.range(shelf.chains, page));
  return records.map((record) => decodeAnchor(record.open()));
}

export async function readAnchor(
  store: BarrierStore,
  chainId: string,
  shelf: AnchorShelf = fileShelf,
): Promise<StoredAnchor | undefined> {
  const record = await store.read(anchorKey(chainId, shelf));
  return record && { anchor: decodeAnchor(record.open()), revision: record.revision };
}

/** The anchors that are not closed. */
export async function readOpenAnchors(
  store: BarrierStore,
  shelf: AnchorShelf = fileShelf,
): Promise<readonly StoredAnchor[]> {
  const open: StoredAnchor[] = [];
  for await (const chainId of everyItem((page) => store.children(shelf.open, page))) {
    const stored = await readAnchor(store, chainId, shelf);
    if (stored && !stored.anchor.closed) open.push(stored);
  }
  return open;
}

/**
 * Writes an anchor that is still at `revision` (null: not there yet). Rejects as `commit` does. Returns its new revision. With
 * `mark`, also the mark that the chain is open, which a checkpoint leaves alone, so that it is one record.
 */
export async function commitAnchor(
  store: BarrierStore,
  anchor: ChainAnchor,
  revision: Revision | null,
  { mark = false, shelf = fileShelf }: { readonly mark?: boolean; readonly shelf?: AnchorShelf } = {},
): Promise<Revision> {
  const writes = anchorWrites(anchor, mark, shelf);
  const [written] = await store.commit(writes, [{ key: anchorKey(anchor.chainId, shelf), revision }]);
  if (written === undefined) throw new CofferError('internal', 'a commit answered without a revision');
  return written;
}

/** The writes of an anchor, its own first: of a closed one, they take away the mark that it is open. */
export function anchorWrites(anchor: ChainAnchor, mark: boolean, shelf: AnchorShelf): readonly PlainWrite[] {
  const own = { key: anchorKey(anchor.chainId, shelf), value: encodeAnchor(anchor) };
  const open = openKey(anchor.chainId, shelf);
  if (anchor.closed) return [own, { key: open, value: null }];
  return mark ? [own, { key: open, value: Buffer.from('1') }] : [own];
}

/** Forgets a chain; fails with a conflict if its anchor is no longer at `revision`. */
export async function removeAnchor(
  store: BarrierStore,
  chainId: string,
  revision: Revision,
  shelf: AnchorShelf = fileShelf,
): Promise<void> {
  const key = anchorKey(chainId, shelf);
  await store.commit(
    [
      { key, value: null },
      { key: openKey(chainId, shelf), value: null },
    ],
    [{ key, revision }],
  );
}

export function anchorKey(chainId: string, shelf: AnchorShelf): StorageKey {
  return parseStorageKey(shelf.chains + chainId);
}

function openKey(chainId: string, shelf: AnchorShelf): StorageKey {
  return parseStorageKey(shelf.open + chainId);
}

export function encodeAnchor(anchor: ChainAnchor): Buffer {
  return Buffer.from(JSON.stringify(anchor));
}

/** Throws `integrity` if the bytes are no anchor of this format. The barrier has vouched for them already. */
export function decodeAnchor(bytes: Buffer): ChainAnchor {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new CofferError('integrity', 'an audit anchor is not JSON', { cause });
  }
  if (!isJsonObject(value) || value['version'] !== 1 || !hasAnchorShape(value)) {
    throw new CofferError('integrity', 'an audit anchor is not of a format that this version knows');
  }
  return value as unknown as ChainAnchor;
}

const anchorShape = {
  segment: 'number',
  bytes: 'number',
  seq: 'number',
  head: 'string',
  chainId: 'string',
  directory: 'string',
  started: 'string',
  anchored: 'string',
  process: 'object',
  publicKey: 'string',
  closed: 'boolean',
} as const satisfies Partial<Record<keyof ChainAnchor, string>>;

function hasAnchorShape(value: object): boolean {
  const members = new Map<string, unknown>(Object.entries(value));
  return Object.entries(anchorShape).every(([name, type]) => typeof members.get(name) === type);
}
