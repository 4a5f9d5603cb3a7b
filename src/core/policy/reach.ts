/**
 * Whether any path below a folder is granted anything. A broad grant may be hidden everywhere by more specific denials, so the
 * question is put to the matcher itself, for paths made of segments that no rule names: whatever rule matches such a path matches
 * the others of its shape too, so that these are the paths with the fewest rivals.
 */
import { grants } from './capability.ts';
import type { MergedRule } from './merge.ts';
import type { Pattern } from './pattern.ts';

export interface Matcher {
  /** The rule that decides about this path grants something. */
  isGranted(path: string): boolean;
  /** The folder, a path with a `/` at its end, may be listed or scanned. */
  isListed(folder: string): boolean;
}

/** A segment that no pattern names, since patterns hold no control characters. */
const unnamed = '\u0001';

export class Reach {
  /** Stems of granting rules without `+`, sorted. Each decides some path: its own, or an unnamed one below. */
  readonly #stems: readonly string[];
  readonly #withSegments: readonly Pattern[];
  /** More segments than any pattern with `+` has. */
  readonly #depth: number;

  constructor(rules: readonly MergedRule[]) {
    const granting = rules.filter((rule) => grants(rule.capabilities)).map((rule) => rule.pattern);
    this.#stems = granting
      .filter(({ kind }) => kind !== 'segments')
      .map(({ stem }) => stem)
      .sort();
    this.#withSegments = granting.filter(({ kind }) => kind === 'segments');
    this.#depth = rules.reduce((most, { pattern }) => {
      return pattern.kind === 'segments' ? Math.max(most, pattern.stem.split('/').length + 1) : most;
    }, 1);
  }

  /** `prefix` is empty or ends in `/`. */
  reaches(prefix: string, matcher: Matcher): boolean {
    const isGranted = (path: string) => matcher.isGranted(path);
    return (
      this.#hasStemBelow(prefix) ||
      matcher.isListed(prefix) ||
      this.#below(prefix).some(isGranted) ||
      this.#withSegments.some((pattern) => this.#witnesses(pattern, prefix).some(isGranted))
    );
  }

  #hasStemBelow(prefix: string): boolean {
    let low = 0;
    let high = this.#stems.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#stems[middle] ?? '') < prefix) low = middle + 1;
      else high = middle;
    }
    return this.#stems[low]?.startsWith(prefix) ?? false;
  }

  /** The folder's own path, and one path of unnamed segments for each depth below it. */
  #below(folder: string): readonly string[] {
    return Array.from(
      { length: this.#depth + 1 },
      (_, depth) => folder + Array(depth).fill(unnamed).join('/'),
    );
  }

  /** Paths below the folder that the pattern matches and that differ from its own segments as little as they must. */
  #witnesses(pattern: Pattern, prefix: string): readonly string[] {
    const above = prefix === '' ? [] : prefix.slice(0, -1).split('/');
    const segments = pattern.stem.split('/');
    if (
      !above.every(
        (one, index) => index >= segments.length || segments[index] === '+' || segments[index] === one,
      )
    ) {
      return [];
    }
    const rest = segments.slice(above.length).map((segment) => (segment === '+' ? unnamed : segment));
    // A pattern that ends above the folder reaches below it only by its `*`, and `#below` asks about that.
    if (rest.length === 0) return [];
    const path = prefix + rest.join('/');
    if (!pattern.open) return [path];
    return [path + unnamed, ...this.#below(`${path}${unnamed}/`)];
  }
}
