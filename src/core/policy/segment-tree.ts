/** Patterns with `+`, in a tree of segments. */
import type { Pattern } from './pattern.ts';
import { PrefixTree } from './prefix-tree.ts';

/** What is found: the greatest rank wins. */
export interface Ranked {
  readonly pattern: Pattern;
  readonly rank: number;
}

interface Node<T> {
  /** Greatest rank here and below, so that a branch that cannot win is not entered. */
  best: number;
  /** The rule whose pattern ends with the segment that led here. */
  rule: T | undefined;
  readonly literals: Map<string, Node<T>>;
  any: Node<T> | undefined;
  /** Patterns that go on from here with a part of a segment and `*`. */
  open: PrefixTree<T> | undefined;
}

export class SegmentTree<T extends Ranked> {
  readonly #root: Node<T> = emptyNode();
  #size = 0;

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  add(rule: T): void {
    this.#size++;
    const segments = rule.pattern.stem.split('/');
    const rest = rule.pattern.open ? segments.pop() : undefined;
    let node = this.#root;
    node.best = Math.max(node.best, rule.rank);
    for (const segment of segments) {
      node = childOf(node, segment);
      node.best = Math.max(node.best, rule.rank);
    }
    if (rest === undefined) node.rule = rule;
    else {
      node.open ??= new PrefixTree();
      node.open.set(rest, rule);
    }
  }

  /**
   * The matching rule of the greatest rank above that of `rival`, or else `rival`. Visits each node at most once, and none whose
   * segments do not match.
   */
  find(path: string, rival: T | undefined): T | undefined {
    return search(this.#root, path, path.split('/'), 0, 0, rival);
  }
}

function emptyNode<T>(): Node<T> {
  return { best: -1, rule: undefined, literals: new Map(), any: undefined, open: undefined };
}

function childOf<T>(node: Node<T>, segment: string): Node<T> {
  if (segment === '+') {
    node.any ??= emptyNode();
    return node.any;
  }
  const known = node.literals.get(segment);
  if (known !== undefined) return known;
  const child = emptyNode<T>();
  node.literals.set(segment, child);
  return child;
}

/** `offset` is where segment `index` begins in `path`. */
function search<T extends Ranked>(
  node: Node<T>,
  path: string,
  segments: readonly string[],
  index: number,
  offset: number,
  rival: T | undefined,
): T | undefined {
  const segment = segments[index];
  // Behind the last segment only the rule that ends here matches: `a/+/*` needs the `/` before its `*`.
  if (segment === undefined) return better(node.rule, rival);
  let winner = better(node.open?.longest(path, offset), rival);
  const next = offset + segment.length + 1;
  // The literal first: its first wildcard stands later, so that it mostly spares the other branch.
  const literal = node.literals.get(segment);
  if (literal !== undefined && literal.best > rankOf(winner)) {
    winner = search(literal, path, segments, index + 1, next, winner);
  }
  if (node.any !== undefined && node.any.best > rankOf(winner)) {
    winner = search(node.any, path, segments, index + 1, next, winner);
  }
  return winner;
}

function better<T extends Ranked>(one: T | undefined, other: T | undefined): T | undefined {
  return rankOf(one) > rankOf(other) ? one : other;
}

function rankOf(rule: Ranked | undefined): number {
  return rule === undefined ? -1 : rule.rank;
}
