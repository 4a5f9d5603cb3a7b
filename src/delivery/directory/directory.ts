/** `directory`: files on this machine, below directories that the server's own configuration lists. */
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import type { Random } from '../../crypto/random.ts';
import { requireApplication, splitAddress, wrongTarget } from '../address.ts';
import { type DeliveryPlaces, type ListedPlaces, notListed } from '../places.ts';
import type { DocumentName, OpenTarget, Parcel, TargetType } from '../target.ts';
import { targetCall } from '../target-call.ts';
import { Folder, type OpenFile, systemOpen } from './folder.ts';

const form = 'directory:/srv/delivered';
const plainName = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const mostNames = 8;
const documents: readonly DocumentName[] = ['user', 'client'];
/** What a killed server may have left of a file that it was about to put in place. */
const leftOver = /^\.(?:user|client)\.json\.[A-Za-z0-9_-]{1,40}$/;

/** @param openFile how files are opened; a test's own may fail */
export function directory(listed: ListedPlaces, openFile: OpenFile = systemOpen): TargetType {
  return {
    scheme: 'directory',
    summary: 'files below a directory of the server’s machine',
    parse(address) {
      const path = pathOf(address);
      locate(path, listed());
      return `directory:${path}`;
    },
    open(address, { random }) {
      const path = pathOf(address);
      locate(path, listed());
      return new OpenDirectory(path, listed, random, openFile);
    },
  };
}

/** The absolute path in an address, without a `/` at its end. Throws `invalid_request`. */
function pathOf(address: string): string {
  const { base } = splitAddress(address, form, []);
  const path = /^directory:(\/.+?)\/?$/.exec(base)?.[1] ?? '';
  const names = path.slice(1).split('/');
  if (path === '' || names.some((name) => name === '' || name === '.' || name === '..')) {
    throw wrongTarget(`a directory is an absolute path without empty names, "." and "..", such as ${form}`);
  }
  return path;
}

interface Location {
  /** The listed directory. */
  readonly root: string;
  readonly isOwn: boolean;
  /** Names from there on. */
  readonly names: readonly string[];
}

/** Throws `invalid_request` that names the setting. */
function locate(path: string, { directories, ownDirectory }: DeliveryPlaces): Location {
  const root = directories
    .filter((each) => `${path}/`.startsWith(withSlash(each)))
    .toSorted((one, other) => other.length - one.length)[0];
  if (root === undefined) throw notListed(`the directory ${path}`, 'delivery.directories');
  const names = path.length <= root.length ? [] : path.slice(withSlash(root).length).split('/');
  if (names.length > mostNames || !names.every((name) => plainName.test(name))) {
    throw wrongTarget(
      `below a listed directory there are at most ${mostNames} names of letters, digits, ".", "_" and "-"`,
    );
  }
  return { root, isOwn: root === ownDirectory, names };
}

function withSlash(path: string): string {
  return path.endsWith('/') ? path : `${path}/`;
}

class OpenDirectory implements OpenTarget {
  readonly place: string;
  readonly #path: string;
  /** What stands for the path in a name. */
  readonly #mark: string;
  readonly #listed: ListedPlaces;
  readonly #random: Random;
  readonly #openFile: OpenFile;

  constructor(path: string, listed: ListedPlaces, random: Random, openFile: OpenFile) {
    this.place = `directory:${path}`;
    this.#path = path;
    this.#mark = createHash('sha256').update(path).digest('base64url').slice(0, 16);
    this.#listed = listed;
    this.#random = random;
    this.#openFile = openFile;
  }

  probe(application: string, signal: AbortSignal): Promise<void> {
    return this.#doing(application, signal, async () => {
      await using way = await this.#way('look');
      await using own = way.complete ? await way.last.child(application, 'own') : undefined;
      // A name of the application's own, and of this address's: others whose directories are not there yet are tried in the same one at the
      // same time. What a killed server left goes at the next probe.
      await (own ?? way.last).tryWriting(`.probe.${application}.${this.#mark}`);
    });
  }

  deliver({ application, documents: given, changed }: Parcel, signal: AbortSignal): Promise<void> {
    return this.#doing(application, signal, async () => {
      await using way = await this.#way('make');
      await using folder = await way.last.make(application, 'own');
      await sweep(folder);
      for (const name of documents) {
        const document = given[name];
        if (document === undefined || !changed.includes(name)) continue;
        signal.throwIfAborted();
        await folder.write(`${name}.json`, document.text, this.#random.bytes(12).toString('base64url'));
      }
    });
  }

  remove(application: string, signal: AbortSignal): Promise<void> {
    return this.#doing(application, signal, async () => {
      await using way = await this.#way('look');
      if (!way.complete) return;
      await this.#empty(way.last, application);
      await way.last.removeFolder(application);
    });
  }

  close(): void {}

  async #empty(parent: Folder, application: string): Promise<void> {
    await using folder = await parent.child(application, 'own');
    if (folder === undefined) return;
    await sweep(folder);
    for (const name of documents) await folder.unlink(`${name}.json`);
    await folder.sync();
  }

  #doing(application: string, signal: AbortSignal, action: () => Promise<void>): Promise<void> {
    return targetCall(this.place, signal, async () => {
      requireApplication(application);
      await action();
    });
  }

  /** From the listed directory on, each held open while the next is reached through it. */
  async #way(manner: 'make' | 'look'): Promise<Way> {
    const { root, isOwn, names } = locate(this.#path, this.#listed());
    if (isOwn) await mkdir(root, { recursive: true, mode: 0o700 }).catch(() => undefined);
    let last = await Folder.root(root, this.#openFile);
    for (const name of names) {
      const parent = last;
      try {
        const next = manner === 'make' ? await parent.make(name, 'safe') : await parent.child(name, 'safe');
        if (next === undefined) return new Way(parent, false);
        last = next;
      } catch (error) {
        await parent[Symbol.asyncDispose]();
        throw error;
      }
      await parent[Symbol.asyncDispose]();
    }
    return new Way(last, true);
  }
}

class Way implements AsyncDisposable {
  /** The last directory that is there. */
  readonly last: Folder;
  /** Whether it is the address's own. */
  readonly complete: boolean;

  constructor(last: Folder, complete: boolean) {
    this.last = last;
    this.complete = complete;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.last[Symbol.asyncDispose]();
  }
}

async function sweep(folder: Folder): Promise<void> {
  for (const name of await folder.names()) if (leftOver.test(name)) await folder.unlink(name);
}
