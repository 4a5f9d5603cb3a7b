/** Where in a configuration file each key is, so that a problem can say line and column. */

/** Line and column, from 1. Columns count UTF-16 units, as editors and compilers do. */
export interface Place {
  readonly line: number;
  readonly column: number;
  /** Where settings come from several files: the one it is in. */
  readonly file?: string;
}

/** Names of members, and numbers of elements, from the top of the document. */
export type KeyPath = readonly (string | number)[];

export class KeyPlaces {
  readonly #starts: number[] = [0];
  readonly #offsets = new Map<string, number>();

  constructor(text: string) {
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) this.#starts.push(at + 1);
  }

  /** The first mention counts. */
  note(path: KeyPath, offset: number): void {
    const key = JSON.stringify(path);
    if (!this.#offsets.has(key)) this.#offsets.set(key, offset);
  }

  has(path: KeyPath): boolean {
    return this.#offsets.has(JSON.stringify(path));
  }

  /** Of the key itself, else of the nearest one around it. */
  of(path: KeyPath): Place {
    for (let length = path.length; length > 0; length--) {
      const offset = this.#offsets.get(JSON.stringify(path.slice(0, length)));
      if (offset !== undefined) return this.at(offset);
    }
    return { line: 1, column: 1 };
  }

  at(offset: number): Place {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (this.#starts[low] ?? 0) + 1 };
  }

  /** Every path that was noted, for the test that holds a scan against the parser. */
  paths(): readonly KeyPath[] {
    return [...this.#offsets.keys()].map((key) => JSON.parse(key) as KeyPath);
  }
}
