/** What is worth a look in a table: one pass over heads, without any value and without KMS. */
import { writableDigests } from './digest.ts';
import type { WrittenFormat } from './format.ts';
import { headOf } from './head.ts';
import { keyOf, ownName } from './item.ts';
import type { ItemStore } from './item-store.ts';
import { compareText, credstashLatest, isPastCounting, latestOf, versionNumber } from './version.ts';

export interface TableReport {
  readonly names: number;
  readonly items: number;
  /** Items by format; `unknown` are those that no format here reads. */
  readonly formats: Readonly<Record<WrittenFormat | 'unknown', number>>;
  /** Names whose latest version credstash and its ports take for another. */
  readonly misread: readonly string[];
  /** Names with versions that are no numbers. */
  readonly unnumbered: readonly string[];
  /** Names with items under MD5, SHA-1 or a digest that is not known. */
  readonly weak: readonly string[];
  /** Names with deleted values that nobody can have back, and that are still there. */
  readonly overdue: readonly string[];
}

export async function reportTable(store: ItemStore, now: number): Promise<TableReport> {
  const versions = new Map<string, string[]>();
  const formats = { coffer: 0, credstash: 0, credsmash: 0, unknown: 0 };
  const weak = new Set<string>();
  const overdue = new Set<string>();
  let items = 0;
  for await (const item of store.scan('head')) {
    const { name, version } = keyOf(item);
    if (name === ownName) continue;
    const head = headOf(item, now);
    items++;
    const known = versions.get(name);
    if (known === undefined) versions.set(name, [version]);
    else known.push(version);
    formats[head.family ?? 'unknown']++;
    if (head.overdue) overdue.add(name);
    // What is there and is no text is no digest that anybody knows.
    const digest = item['digest'] ?? item['digest_method'];
    if (digest !== undefined && !writableDigests.some((each) => each === digest.S)) weak.add(name);
  }
  const named = [...versions].toSorted(([left], [right]) => compareText(left, right));
  return {
    names: versions.size,
    items,
    formats,
    misread: named.filter(([, texts]) => credstashLatest(texts) !== latestOf(texts)).map(([name]) => name),
    unnumbered: named
      .filter(([, texts]) => texts.some((text) => versionNumber(text) === undefined && !isPastCounting(text)))
      .map(([name]) => name),
    weak: [...weak].toSorted(compareText),
    overdue: [...overdue].toSorted(compareText),
  };
}
