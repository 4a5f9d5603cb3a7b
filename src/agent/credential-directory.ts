/**
 * Where an application finds its credentials, both documents of one moment. A version is a directory of its own, complete before anybody is
 * led there; one link says which version counts, and the names that applications open lead through it:
 *
 *     DIRECTORY/user.json   -> current/user.json
 *     DIRECTORY/client.json -> current/client.json
 *     DIRECTORY/current     -> .versions/0f3a…
 *
 * Where somebody is told of changes, a version has a mark (`.untold`) until they were, made and put on disk with it: so it counts from the
 * very moment that readers are led there, and costs the disk no wait of its own.
 *
 * So the pair changes by one rename. Whatever a crash leaves, readers have the old pair or the new one, and the next start goes on from
 * there. Files that berry or a person put in place of the links are taken over first, as a version, so that not even then two moments mix.
 */
import { dirname, join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { CofferError } from '../errors.ts';
import { isMark, removeMark } from './change-note.ts';
import { type DocumentName, type Documents, documentNames, longestDocument, parseJson } from './document.ts';
import { systemCode, unwritable } from './file-error.ts';
import type { Files, Rights } from './files.ts';
import { requireOwnDirectory, requireTrustedParents } from './trusted-path.ts';

export interface DirectorySurroundings {
  readonly files: Files;
  /** Whose process this is. */
  readonly uid: number;
  /** 16 hexadecimal digits, never the same again. */
  newName(): string;
}

export type Put = 'unchanged' | 'switched';

const versions = '.versions';
/** In a version that nobody was told of yet. */
const mark = '.untold';
const mostTries = 3;
const current = 'current';
const versionName = /^[0-9a-f]{16}$/;
const currentTarget = /^\.versions\/([0-9a-f]{16})$/;
/** Links on their way to their names. */
const passing = /^\.(?:current|user\.json|client\.json)\.[0-9a-f]{16}$/;

export class CredentialDirectory {
  readonly #path: string;
  readonly #rights: Rights;
  readonly #files: Files;
  readonly #uid: number;
  readonly #newName: () => string;
  readonly #isNoted: boolean;
  /** The version that counted at the last look. */
  #seen: string | undefined;

  /** @param isNoted whether changes are to be told, and what was not is known to the next process */
  constructor(path: string, rights: Rights, { files, uid, newName }: DirectorySurroundings, isNoted = false) {
    this.#path = path;
    this.#rights = rights;
    this.#files = files;
    this.#uid = uid;
    this.#newName = newName;
    this.#isNoted = isNoted;
  }

  /** What readers have now; empty where nothing is. Throws `usage` for a place that is not for us. */
  current(): Documents {
    const version = this.#currentVersion();
    return version === undefined ? {} : this.#documentsOf(version);
  }

  /**
   * Has readers find these documents, all at one moment, on disk when it returns. Documents that mean the same as those that are there
   * change nothing.
   *
   * @throws `storage_full` or `usage` where it cannot be written; readers have what they had then
   */
  put(documents: Documents): Put {
    try {
      const isNew = this.#prepare();
      const version = this.#adopted();
      this.#seen = version;
      if (version !== undefined && this.#holds(version, documents)) {
        if (this.#lead(documents)) this.#files.sync(this.#path);
        this.#tidy([version]);
        return 'unchanged';
      }
      const next = this.#switch(documents);
      this.#seen = next;
      if (isNew) this.#files.sync(dirname(resolve(this.#path)));
      // Whoever is on the way through the old one gets there.
      this.#tidy(version === undefined ? [next] : [next, version]);
      return 'switched';
    } catch (error) {
      throw unwritable(this.#path, error);
    }
  }

  /** Whether readers have a version that perhaps nobody was told of, by whichever process. Never throws: what is wrong with the place, `put` says. */
  isUntold(): boolean {
    try {
      requireOwnDirectory(this.#files, this.#path, this.#uid);
      this.#requireReal(this.#at(versions));
      const version = this.#currentVersion();
      this.#seen = version;
      return version !== undefined && this.#isMarked(version);
    } catch {
      return false;
    }
  }

  /**
   * They were told, of the version of the last `put` or `isUntold`: one that another agent wrote since then stays untold. Throws `usage`
   * where the mark has to stay.
   */
  told(): void {
    if (this.#seen !== undefined) removeMark(this.#files, this.#at(versions, this.#seen, mark));
  }

  /** Again where another agent at the same place, such as one of `--once`, took the version for a leftover. */
  #switch(documents: Documents): string {
    for (let tries = 1; ; tries++) {
      const next = this.#write(documents, this.#isNoted);
      // Names that lead nowhere yet are not there to readers: so both appear at once.
      this.#lead(documents);
      this.#turn(next);
      if (tries === mostTries || this.#holds(next, documents)) return next;
    }
  }

  #at(...names: readonly string[]): string {
    return join(this.#path, ...names);
  }

  /** Directories that readers pass are for those who may read the files. */
  get #passage(): number {
    const { mode, owner, group } = this.#rights;
    // Directories stay ours, and so would their group.
    const isOthers = group !== undefined || (owner !== undefined && owner !== this.#uid);
    if ((mode & 0o004) !== 0 || isOthers) return 0o755;
    return (mode & 0o040) !== 0 ? 0o750 : 0o700;
  }

  /** @returns whether the directory was not there before */
  #prepare(): boolean {
    const files = this.#files;
    const isNew = files.look(this.#path) === undefined;
    if (isNew) {
      requireTrustedParents(files, this.#path, this.#uid);
      files.makeDirectory(this.#path, this.#passage);
    }
    requireOwnDirectory(files, this.#path, this.#uid);
    const below = this.#at(versions);
    if (files.look(below) === undefined) files.makeDirectory(below, this.#passage);
    this.#requireReal(below);
    this.#giveGroup(below);
    return isNew;
  }

  /** A group reads what is in a directory of its own only where it may pass. */
  #giveGroup(directory: string): void {
    const entry = this.#files.look(directory);
    if (entry !== undefined && entry.mode !== this.#passage) this.#files.setMode(directory, this.#passage);
  }

  #requireReal(path: string): void {
    const entry = this.#files.look(path);
    if (entry?.kind === 'directory' && (entry.uid === this.#uid || entry.uid === 0)) return;
    throw new CofferError('usage', `cannot write to ${this.#path}: ${path} is none of our directories`);
  }

  /** The version that counts; undefined where there is none. Throws `usage` for a link that is not ours. */
  #currentVersion(): string | undefined {
    const link = this.#at(current);
    const entry = this.#files.look(link);
    if (entry === undefined) return undefined;
    const version = entry.kind === 'link' ? currentTarget.exec(this.#files.target(link))?.[1] : undefined;
    if (version === undefined)
      throw new CofferError('usage', `${link} is there and is no link of ours; take it away first`);
    return this.#files.look(this.#at(versions, version)) === undefined ? undefined : version;
  }

  #documentsOf(version: string): Documents {
    const found: { [N in DocumentName]?: string } = {};
    for (const name of documentNames) {
      const text = this.#read(this.#at(versions, version, `${name}.json`));
      if (text !== undefined) found[name] = text;
    }
    return found;
  }

  #read(path: string): string | undefined {
    if (this.#files.look(path)?.kind !== 'file') return undefined;
    try {
      return this.#files.read(path, longestDocument).toString('utf8');
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      // A text that no document has: it is written anew.
      return '';
    }
  }

  #holds(version: string, documents: Documents): boolean {
    const there = this.#documentsOf(version);
    return documentNames.every((name) => {
      const [old, wanted] = [there[name], documents[name]];
      if (old === undefined || wanted === undefined) return old === wanted;
      return means(old, wanted) && this.#hasRights(this.#at(versions, version, `${name}.json`));
    });
  }

  #hasRights(path: string): boolean {
    const entry = this.#files.look(path);
    const { mode, owner = entry?.uid, group = entry?.gid } = this.#rights;
    return entry?.mode === mode && entry.uid === owner && entry.gid === group;
  }

  /** The version that counts, once what others put at our names is a part of it. */
  #adopted(): string | undefined {
    const version = this.#currentVersion();
    const strangers = documentNames.filter((name) => this.#isFile(name));
    if (strangers.length === 0) return version;
    const old = version === undefined ? {} : this.#documentsOf(version);
    const texts = strangers.map((name) => [name, this.#read(this.#at(`${name}.json`)) ?? ''] as const);
    const adopted = { ...old, ...Object.fromEntries(texts) };
    // Of what was before them, nobody was told by their coming.
    const next = this.#write(adopted, version !== undefined && this.#isMarked(version));
    this.#turn(next);
    // Before the next turn: after a power loss no name may lead where the other one does not.
    if (this.#lead(adopted)) this.#files.sync(this.#path);
    this.#tidy([next]);
    return next;
  }

  #isMarked(version: string): boolean {
    return isMark(this.#files, this.#at(versions, version, mark));
  }

  #isFile(name: DocumentName): boolean {
    const path = this.#at(`${name}.json`);
    const entry = this.#files.look(path);
    if (entry === undefined || entry.kind === 'file') return entry !== undefined;
    if (entry.kind === 'link' && this.#files.target(path) === `${current}/${name}.json`) return false;
    throw new CofferError('usage', `${path} is there and is none of ours; take it away first`);
  }

  /** A new version, complete and on disk, where nobody is led yet. */
  #write(documents: Documents, isMarked: boolean): string {
    const files = this.#files;
    const version = this.#newName();
    const directory = this.#at(versions, version);
    files.makeDirectory(directory, 0o700);
    try {
      for (const name of documentNames) {
        const text = documents[name];
        if (text !== undefined)
          files.create(join(directory, `${name}.json`), Buffer.from(text), this.#rights);
      }
      if (isMarked) files.mark(join(directory, mark));
      files.setMode(directory, this.#passage);
      files.sync(directory);
      files.sync(this.#at(versions));
    } catch (error) {
      this.#removeVersion(version);
      throw error;
    }
    return version;
  }

  /** The names that applications open lead to the version that counts. @returns whether any did not, and are to be put on disk */
  #lead(documents: Documents): boolean {
    let changed = false;
    for (const name of documentNames) {
      const path = this.#at(`${name}.json`);
      const target = `${current}/${name}.json`;
      const isThere = this.#files.look(path)?.kind === 'link' && this.#files.target(path) === target;
      if (documents[name] === undefined) {
        if (isThere) this.#files.remove(path);
        changed ||= isThere;
      } else if (!isThere) {
        this.#replace(`${name}.json`, target);
        changed = true;
      }
    }
    return changed;
  }

  #turn(version: string): void {
    this.#replace(current, `${versions}/${version}`);
    this.#files.sync(this.#path);
  }

  #replace(name: string, target: string): void {
    const beside = this.#at(`.${name}.${this.#newName()}`);
    this.#files.link(target, beside);
    this.#files.rename(beside, this.#at(name));
  }

  /** Takes away what crashes and earlier versions left. What cannot be taken away now is there the next time. */
  #tidy(kept: readonly string[]): void {
    try {
      for (const name of this.#files.list(this.#path)) {
        if (passing.test(name) && this.#files.look(this.#at(name))?.kind === 'link')
          this.#files.remove(this.#at(name));
      }
      for (const name of this.#files.list(this.#at(versions))) {
        // Looked at once more: it may have become the one that counts.
        if (versionName.test(name) && !kept.includes(name) && name !== this.#currentVersion())
          this.#removeVersion(name);
      }
    } catch (error) {
      if (systemCode(error) === '') throw error;
    }
  }

  #removeVersion(version: string): void {
    const directory = this.#at(versions, version);
    try {
      // The mark last: a version that lacks it although it should have it lacks its documents too.
      for (const name of [...documentNames.map((each) => `${each}.json`), mark]) {
        const path = join(directory, name);
        if (this.#files.look(path) !== undefined) this.#files.remove(path);
      }
      this.#files.removeDirectory(directory);
    } catch (error) {
      if (systemCode(error) === '') throw error;
    }
  }
}

/** Two spellings of the same JSON are the same. */
function means(left: string, right: string): boolean {
  if (left === right) return true;
  const [a, b] = [parseJson(left), parseJson(right)];
  return a !== undefined && isDeepStrictEqual(a, b);
}
