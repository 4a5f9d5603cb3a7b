/**
 * Chains of the store that a backup was taken from. In the restored store they are history: nothing is written to them any more
 * from here, their files may be anywhere, and they may have gone on after the backup. So their anchors are set aside, where
 * `verify` finds them for files that are brought along, and no start closes or misses them.
 */
import type { BarrierStore } from '../../barrier/store.ts';
import { parseStorageKey } from '../../storage/storage.ts';
import { allItems } from '../pages.ts';
import { type ChainAnchor, decodeAnchor, fileShelf } from './anchor.ts';

const earlierPrefix = 'core/audit/earlier/';
/** Of a commit's 64 writes each takes three. */
const pageAnchors = 16;

/** Answers how many chains there are from before, all restores together. */
export async function setAnchorsAside(store: BarrierStore): Promise<number> {
  for (;;) {
    const { items } = await store.range(fileShelf.chains, { limit: pageAnchors });
    if (items.length === 0) break;
    await store.commit(
      items.flatMap((record) => {
        const chainId = record.key.slice(fileShelf.chains.length);
        return [
          { key: parseStorageKey(earlierPrefix + chainId), value: record.open() },
          { key: record.key, value: null },
          { key: parseStorageKey(fileShelf.open + chainId), value: null },
        ];
      }),
    );
  }
  return (await allItems((page) => store.children(earlierPrefix, page))).length;
}

/** The anchors of chains from before a restore; none for a store that was never restored. */
export async function readEarlierAnchors(store: BarrierStore): Promise<readonly ChainAnchor[]> {
  const records = await allItems((page) => store.range(earlierPrefix, page));
  return records.map((record) => decodeAnchor(record.open()));
}
