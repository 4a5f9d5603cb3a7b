/**
 * A bounded map that forgets what has not been asked for lately: two generations, the older dropped whole when the younger
 * is full. Costs one look-up more than a Map and never grows past twice its size, in entries or in what their bytes stand for.
 */
export class TwoGenerationCache<V> {
  readonly #size: number;
  /** What large entries count for beyond one, by key, and of all the young ones together. */
  #youngExtra = new Map<string, number>();
  #oldExtra = new Map<string, number>();
  #extra = 0;
  #young = new Map<string, V>();
  #old = new Map<string, V>();

  constructor(size: number) {
    this.#size = size;
  }

  get(key: string): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.#put(key, old, this.#oldExtra.get(key) ?? 0);
    return old;
  }

  /** `bytes` where entries may be large: what is beyond the first 2 KiB counts as so many entries more. */
  set(key: string, value: V, bytes = 0): void {
    this.#put(key, value, bytes >>> 11);
  }

  #put(key: string, value: V, extra: number): void {
    if (this.#young.size + this.#extra >= this.#size) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#oldExtra = this.#youngExtra;
      this.#youngExtra = new Map();
      this.#extra = 0;
    }
    this.#young.set(key, value);
    if (extra > 0 || this.#extra > 0) this.#count(key, extra);
  }

  #count(key: string, extra: number): void {
    this.#extra += extra - (this.#youngExtra.get(key) ?? 0);
    if (extra > 0) this.#youngExtra.set(key, extra);
    else this.#youngExtra.delete(key);
  }

  delete(key: string): void {
    if (this.#extra > 0) this.#count(key, 0);
    this.#young.delete(key);
    this.#old.delete(key);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
    this.#youngExtra.clear();
    this.#oldExtra.clear();
    this.#extra = 0;
  }
}
