/**
 * Secrets in a table of KMS and DynamoDB, whoever wrote them: credstash, credsmash, their ports, or Coffer.
 *
 * There is no server between: who may read and write is what IAM and the key's policy say, and nothing is audited but by AWS. A read
 * is two calls (DynamoDB, KMS). A version is written once and never changed; the next number is taken by a conditional
 * write, so that of two writers both get one.
 */
import type { Random } from '../crypto/random.ts';
import { CofferError } from '../errors.ts';
import { createOnce } from './create-once.ts';
import type { DataKeys } from './data-keys.ts';
import { type EncryptionContext, requireContextKeys } from './encryption-context.ts';
import { KeyAhead } from './epoch-ahead.ts';
import { epochKey } from './epochs.ts';
import type { DataKey, Opened, Shape, WrittenFormat } from './format.ts';
import { formatNamed, formatOf } from './formats.ts';
import { type Head, headOf } from './head.ts';
import { type Item, keyOf, label, optionalSet, optionalText, ownName } from './item.ts';
import { deletion, destruction, restoring, stateOf } from './item-state.ts';
import type { ItemStore } from './item-store.ts';
import { isNobodys, requireWritableName } from './secret-names.ts';
import { readSettings, type TableSettings } from './table-settings.ts';
import {
  compareVersions,
  encodeVersion,
  isCanonical,
  isPastCounting,
  spellings,
  versionNumber,
} from './version.ts';

export interface TableParts {
  readonly store: ItemStore;
  readonly keys: DataKeys;
  readonly random: Random;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** In place of asking the table for its settings, for who keeps them longer than a table is open. */
  readonly settings?: () => Promise<TableSettings>;
}

export interface TableWishes {
  readonly context: EncryptionContext;
  /** Write this format and refuse to read any other; otherwise as the table has it. */
  readonly format?: WrittenFormat | undefined;
}

/** One version, opened. */
export interface Found extends Opened {
  readonly name: string;
  /** The number; 0 also where the version's text is none. */
  readonly version: number;
  /** As stored. */
  readonly versionText: string;
}

export interface Writing {
  readonly name: string;
  readonly bytes: Buffer;
  readonly shape: Shape;
  readonly comment?: string;
}

interface Kept {
  readonly created?: number | undefined;
  readonly deleted?: boolean;
}

export interface Written {
  readonly version: number;
  readonly created: number;
}

/** Each lost race is another writer's success, so that this many in a row need as many writers. */
const mostRaces = 100;

export class SecretTable implements Disposable {
  readonly #parts: TableParts;
  readonly #wishes: TableWishes;
  #settings: Promise<TableSettings> | undefined;

  constructor(parts: TableParts, wishes: TableWishes) {
    this.#parts = parts;
    this.#wishes = wishes;
  }

  get title(): string {
    return this.#parts.store.title;
  }

  /**
   * The latest version, or the one asked for. Throws `not_found` for what is not there, is deleted or destroyed; `wrong_key`,
   * `permission_denied` or `integrity` for what does not open.
   */
  async read(name: string, version?: number): Promise<Found> {
    const reading = version === undefined ? this.latest(name) : this.version(name, version);
    this.#parts.keys.prepare();
    const item = await reading;
    if (item === undefined) {
      const what = version === undefined ? `secret ${name}` : `version ${version} of ${name}`;
      throw new CofferError('not_found', `there is no ${what}`);
    }
    this.#requireLive(item);
    return this.open(item);
  }

  /** The whole item of the latest version in whatever state; undefined where the name has none. */
  async latest(name: string): Promise<Item | undefined> {
    if (isNobodys(name)) return undefined;
    for await (const first of this.#parts.store.versions(name, 'whole', 1)) {
      // Padded as both programs pad today, the greatest text is the greatest number. Anything else must be looked at.
      if (isCanonical(keyOf(first).version)) return first;
      break;
    }
    const version = (await this.history(name)).at(-1)?.versionText;
    return version === undefined ? undefined : this.#parts.store.read({ name, version });
  }

  /** As `latest`, for the version of this number. */
  async version(name: string, version: number): Promise<Item | undefined> {
    if (isNobodys(name)) return undefined;
    for (const text of spellings(version)) {
      const item = await this.#parts.store.read({ name, version: text });
      if (item !== undefined) return item;
    }
    // Somebody's own program may have padded it otherwise.
    const other = (await this.history(name)).findLast((head) => head.version === version)?.versionText;
    return other === undefined ? undefined : this.#parts.store.read({ name, version: other });
  }

  /** Many items are about to be opened: what that takes is made ready while they are on their way. */
  keyAhead(): KeyAhead {
    return new KeyAhead(this.#parts, this.#wishes);
  }

  /** Opens an item that was read. Throws `integrity`, `wrong_key` or `permission_denied`, naming the item. */
  async open(item: Item): Promise<Found> {
    const format = formatOf(item);
    const { context } = this.#wishes;
    this.#requireFormat(format.family, item);
    // Lists pass over a mark that is no mark; whoever opens the item is told.
    if (format.family === 'coffer') stateOf(item, this.#parts.now());
    const what = label(item);
    // Of an old item nobody knows what its program was given, unless it was ours.
    const remembered = optionalSet(item, 'context_keys') ?? (format.family === 'coffer' ? [] : undefined);
    requireContextKeys(remembered, context, what);
    const { name, version } = keyOf(item);
    const epoch = format.family === 'coffer' ? optionalText(item, 'epoch') : undefined;
    const open = format.opening(item, context);
    const dataKey = await this.#parts.keys.unwrap(
      format.wrappedKey(item),
      format.contextFor({ name, epoch }, context),
      { shared: epoch !== undefined, what },
    );
    try {
      return { ...open(dataKey), name, version: versionNumber(version) ?? 0, versionText: version };
    } finally {
      dataKey.fill(0);
    }
  }

  /** Opens a version whether or not it is deleted. Throws `not_found` for one that is gone. */
  async openVersion({ name, versionText }: Head): Promise<Found> {
    const item = await this.#parts.store.read({ name, version: versionText });
    if (item === undefined)
      throw new CofferError('not_found', `there is no version ${versionText} of ${name}`);
    return this.open(item);
  }

  /** All versions of a name, oldest first; none where there is no such name. */
  async history(name: string): Promise<readonly Head[]> {
    const heads: Head[] = [];
    if (isNobodys(name)) return heads;
    for await (const item of this.#parts.store.versions(name, 'head')) heads.push(this.headOf(item));
    return heads.toSorted((left, right) => compareVersions(left.versionText, right.versionText));
  }

  /** Heads of all items, in no order. */
  async *heads(): AsyncGenerator<Head> {
    for await (const item of this.#parts.store.scan('head')) {
      if (item['name']?.S !== ownName) yield this.headOf(item);
    }
  }

  /** Whole items; those that are gone are left out. */
  readMany(keys: readonly Pick<Head, 'name' | 'versionText'>[]): Promise<readonly Item[]> {
    return this.#parts.store.readMany(keys.map(({ name, versionText }) => ({ name, version: versionText })));
  }

  /**
   * Writes the next version.
   *
   * @param check the version that must be the latest; 0 for none
   * @throws `conflict` when it is not; `usage` for a new name that cannot be one; `payload_too_large`; `unsupported_operation` where
   *   the latest version is the last number that there is, or beyond
   */
  async write(writing: Writing, check?: number): Promise<Written> {
    for (let race = 0; race < mostRaces; race++) {
      const [newest, settings] = await Promise.all([this.latestHead(writing.name), this.settings()]);
      if (newest === undefined) requireWritableName(writing.name);
      else requireCountable(newest);
      const current = newest?.version ?? 0;
      if (check !== undefined && current !== check) {
        throw new CofferError('conflict', `${writing.name} is at version ${current}, not at ${check}`);
      }
      const outcome = await this.#writeAs(writing, current + 1, settings);
      if (outcome !== undefined) return outcome;
      if (check !== undefined) {
        throw new CofferError(
          'conflict',
          `somebody else wrote version ${current + 1} of ${writing.name} meanwhile`,
        );
      }
    }
    throw new CofferError(
      'conflict',
      `${writing.name}: ${mostRaces} times in a row somebody else wrote first; try again`,
    );
  }

  /**
   * Writes exactly this version. Throws `conflict` where there is one; `unsupported_operation` for a deleted one in an old format.
   *
   * @param kept of a version that comes from elsewhere: when it was made, in milliseconds since 1970; whether it is deleted, so that
   *   nobody reads it meanwhile
   */
  async writeVersion(writing: Writing, version: number, kept: Kept = {}): Promise<Written> {
    requireWritableName(writing.name);
    const outcome = await this.#writeAs(writing, version, await this.settings(), kept);
    if (outcome !== undefined) return outcome;
    throw new CofferError('conflict', `${writing.name} has a version ${version} already`);
  }

  /** Marks versions as deleted. Throws `unsupported_operation` for those of an old format, before any is touched. */
  async delete(name: string, versions: readonly Head[]): Promise<void> {
    const old = versions.find(({ family }) => family !== 'coffer');
    if (old !== undefined) {
      throw new CofferError(
        'unsupported_operation',
        `${name} is in the format of ${old.family ?? 'another program'}, where a deleted version cannot come back: ` +
          '--all deletes all versions for good, --versions LIST --destroy some',
      );
    }
    const { undeleteDays } = await this.settings();
    const now = this.#parts.now();
    for (const { versionText, state } of versions) {
      if (state.kind !== 'live') continue;
      const expected = { deleted: undefined, destroyed: undefined };
      await this.#parts.store.change({ name, version: versionText }, deletion(now, undeleteDays), expected);
    }
  }

  /** Takes the mark off again. Throws `not_found` where the time for it is over, or nothing is deleted. */
  async undelete(name: string, versions: readonly Head[]): Promise<void> {
    const gone = versions.filter(({ state }) => state.kind === 'destroyed');
    if (gone.length > 0) {
      const which = gone.map(({ version }) => version).join(', ');
      throw new CofferError(
        'not_found',
        `version ${which} of ${name} is destroyed, or the time to bring it back is over`,
      );
    }
    for (const { versionText, state } of versions) {
      if (state.kind !== 'deleted') continue;
      const expected = { deleted: { N: String(state.at) }, destroyed: undefined };
      const done = await this.#parts.store.change({ name, version: versionText }, restoring, expected);
      if (!done) throw new CofferError('conflict', `${name} changed meanwhile; look at its history`);
    }
  }

  /**
   * Removes values for good. Of the latest version of Coffer's own format the number stays, so that it is not given again and no
   * earlier version takes its place.
   */
  async destroy(name: string, versions: readonly Head[]): Promise<void> {
    const newest = (await this.latestHead(name))?.versionText;
    for (const { versionText, family } of versions) {
      const key = { name, version: versionText };
      if (family === 'coffer' && versionText === newest) {
        await this.#parts.store.change(key, destruction(this.#parts.now()), { destroyed: undefined });
      } else await this.#parts.store.remove(key);
    }
  }

  /** Erases the values of deleted versions whose time to come back is over; their numbers stay. */
  async sweep(name: string): Promise<void> {
    for (const { versionText, overdue } of await this.history(name)) {
      if (!overdue) continue;
      await this.#parts.store.change({ name, version: versionText }, destruction(this.#parts.now()), {
        destroyed: undefined,
      });
    }
  }

  /** Removes all versions for good, the latest last: until then a reader gets it or nothing, never an older one. */
  async remove(name: string): Promise<void> {
    await this.removeVersions(name, await this.history(name));
  }

  /** Removes these versions for good, in the order given; what was written since stays. */
  async removeVersions(name: string, versions: readonly Head[]): Promise<void> {
    for (const { versionText } of versions) await this.#parts.store.remove({ name, version: versionText });
  }

  /** The table's own, once read. */
  settings(): Promise<TableSettings> {
    if (this.#settings !== undefined) return this.#settings;
    const settings = this.#parts.settings?.() ?? readSettings(this.#parts.store, this.#wishes.format);
    this.#settings = settings;
    // What could not be read once is asked again.
    settings.catch(() => {
      this.#settings = undefined;
    });
    return settings;
  }

  /** As `latest`, without the value. */
  async latestHead(name: string): Promise<Head | undefined> {
    if (isNobodys(name)) return undefined;
    for await (const first of this.#parts.store.versions(name, 'head', 1)) {
      if (isCanonical(keyOf(first).version)) return this.headOf(first);
      return (await this.history(name)).at(-1);
    }
    return undefined;
  }

  [Symbol.dispose](): void {
    this.#parts.keys[Symbol.dispose]();
    this.#parts.store.close();
  }

  /** Undefined where somebody else has this version. */
  async #writeAs(
    writing: Writing,
    version: number,
    settings: TableSettings,
    { created = this.#parts.now(), deleted = false }: Kept = {},
  ): Promise<Written | undefined> {
    const format = formatNamed(settings.format);
    if (deleted && settings.format !== 'coffer') {
      throw new CofferError('unsupported_operation', `${this.title} cannot keep a version as deleted`);
    }
    const key = await this.#freshKey(writing.name, settings);
    try {
      const sealing = { ...writing, ...this.#wishes, created, version: encodeVersion(version) };
      const epoch = key.epoch === undefined ? {} : { epoch: key.epoch };
      const marks = deleted ? deletion(this.#parts.now(), settings.undeleteDays).set : {};
      const item = { ...format.seal(this.#parts.random, key, { ...sealing, ...epoch }), ...marks };
      const done = await createOnce(this.#parts.store, item, writing.bytes.length);
      return done ? { version, created } : undefined;
    } finally {
      key.plaintext.fill(0);
    }
  }

  async #freshKey(name: string, settings: TableSettings): Promise<DataKey & { readonly epoch?: string }> {
    const format = formatNamed(settings.format);
    const { context } = this.#wishes;
    if (settings.format !== 'coffer' || settings.epochDays === undefined) {
      return this.#parts.keys.generate(format.keyLength, format.contextFor({ name }, context));
    }
    return epochKey(this.#parts, context, { now: this.#parts.now(), days: settings.epochDays });
  }

  #requireLive(item: Item): void {
    const state = this.headOf(item).state;
    if (state.kind === 'live') return;
    const why =
      state.kind === 'destroyed'
        ? 'is destroyed'
        : `is deleted; \`coffer undelete\` brings it back until ${new Date(state.until).toISOString()}`;
    throw new CofferError('not_found', `${label(item)} ${why}`);
  }

  #requireFormat(family: WrittenFormat, item: Item): void {
    const { format } = this.#wishes;
    if (format === undefined || format === family) return;
    throw new CofferError(
      'integrity',
      `${label(item)} is in the format of ${family}, and only ${format} is read here (format=${format})`,
    );
  }

  headOf(item: Item): Head {
    return headOf(item, this.#parts.now());
  }
}

/** One that is written behind a number past all of ours would be older than it. */
function requireCountable({ name, version = 0, versionText }: Head): void {
  if (version < Number.MAX_SAFE_INTEGER && !isPastCounting(versionText)) return;
  throw new CofferError(
    'unsupported_operation',
    `${name} is at version ${versionText}, and no greater number can be given here; \`coffer credstash put -a\` writes the next one`,
  );
}
