/**
 * A table as credstash and credsmash take it: any version text, items of either program's format, and each program's own notion of the
 * latest version. Items of Coffer's own format are read too, and written where the table's settings say so, so that scripts
 * go on when a table has moved.
 */
import { type Random, systemRandom } from '../crypto/random.ts';
import { CofferError } from '../errors.ts';
import { createOnce } from './create-once.ts';
import { type EncryptionContext, parseContext } from './encryption-context.ts';
import type { ItemFormat, Sealing } from './format.ts';
import { type Head, headOf } from './head.ts';
import { type Item, keyOf, ownName } from './item.ts';
import type { ItemStore } from './item-store.ts';
import { type OpenedTable, openTable, type TableSurroundings } from './open-table.ts';
import { isNobodys, requireWritableName } from './secret-names.ts';
import type { TableAddress } from './table-address.ts';
import { settingsKey } from './table-settings.ts';
import { compareText, compareVersions, versionNumber } from './version.ts';

/** credstash takes the greatest text for the latest, credsmash counts. */
export type LatestRule = 'text' | 'number';

export interface OldSurroundings {
  readonly random: Random;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly context: EncryptionContext;
  readonly latest: LatestRule;
}

export interface OldWriting extends Pick<Sealing, 'name' | 'version' | 'bytes' | 'comment' | 'digest'> {
  readonly format: ItemFormat;
  /** Of the data key; the format's own unless told. */
  readonly keyLength?: number | undefined;
}

/** Nothing is loaded and nobody is asked before the first call. Throws `usage` for a context that cannot be. */
export function openOldTable(
  address: TableAddress,
  contextWords: readonly string[],
  { latest, env, now, random = systemRandom }: TableSurroundings & { readonly latest: LatestRule },
): OldTable {
  const context = parseContext(contextWords);
  return new OldTable(openTable(address, contextWords, { env, now, random }), {
    random,
    now,
    context,
    latest,
  });
}

export class OldTable implements Disposable {
  readonly #opened: OpenedTable;
  readonly #surroundings: OldSurroundings;
  #own: Promise<boolean> | undefined;

  constructor(opened: OpenedTable, surroundings: OldSurroundings) {
    this.#opened = opened;
    this.#surroundings = surroundings;
  }

  /** The item of the latest version; undefined where there is none, or it is deleted. One query, mostly. */
  async latest(name: string): Promise<Item | undefined> {
    if (isNobodys(name)) return undefined;
    this.#opened.keys.prepare();
    if (this.#surroundings.latest === 'number') return this.#live(await this.#opened.table.latest(name));
    for await (const item of this.#store.versions(name, 'whole', 1)) return this.#live(item);
    return undefined;
  }

  /** The item of the first of these version texts that there is. */
  async version(name: string, texts: readonly string[]): Promise<Item | undefined> {
    if (isNobodys(name)) return undefined;
    this.#opened.keys.prepare();
    for (const version of texts) {
      const item = this.#live(await this.#store.read({ name, version }));
      if (item !== undefined) return item;
    }
    return undefined;
  }

  /** Throws `integrity`, `wrong_key` or `permission_denied`, naming the item. */
  async open(item: Item): Promise<Buffer> {
    return (await this.#opened.table.open(item)).bytes;
  }

  /** Opens items, and gives them in their order. Rejects with the first that does not open: an answer is whole or none. */
  openAll(items: readonly Item[]): Promise<readonly Buffer[]> {
    return Promise.all(items.map((item) => this.open(item)));
  }

  /**
   * Items of the latest versions, by name. Of all names it is one pass over whole items, which DynamoDB bills in any case; of some it
   * is one over names, and then those items in batches.
   */
  async latestItems(wanted?: (name: string) => boolean): Promise<readonly Item[]> {
    const { table } = this.#opened;
    const ahead = table.keyAhead();
    const looking = this.#scanned(wanted);
    // Whoever reads all of the table needs its newest key, whatever the items are.
    if (wanted === undefined) void ahead.ask();
    const live = (await looking).filter((item) => this.#live(item) !== undefined);
    const heads = wanted === undefined ? [] : live.map((item) => table.headOf(item));
    if (heads.length > 0) void ahead.ask(heads);
    const items = wanted === undefined ? live : await this.#store.readMany(live.map(keyOf));
    if (items.length < live.length) {
      throw new CofferError('conflict', 'secrets were deleted while they were read; try again');
    }
    return items.toSorted((left, right) => compareText(keyOf(left).name, keyOf(right).name));
  }

  /** The latest version of each name, whole where all are wanted and else its head; deleted ones too. */
  async #scanned(wanted: ((name: string) => boolean) | undefined): Promise<readonly Item[]> {
    const best = new Map<string, Item>();
    for await (const item of this.#store.scan(wanted === undefined ? 'whole' : 'head')) {
      const { name, version } = keyOf(item);
      if (name === ownName || wanted?.(name) === false) continue;
      const other = best.get(name);
      if (other === undefined || this.#compare(version, keyOf(other).version) > 0) best.set(name, item);
    }
    return [...best.values()];
  }

  /** Whole items of these keys; those that are gone are left out. */
  readMany(keys: readonly { readonly name: string; readonly version: string }[]): Promise<readonly Item[]> {
    return this.#store.readMany(keys);
  }

  /** All versions that are not deleted, by name and then by version. */
  async heads(): Promise<readonly Head[]> {
    const heads: Head[] = [];
    for await (const head of this.#opened.table.heads()) if (head.state.kind === 'live') heads.push(head);
    return heads.toSorted(
      (left, right) =>
        compareText(left.name, right.name) || this.#compare(left.versionText, right.versionText),
    );
  }

  /** All versions of one name, the oldest first, deleted ones too: their numbers are taken. */
  async history(name: string): Promise<readonly Head[]> {
    if (isNobodys(name)) return [];
    const heads: Head[] = [];
    for await (const item of this.#store.versions(name, 'head')) {
      heads.push(headOf(item, this.#surroundings.now()));
    }
    return heads.toSorted((left, right) => this.#compare(left.versionText, right.versionText));
  }

  /** False where there is such a version already. Throws `usage` for a name or a version that cannot be written, `payload_too_large`. */
  async write(writing: OldWriting): Promise<boolean> {
    const { name, version, bytes, format } = writing;
    requireWritableName(name);
    if (await this.#isOwn()) return this.#writeOwn(writing);
    const { random, now, context } = this.#surroundings;
    const key = await this.#opened.keys.generate(
      writing.keyLength ?? format.keyLength,
      format.contextFor({ name }, context),
    );
    try {
      const sealing = {
        ...comments(writing),
        name,
        version,
        bytes,
        context,
        shape: 'bare',
        created: now(),
      } as const;
      return await createOnce(this.#store, format.seal(random, key, sealing), bytes.length);
    } finally {
      key.plaintext.fill(0);
    }
  }

  /** What is not there is no error. */
  remove(name: string, version: string): Promise<void> {
    return this.#store.remove({ name, version });
  }

  [Symbol.dispose](): void {
    this.#opened.table[Symbol.dispose]();
  }

  get #store(): ItemStore {
    return this.#opened.store;
  }

  /** Whether the table says that it is in Coffer's own format. Who may not read that writes the old program's, as it did. */
  #isOwn(): Promise<boolean> {
    this.#own ??= this.#store.read(settingsKey).then(
      (settings) => settings?.['format']?.S === 'coffer',
      (error: unknown) => {
        if (error instanceof CofferError && error.code === 'permission_denied') return false;
        throw error;
      },
    );
    return this.#own;
  }

  async #writeOwn({ name, version, bytes, comment }: OldWriting): Promise<boolean> {
    const number = versionNumber(version);
    if (number === undefined) {
      throw new CofferError('usage', "a version is a number in a table of Coffer's own format");
    }
    const writing = { name, bytes, shape: 'bare' as const, ...(comment === undefined ? {} : { comment }) };
    try {
      await this.#opened.table.writeVersion(writing, number);
      return true;
    } catch (error) {
      if (error instanceof CofferError && error.code === 'conflict') return false;
      throw error;
    }
  }

  #live(item: Item | undefined): Item | undefined {
    if (item === undefined) return undefined;
    return headOf(item, this.#surroundings.now()).state.kind === 'live' ? item : undefined;
  }

  #compare(left: string, right: string): number {
    return this.#surroundings.latest === 'text' ? compareText(left, right) : compareVersions(left, right);
  }
}

function comments({ comment, digest }: OldWriting): Pick<Sealing, 'comment' | 'digest'> {
  return { ...(comment === undefined ? {} : { comment }), ...(digest === undefined ? {} : { digest }) };
}
