import { compareKeys } from '../key-order.ts';

const chunkKeys = 512;

/**
 * A sorted set of texts, kept as a list of short sorted chunks: finding costs two binary searches, inserting and removing
 * move at most one chunk's worth of references (and, once per few hundred inserts, the list of chunks).
 */
export class SortedKeys {
  readonly #chunks: string[][] = [];

  add(key: string): void {
    const chunks = this.#chunks;
    if (chunks.length === 0) {
      chunks.push([key]);
      return;
    }
    const at = Math.min(this.#chunkOf(key), chunks.length - 1);
    const chunk = chunks[at];
    if (chunk === undefined) return;
    const index = firstAtLeast(chunk, key);
    if (chunk[index] === key) return;
    chunk.splice(index, 0, key);
    if (chunk.length > chunkKeys) chunks.splice(at + 1, 0, chunk.splice(chunkKeys / 2));
  }

  remove(key: string): void {
    const at = this.#chunkOf(key);
    const chunk = this.#chunks[at];
    if (chunk === undefined) return;
    const index = firstAtLeast(chunk, key);
    if (chunk[index] !== key) return;
    chunk.splice(index, 1);
    if (chunk.length === 0) this.#chunks.splice(at, 1);
  }

  /** The texts from `start` on, in order. The set must not change while they are walked. */
  *from(start: string): Generator<string, void, undefined> {
    for (let at = this.#chunkOf(start); at < this.#chunks.length; at++) {
      const chunk = this.#chunks[at] ?? [];
      const first = chunk[0];
      const index = first === undefined || compareKeys(first, start) >= 0 ? 0 : firstAtLeast(chunk, start);
      for (let next = index; next < chunk.length; next++) yield chunk[next] ?? '';
    }
  }

  /** Index of the first chunk whose last text is not below `key`; one past the end if there is none. */
  #chunkOf(key: string): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareKeys(this.#chunks[middle]?.at(-1) ?? '', key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function firstAtLeast(chunk: readonly string[], key: string): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareKeys(chunk[middle] ?? '', key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
