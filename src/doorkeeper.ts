/**
 * Who may come into a cache: what was asked for before, and lately. A walk over a million things that are each looked at once
 * then neither drives out what is in use nor leaves the garbage collector a million things to carry from place to place. The
 * idea is TinyLFU's (Einziger, Friedman, Manes, ACM Transactions on Storage 13(4), 2017).
 *
 * It is a table of fixed size with one mark a slot, and it errs: a mark that was written over costs one more miss, two texts
 * with the same mark let one in early. So nothing may rest on its answer but the cost of the next look-up.
 */
export class Doorkeeper {
  readonly #marks: Uint32Array;

  /** Remembers about as many as it has slots, at four bytes each. */
  constructor(slots: number) {
    this.#marks = new Uint32Array(2 ** Math.ceil(Math.log2(Math.max(2, slots))));
  }

  /** Whether `key` was asked for lately. From now on it was. */
  knows(key: string): boolean {
    const mark = markOf(key);
    const slot = mark & (this.#marks.length - 1);
    if (this.#marks[slot] === mark) return true;
    this.#marks[slot] = mark;
    return false;
  }
}

/** FNV-1a over UTF-16 units, then stirred so that the low bits depend on all others. Never 0, which is an empty slot. */
function markOf(key: string): number {
  let mark = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) mark = Math.imul(mark ^ key.charCodeAt(index), 0x01000193);
  mark = Math.imul(mark ^ (mark >>> 16), 0x85ebca6b);
  return (mark ^ (mark >>> 13)) >>> 0 || 1;
}
