/**
 * A log whose lines are records of the store: `core/audit/log/<chain>/<segment>/<offset>-<bytes>`, each record a piece of its segment,
 * sealed like everything there. The pieces of a segment in the order of their keys are what a file would hold.
 */
import type { BarrierStore, PlainWrite } from '../../barrier/store.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import { parseStorageKey, type Storage, type StorageKey, storageLimits } from '../../storage/storage.ts';
import { allItems, everyItem } from '../pages.ts';
import type { AnchorShelf } from './anchor.ts';
import { type LogPlace, type SegmentBytes, sortSegments } from './log-place.ts';
import type { LogRemover } from './prune.ts';
import { parseChainDirectoryName } from './segment.ts';

export const storedShelf: AnchorShelf = {
  chains: 'core/audit/stored/chain/',
  open: 'core/audit/stored/open/',
};

const logPrefix = 'core/audit/log/';

/** Bytes of lines in one record: two of them fill a commit. */
export const pieceBytes = 160 * 1024;

/** Bytes fetched at a time. */
const readAtOnce = 1024 * 1024;

/** The record that holds these bytes of a segment, beginning at `offset`. */
export function pieceWrite(chain: string, segment: number, offset: number, bytes: Buffer): PlainWrite {
  const start = String(offset).padStart(12, '0');
  return { key: keyIn(segmentPrefix(chain, segment), `${start}-${bytes.length}`), value: bytes };
}

/** Its methods reject as the store does. */
export function storedPlace(store: BarrierStore): LogPlace {
  const folders = async (prefix: string) => {
    const names = await allItems((page) => store.children(prefix, page));
    return names.map((name) => name.replace(/\/$/, ''));
  };
  return {
    async chains() {
      const names = await folders(logPrefix);
      const isChain = (name: string) => parseChainDirectoryName(name) !== undefined;
      return { chains: names.filter(isChain), others: names.filter((name) => !isChain(name)) };
    },
    segments: async (chain) => sortSegments(await folders(`${logPrefix}${chain}/`), parseSegmentFolder),
    open: (chain, segment) => StoredSegment.open(store, segmentPrefix(chain, segment)),
  };
}

/** Removes in commits of as many records as fit; what is cut off is gone on with by the next run. */
export function storedRemover(store: BarrierStore): LogRemover {
  const removeBelow = async (prefix: string) => {
    let keys: StorageKey[] = [];
    const flush = async () => {
      if (keys.length > 0) await store.commit(keys.map((key) => ({ key, value: null })));
      keys = [];
    };
    for await (const name of everyItem((page) => store.children(prefix, page))) {
      keys.push(keyIn(prefix, name));
      if (keys.length === storageLimits.commitItems) await flush();
    }
    await flush();
  };
  return {
    segment: (chain, segment) => removeBelow(segmentPrefix(chain, segment)),
    async chain(chain) {
      const { segments } = await storedPlace(store).segments(chain);
      for (const segment of segments) await removeBelow(segmentPrefix(chain, segment));
    },
  };
}

function segmentPrefix(chain: string, segment: number): string {
  return `${logPrefix}${chain}/${String(segment).padStart(6, '0')}/`;
}

function parseSegmentFolder(name: string): number | undefined {
  const number = Number(name);
  return /^\d{6,12}$/.test(name) && number > 0 && String(number).padStart(6, '0') === name
    ? number
    : undefined;
}

function keyIn(prefix: string, name: string): StorageKey {
  return parseStorageKey(prefix + name);
}

interface Piece {
  readonly key: StorageKey;
  /** Where it begins among those that are there: a missing one shows as lines that do not follow each other. */
  readonly start: number;
  readonly bytes: number;
}

class StoredSegment implements SegmentBytes {
  readonly #store: BarrierStore;
  readonly #pieces: readonly Piece[];
  /** The last that were fetched, by index. */
  #fetched = new Map<number, Buffer>();

  private constructor(store: BarrierStore, pieces: readonly Piece[]) {
    this.#store = store;
    this.#pieces = pieces;
  }

  static async open(store: BarrierStore, prefix: string): Promise<StoredSegment> {
    const pieces: Piece[] = [];
    let start = 0;
    for await (const name of everyItem((page) => store.children(prefix, page))) {
      const bytes = Number(/^\d{12}-(\d{1,6})$/.exec(name)?.[1]);
      // What is not named like a piece was put there: no line of it can be read.
      pieces.push({ key: keyIn(prefix, name), start, bytes: Number.isNaN(bytes) ? 1 : bytes });
      start += pieces.at(-1)?.bytes ?? 0;
    }
    return new StoredSegment(store, pieces);
  }

  async stat(): Promise<{ readonly size: number }> {
    const last = this.#pieces.at(-1);
    return { size: last === undefined ? 0 : last.start + last.bytes };
  }

  async read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }> {
    let bytesRead = 0;
    let index = this.#pieces.findIndex(({ start, bytes }) => position < start + bytes);
    for (; index >= 0 && index < this.#pieces.length && bytesRead < length; index++) {
      const from = position + bytesRead - (this.#pieces[index]?.start ?? 0);
      const piece = await this.#piece(index);
      bytesRead += piece.copy(buffer, offset + bytesRead, from, from + length - bytesRead);
    }
    return { bytesRead };
  }

  async close(): Promise<void> {
    this.#fetched.clear();
  }

  async #piece(index: number): Promise<Buffer> {
    const known = this.#fetched.get(index) ?? (await this.#bring(index)).get(index);
    if (known === undefined) throw new CofferError('internal', 'a piece of a segment is out of its range');
    return known;
  }

  /** This one and as many of those that follow as one reading may bring. */
  async #bring(first: number): Promise<ReadonlyMap<number, Buffer>> {
    const wanted: Piece[] = [];
    let bytes = 0;
    for (const piece of this.#pieces.slice(first, first + storageLimits.readKeys)) {
      bytes += piece.bytes;
      if (wanted.length > 0 && bytes > readAtOnce) break;
      wanted.push(piece);
    }
    const records = await this.#store.readMany(wanted.map(({ key }) => key));
    this.#fetched = new Map(
      wanted.map((piece, at) => [first + at, contentOf(piece, () => records[at]?.open())]),
    );
    return this.#fetched;
  }
}

/** What does not open, or is not of its length, reads as a line that is none: so a reader tells where it is and goes on. */
function contentOf({ bytes }: Piece, open: () => Buffer | undefined): Buffer {
  try {
    const found = open();
    if (found?.length === bytes) return found;
  } catch (error) {
    if (asCofferError(error).code !== 'integrity') throw error;
  }
  const unreadable = Buffer.alloc(bytes);
  unreadable.fill('\n', Math.max(0, bytes - 1));
  return unreadable;
}

/** Whether a store keeps a log of its own. Needs no key: names of chains are in the clear. */
export async function keepsLog(storage: Pick<Storage, 'children'>): Promise<boolean> {
  const { items } = await storage.children(storedShelf.chains, { limit: 1 });
  return items.length > 0;
}
