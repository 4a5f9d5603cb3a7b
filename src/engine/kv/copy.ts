/**
 * Copies of secrets: every version is sealed anew, under an id of the copy's own. What does not fit the commit that makes the copy
 * visible is written ahead of it, under a mark that lists it: whatever is still marked when the mark is due is removed.
 */
import type { View, ViewExpectation, ViewWrite } from '../../core/view.ts';
import { type Random, randomUuid } from '../../crypto/random.ts';
import { CofferError, ConflictError } from '../../errors.ts';
import type { SecretContent, TreeChange } from '../secret-tree.ts';
import { endingEntry, nextEnding } from './ending.ts';
import { partBytes, partPaths, type Upload } from './large-value.ts';
import type { SecretRecord } from './metadata.ts';
import { type EncodeSecret, isHeld } from './pointer.ts';
import { pointerPath, versionPath } from './secrets.ts';
import type { Found } from './tree.ts';
import { type VersionRecord, VersionRows } from './version-rows.ts';

/** What a copy may add to the commit that makes it visible. */
const inChange = { values: 12, bytes: 160 * 1024 };
/** What a commit ahead of it holds. */
const ahead = { values: 40, bytes: 280 * 1024 };
/** How long values may lie ahead of their secret before they are taken for the rest of a crash, in milliseconds. */
const copyTime = 3_600_000;
export const copyFolder = 'copy/';

export interface CopyPlace {
  readonly random: Random;
  readonly view: View;
  readonly now: number;
  readonly encode: EncodeSecret;
}

/** The secret's versions, oldest first. */
export function contentOf({ secrets, view, name, read }: Found): SecretContent {
  const { createdAt, updatedAt, versions, ...settings } = read.secret;
  return {
    createdAt,
    updatedAt,
    current: versions.last,
    oldest: versions.first,
    settings,
    versions: [...versions.entries()].map(([number, version]) => ({
      number,
      createdAt: version.createdAt,
      deletedAt: version.deletedAt,
      destroyed: version.destroyed,
      endsByItself: version.endsByItself,
      async text() {
        if (version.destroyed) return undefined;
        const value = await secrets.readVersion(view, name, number);
        if (value?.revision !== read.revision) throw new ConflictError(pointerPath(name));
        // The value is gone without a word of it in the pointer: better no copy than one with a hole in it.
        if (value.text === undefined) throw new CofferError('integrity', 'the value of a version is missing');
        return Buffer.from(value.text);
      },
    })),
  };
}

/** The change that makes the copy visible as `name`; expects nothing of what is there. */
export async function receiveContent(
  place: CopyPlace,
  name: string,
  content: SecretContent,
): Promise<TreeChange> {
  const id = randomUuid(place.random);
  const values = new CopiedValues(place, id);
  const versions: VersionRecord[] = [];
  // In the end it is the current version's, which comes last.
  let held: Buffer | undefined;
  for (const version of content.versions) {
    const { number, createdAt, deletedAt, destroyed, endsByItself } = version;
    const text = await version.text();
    held = text !== undefined && isHeld(text) ? text : undefined;
    const upload = text === undefined ? undefined : await values.add(number, text);
    const where = upload === undefined ? {} : { upload };
    versions.push({ createdAt, deletedAt, destroyed, endsByItself, ...where });
  }
  const { maxVersions, casRequired, deleteVersionAfter, customMetadata } = content.settings;
  const secret: SecretRecord = {
    id,
    createdAt: content.createdAt,
    updatedAt: content.updatedAt,
    maxVersions,
    casRequired,
    deleteVersionAfter,
    customMetadata,
    versions: VersionRows.of(content.oldest, versions),
  };
  const next = nextEnding(secret);
  const { writes, expectations } = await values.finish();
  return {
    writes: [{ path: pointerPath(name), value: place.encode(secret, held) }, ...writes],
    expectations,
    due: next === undefined ? [] : [endingEntry(name, next)],
  };
}

/** Gathers a copy's values, and writes them ahead by the commit as soon as they are too much for the last one. */
class CopiedValues {
  readonly #place: CopyPlace;
  readonly #id: string;
  readonly #listed: string[] = [];
  #pending: ViewWrite[] = [];
  #bytes = 0;
  #mark: ViewExpectation | undefined;

  constructor(place: CopyPlace, id: string) {
    this.#place = place;
    this.#id = id;
  }

  /** Answers where a value lies that is larger than one record. */
  async add(number: number, text: Buffer): Promise<Upload | undefined> {
    if (text.length <= partBytes) {
      await this.#put(versionPath(this.#id, number), text);
      return undefined;
    }
    const upload = { id: randomUuid(this.#place.random), parts: Math.ceil(text.length / partBytes) };
    for (const [part, path] of partPaths(upload).entries()) {
      await this.#put(path, text.subarray(part * partBytes, (part + 1) * partBytes));
    }
    return upload;
  }

  /** What the last commit adds: the values that were not written ahead, or the end of the mark. */
  async finish(): Promise<Pick<TreeChange, 'writes' | 'expectations'>> {
    const fits = this.#pending.length <= inChange.values && this.#bytes <= inChange.bytes;
    if (this.#mark === undefined && fits) return { writes: this.#pending, expectations: [] };
    await this.#flush();
    const mark = this.#mark;
    return mark === undefined
      ? { writes: [], expectations: [] }
      : { writes: [{ path: mark.path, value: null }], expectations: [mark] };
  }

  async #put(path: string, value: Buffer): Promise<void> {
    if (this.#pending.length >= ahead.values || this.#bytes + value.length > ahead.bytes) await this.#flush();
    this.#pending.push({ path, value });
    this.#bytes += value.length;
  }

  /** The mark names every value before it is written. */
  async #flush(): Promise<void> {
    const { view, now } = this.#place;
    const path = copyFolder + this.#id;
    this.#listed.push(...this.#pending.map((write) => write.path));
    const list = Buffer.from(JSON.stringify(this.#listed));
    const [revision = null] = await view.commit(
      [{ path, value: list }],
      [{ path, revision: this.#mark?.revision ?? null }],
      this.#mark === undefined ? [{ at: now + copyTime, name: path }] : [],
    );
    this.#mark = { path, revision };
    await view.commit(this.#pending, [this.#mark]);
    this.#pending = [];
    this.#bytes = 0;
  }
}

/** Duty: a copy that nobody finished. From the commit that takes its mark away it cannot be finished any more; then its values go. */
export async function onCopyDue(view: View, name: string): Promise<void> {
  const record = await view.read(name);
  if (record === undefined) return;
  const trash = `trash/${name.slice(copyFolder.length)}`;
  await view.commit(
    [
      { path: name, value: null },
      { path: trash, value: record.open() },
    ],
    [{ path: name, revision: record.revision }],
    [{ at: 0, name: trash }],
  );
}
