/** A table of KMS and DynamoDB as a safe. There is no server between: who may do what, IAM and the key's policy say. */

import type { Head } from '../credstash/head.ts';
import type { Item } from '../credstash/item.ts';
import { latestHeads, readAll } from '../credstash/read-all.ts';
import { decodeSecret, encodeSecret } from '../credstash/secret-map.ts';
import type { SecretTable } from '../credstash/secret-table.ts';
import { compareText } from '../credstash/version.ts';
import { asCofferError, CofferError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { nameMatcher } from './find-names.ts';
import { mergePatch } from './patch-secret.ts';
import type { History } from './secret-history.ts';
import { nameProblem } from './secret-name.ts';
import type {
  BulkOutcome,
  BulkReader,
  CurrentSecret,
  Finder,
  Mover,
  NamePage,
  PageRequest,
  SecretSafe,
  SecretVersion,
} from './secret-safe.ts';
import { tableMover } from './table-move.ts';

/** Somebody else's writes between ours; each try reads again. */
const mostTries = 8;

export class TableSafe implements SecretSafe {
  readonly title: string;
  readonly identity: string;
  readonly finder: Finder;
  readonly mover: Mover;
  readonly bulk: BulkReader;
  readonly #table: SecretTable;
  /** Sorted; read once, since DynamoDB has no list of names and each look goes through the whole table. */
  #names: Promise<readonly string[]> | undefined;

  /** @param identity all of the address and the context that decides what is read */
  constructor(table: SecretTable, identity: readonly string[]) {
    this.#table = table;
    this.title = table.title;
    this.identity = JSON.stringify(['credstash', ...identity]);
    this.finder = { find: (folder, pattern, page) => this.#find(folder, pattern, page) };
    this.mover = tableMover({ source: table, goal: table }, (folder) => this.#below(folder));
    this.bulk = { below: (folder) => this.#readBelow(folder) };
  }

  async read(name: string, version?: number): Promise<SecretVersion> {
    const found = await this.#table.read(name, version);
    return { data: decodeSecret(found), version: found.version };
  }

  async current(name: string): Promise<CurrentSecret> {
    const item = await this.#table.latest(name);
    if (item === undefined) return { data: undefined, version: 0 };
    return this.#currentOf(item);
  }

  async write(name: string, data: JsonObject, check?: number): Promise<JsonObject> {
    const { format } = await this.#table.settings();
    const { version, created } = await this.#table.write({ name, ...encodeSecret(data, format) }, check);
    return { version, created_time: new Date(created).toISOString() };
  }

  async patch(name: string, fields: JsonObject, check?: number): Promise<JsonObject> {
    for (let left = mostTries; ; left--) {
      const { data, version } = await this.read(name);
      try {
        return await this.write(name, mergePatch(data, fields), check ?? version);
      } catch (error) {
        if (asCofferError(error).code !== 'conflict' || check !== undefined || left === 0) throw error;
      }
    }
  }

  async list(folder: string, { after, limit }: PageRequest): Promise<NamePage> {
    const start = folder === '' ? '' : `${folder.replace(/\/$/, '')}/`;
    const inner = new Set<string>();
    for (const name of await this.#allNames()) {
      if (!name.startsWith(start)) continue;
      const rest = name.slice(start.length);
      // A name that is no path of segments stands whole at the top, so that no list leaves it out.
      if (nameProblem(name) !== undefined) {
        if (folder === '') inner.add(name);
      } else inner.add(rest.replace(/\/.*$/s, '/'));
    }
    return pageOf([...inner].toSorted(compareText), after, limit);
  }

  async history(name: string): Promise<History> {
    const heads = await this.#heads(name, 'there is no secret');
    const numbered = heads.filter((head) => head.version !== undefined);
    return {
      current: heads.at(-1)?.version ?? 0,
      versions: numbered.map(({ version = 0, created, state }) => ({
        version,
        created_time: created === undefined ? '' : new Date(created).toISOString(),
        deletion_time: state.kind === 'deleted' ? new Date(state.at).toISOString() : '',
        destroyed: state.kind === 'destroyed',
      })),
    };
  }

  async delete(name: string, versions?: readonly number[]): Promise<void> {
    const chosen = await this.#chosen(name, versions, 'deleted');
    await this.#table.delete(name, chosen);
  }

  async undelete(name: string, versions: readonly number[]): Promise<void> {
    await this.#table.undelete(name, await this.#chosen(name, versions, 'brought back'));
  }

  async destroy(name: string, versions: readonly number[]): Promise<void> {
    await this.#table.destroy(name, await this.#chosen(name, versions, 'destroyed'));
  }

  async remove(name: string): Promise<void> {
    await this.#heads(name, 'nothing was deleted: there is no secret');
    await this.#table.remove(name);
  }

  moverTo(target: SecretSafe): Mover {
    if (target instanceof TableSafe) {
      return tableMover({ source: this.#table, goal: target.#table }, (folder) => this.#below(folder));
    }
    throw new CofferError(
      'unsupported_operation',
      `from a table secrets go to another table, and ${target.title} is none; \`coffer import\` takes a whole table there`,
    );
  }

  sweep(name: string): Promise<void> {
    return this.#table.sweep(name);
  }

  /** Every name means the same here. */
  async requireUsable(): Promise<void> {}

  [Symbol.dispose](): void {
    this.#table[Symbol.dispose]();
  }

  async #currentOf(item: Item): Promise<CurrentSecret> {
    const head = this.#table.headOf(item);
    if (head.state.kind !== 'live') return { data: undefined, version: head.version ?? 0 };
    const found = await this.#table.open(item);
    return { data: decodeSecret(found), version: found.version };
  }

  async #heads(name: string, missing: string): Promise<readonly Head[]> {
    const heads = await this.#table.history(name);
    if (heads.length === 0) throw new CofferError('not_found', `${missing} ${name}`);
    return heads;
  }

  /** The named versions, or the latest. Throws `not_found` that names those that are not there, before anything is done. */
  async #chosen(
    name: string,
    versions: readonly number[] | undefined,
    done: string,
  ): Promise<readonly Head[]> {
    const heads = await this.#heads(name, `nothing was ${done}: there is no secret`);
    if (versions === undefined) return heads.slice(-1);
    const missing = versions.filter((version) => !heads.some((head) => head.version === version));
    if (missing.length === 0)
      return heads.filter(({ version }) => version !== undefined && versions.includes(version));
    throw new CofferError('not_found', `nothing was ${done}: ${name} has no version ${missing.join(', ')}`);
  }

  async #find(folder: string, pattern: string, { after, limit }: PageRequest): Promise<NamePage> {
    const matches = nameMatcher(pattern);
    const start = folder === '' ? 0 : folder.length + 1;
    const names = await this.#below(folder);
    return pageOf(
      names.filter((name) => matches(name.slice(start))),
      after,
      limit,
    );
  }

  async *#readBelow(folder: string): AsyncGenerator<BulkOutcome> {
    for await (const outcome of readAll(this.#table, isBelow(folder))) {
      if (outcome.kind === 'failed') yield outcome;
      else yield { kind: 'read', name: outcome.name, data: decodeSecret(outcome.found) };
    }
  }

  async #below(folder: string): Promise<readonly string[]> {
    return (await this.#allNames()).filter(isBelow(folder));
  }

  #allNames(): Promise<readonly string[]> {
    this.#names ??= latestHeads(this.#table, () => true).then((heads) => heads.map(({ name }) => name));
    return this.#names;
  }
}

function isBelow(folder: string): (name: string) => boolean {
  return folder === '' ? () => true : (name) => name.startsWith(`${folder}/`);
}

function pageOf(names: readonly string[], after: string | undefined, limit: number): NamePage {
  const rest = after === undefined ? names : names.filter((name) => compareText(name, after) > 0);
  const page = rest.slice(0, limit);
  return { names: page, next: rest.length > limit ? page.at(-1) : undefined };
}
