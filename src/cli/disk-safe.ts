/** A safe on disk as the secret verbs see it. */
import { CofferError } from '../errors.ts';
import type { FileSafe, ReadVersion } from '../file-safe/file-safe.ts';
import type { JsonObject } from '../json.ts';
import { type History, historyOf } from './secret-history.ts';
import { parseName } from './secret-name.ts';
import type {
  CurrentSecret,
  MoveOrder,
  Mover,
  NamePage,
  PageRequest,
  SecretSafe,
  SecretVersion,
} from './secret-safe.ts';

/** The most names that storage hands out at once. */
const longestPage = 1_000;
/** Secrets left as they are that a result names. */
const mostNamed = 50;

export class DiskSafe implements SecretSafe {
  readonly title: string;
  readonly identity: string;
  readonly mover: Mover;
  readonly #safe: FileSafe;
  readonly #close: () => void;

  /** @param close lets go of the files; may be called more than once */
  constructor(safe: FileSafe, path: string, close: () => void) {
    this.title = path;
    this.identity = JSON.stringify(['file', safe.id]);
    this.mover = { start: (order) => start(safe, order) };
    this.#safe = safe;
    this.#close = close;
  }

  async read(name: string, version?: number): Promise<SecretVersion> {
    const read = await this.#safe.read(parseName(name), version);
    if (read.kind === 'found') return read;
    throw new CofferError('not_found', missing(name, version, read));
  }

  async current(name: string): Promise<CurrentSecret> {
    const read = await this.#safe.read(parseName(name));
    if (read.kind === 'found') return read;
    return { data: undefined, version: read.kind === 'absent' ? read.current : read.version };
  }

  async write(name: string, data: JsonObject, check?: number): Promise<JsonObject> {
    return this.#safe.write(parseName(name), data, check);
  }

  async patch(name: string, fields: JsonObject, check?: number): Promise<JsonObject> {
    return this.#safe.patch(parseName(name), fields, check);
  }

  async list(folder: string, { after, limit }: PageRequest): Promise<NamePage> {
    const prefix = folder === '' ? '' : `${folder.replace(/\/$/, '')}/`;
    const page = { limit: Math.min(limit, longestPage), ...(after === undefined ? {} : { after }) };
    const { items, next } = await this.#safe.list(prefix, page);
    return { names: items, next };
  }

  async history(name: string): Promise<History> {
    const metadata = await this.#safe.metadata(parseName(name));
    if (metadata === undefined) throw new CofferError('not_found', `there is no secret ${name}`);
    return historyOf(metadata);
  }

  async delete(name: string, versions?: readonly number[]): Promise<void> {
    await this.#requireVersions(name, versions ?? [], 'deleted');
    await this.#safe.setDeleted(name, versions ?? 'current', true);
  }

  async undelete(name: string, versions: readonly number[]): Promise<void> {
    await this.#requireVersions(name, versions, 'brought back');
    await this.#safe.setDeleted(name, versions, false);
  }

  async destroy(name: string, versions: readonly number[]): Promise<void> {
    await this.#requireVersions(name, versions, 'destroyed');
    await this.#safe.destroy(name, versions);
  }

  async remove(name: string): Promise<void> {
    await this.#requireVersions(name, [], 'deleted');
    await this.#safe.remove(name);
  }

  async requireUsable(): Promise<void> {
    // Every name means the same in a safe of one kind.
  }

  [Symbol.dispose](): void {
    this.#close();
  }

  /** Throws `not_found` for a secret that is not there and for versions of it that are not; then nothing is done. */
  async #requireVersions(
    name: string,
    versions: readonly number[],
    done: 'deleted' | 'brought back' | 'destroyed',
  ): Promise<void> {
    const metadata = await this.#safe.metadata(parseName(name));
    if (metadata === undefined) {
      throw new CofferError('not_found', `there is no secret ${name}; nothing was ${done}`);
    }
    const fit = historyOf(metadata).versions.filter(({ destroyed }) => done !== 'brought back' || !destroyed);
    const wrong = versions.filter((version) => !fit.some((entry) => entry.version === version));
    if (wrong.length === 0) return;
    const left = done === 'brought back' ? ' that is not destroyed' : '';
    throw new CofferError(
      'not_found',
      `${name} has no version ${wrong.join(', ')}${left}; nothing was ${done}`,
    );
  }
}

function missing(
  name: string,
  version: number | undefined,
  read: Exclude<ReadVersion, { kind: 'found' }>,
): string {
  if (read.kind === 'absent') {
    return version === undefined || read.current === 0
      ? `there is no secret ${name}`
      : `there is no version ${version} of ${name}`;
  }
  return read.kind === 'destroyed'
    ? `version ${read.version} of ${name} is destroyed`
    : `version ${read.version} of ${name} is deleted; \`coffer undelete\` brings it back, \`coffer history\` shows the others`;
}

const past = { move: 'moved', copy: 'copied', delete: 'deleted', restore: 'restored' } as const;

async function start(safe: FileSafe, order: MoveOrder): Promise<Awaited<ReturnType<Mover['start']>>> {
  const { changed, unchanged, skipped } = await safe.move(order);
  const result = {
    [past[order.verb]]: changed,
    unchanged,
    skipped: skipped.length,
    skipped_paths: skipped.slice(0, mostNamed).map(({ name, reason }) => ({ path: name, reason })),
    dry_run: order.dryRun,
  };
  return { kind: 'done', result };
}
