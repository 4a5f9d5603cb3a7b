/** A versioned kv mount of a server as a safe. All that the secret verbs need of the wire is here. */
import { ApiError } from '../client/wire-error.ts';
import { asCofferError, CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import { kvFinder } from './kv-find.ts';
import { kvMover } from './kv-move.ts';
import { mountReaders } from './mount-readers.ts';
import { patchSecret } from './patch-secret.ts';
import { dataOf, type Safe } from './safe.ts';
import { type History, historyOf } from './secret-history.ts';
import type {
  CurrentSecret,
  Finder,
  Mover,
  NamePage,
  PageRequest,
  Readers,
  SecretSafe,
  SecretVersion,
} from './secret-safe.ts';

export class KvSafe implements SecretSafe {
  readonly title: string;
  readonly identity: string;
  readonly finder: Finder;
  readonly mover: Mover;
  readonly readers: Readers;
  readonly #mount: Safe;

  /** @param namespace as sent with each request; part of the safe's identity */
  constructor(mount: Safe, namespace?: string) {
    const { protocol, host, basePath } = mount.client.address;
    this.#mount = mount;
    this.title = mount.mount;
    this.identity = JSON.stringify([`${protocol}//${host}${basePath}`, namespace ?? '', mount.mount]);
    this.finder = kvFinder(mount);
    this.mover = kvMover(mount);
    this.readers = mountReaders(mount);
  }

  async read(name: string, version?: number): Promise<SecretVersion> {
    const query = version === undefined ? {} : { version };
    const path = this.#mount.path('data', name);
    try {
      const answer = dataOf((await this.#mount.client.request('GET', path, { query })).body);
      const data = answer['data'];
      if (isJsonObject(data)) return { data, version: versionOf(answer) };
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'not_found') throw error;
      await this.requireUsable(name);
      throw new CofferError('not_found', missing(name, version, error.body), { cause: error });
    }
    await this.requireUsable(name);
    throw new CofferError('unavailable', 'the server answered with something that is not a secret');
  }

  async current(name: string): Promise<CurrentSecret> {
    try {
      return await this.read(name);
    } catch (thrown) {
      const error = asCofferError(thrown);
      if (error.code !== 'not_found') throw thrown;
      const answer = error.cause instanceof ApiError ? dataOf(error.cause.body) : {};
      return { data: undefined, version: versionOf(answer) };
    }
  }

  async write(name: string, data: JsonObject, check?: number): Promise<JsonObject> {
    const options = check === undefined ? {} : { options: { cas: check } };
    const path = this.#mount.path('data', name);
    return dataOf((await this.#mount.client.request('POST', path, { body: { data, ...options } })).body);
  }

  async patch(name: string, fields: JsonObject, check?: number): Promise<JsonObject> {
    return dataOf((await patchSecret(this.#mount, name, fields, check)).body);
  }

  /**
   * Servers that page take `after` and `limit`; others leave both out of account and answer with everything, which is told by
   * a page that is longer than asked for or that begins again.
   */
  async list(folder: string, { after, limit }: PageRequest): Promise<NamePage> {
    const below = folder === '' ? '' : `/${folder.replace(/\/$/, '')}`;
    const query = { limit, ...(after === undefined ? {} : { after }) };
    const names = await this.#keys(`${this.#mount.mount}/metadata${below}`, query);
    if (after !== undefined && names.includes(after)) return { names: [], next: undefined };
    return { names, next: names.length === limit ? names.at(-1) : undefined };
  }

  async history(name: string): Promise<History> {
    const path = this.#mount.path('metadata', name);
    try {
      return historyOf(dataOf((await this.#mount.client.request('GET', path)).body));
    } catch (error) {
      if (asCofferError(error).code !== 'not_found') throw error;
      await this.requireUsable(name);
      throw new CofferError('not_found', `there is no secret ${name}`, { cause: error });
    }
  }

  async delete(name: string, versions?: readonly number[]): Promise<void> {
    if (versions === undefined) await this.#mount.client.request('DELETE', this.#mount.path('data', name));
    else await this.#post('delete', name, versions);
    await this.#requireVersions(name, versions ?? [], 'deleted');
  }

  async undelete(name: string, versions: readonly number[]): Promise<void> {
    await this.#post('undelete', name, versions);
    await this.#requireVersions(name, versions, 'brought back');
  }

  async destroy(name: string, versions: readonly number[]): Promise<void> {
    await this.#post('destroy', name, versions);
    await this.#requireVersions(name, versions, 'destroyed');
  }

  async remove(name: string): Promise<void> {
    await this.#requireVersions(name, [], 'deleted');
    await this.#mount.client.request('DELETE', this.#mount.path('metadata', name));
  }

  requireUsable(name: string): Promise<void> {
    return this.#mount.requireVersioned(name);
  }

  [Symbol.dispose](): void {
    this.#mount.client[Symbol.dispose]();
  }

  async #post(room: 'delete' | 'undelete' | 'destroy', name: string, versions: readonly number[]) {
    await this.#mount.client.request('POST', this.#mount.path(room, name), { body: { versions } });
  }

  async #keys(path: string, query: Readonly<Record<string, string | number>>): Promise<readonly string[]> {
    try {
      const keys = dataOf((await this.#mount.client.request('LIST', path, { query })).body)['keys'];
      return Array.isArray(keys) ? keys.filter((key) => typeof key === 'string') : [];
    } catch (thrown) {
      if (asCofferError(thrown).code === 'not_found') return [];
      throw thrown;
    }
  }

  /**
   * The wire deletes what never was without a word, and a mistyped name or number must not look like a deleted secret. Asked
   * afterwards where there is an afterwards, and who may not ask goes on: a token which may delete and no more does its work.
   *
   * @throws `not_found` for a secret that is not there, and for versions of it that are not
   */
  async #requireVersions(name: string, versions: readonly number[], done: string): Promise<void> {
    let history: History;
    try {
      const path = this.#mount.path('metadata', name);
      history = historyOf(dataOf((await this.#mount.client.request('GET', path)).body));
    } catch (error) {
      if (asCofferError(error).code !== 'not_found') return;
      throw new CofferError('not_found', `there is no secret ${name}; nothing was ${done}`, { cause: error });
    }
    const fit = history.versions.filter(({ destroyed }) => done !== 'brought back' || !destroyed);
    const missing = versions.filter((version) => !fit.some((entry) => entry.version === version));
    if (missing.length === 0) return;
    const left = done === 'brought back' ? ' that is not destroyed' : '';
    const rest = missing.length === versions.length ? `nothing was ${done}` : `the others were ${done}`;
    throw new CofferError('not_found', `${name} has no version ${missing.join(', ')}${left}; ${rest}`);
  }
}

function versionOf(answer: JsonObject): number {
  const metadata = answer['metadata'];
  const version = isJsonObject(metadata) ? metadata['version'] : undefined;
  return typeof version === 'number' ? version : 0;
}

/** A deleted version is answered with its metadata, anything that never was without. */
function missing(name: string, version: number | undefined, body: JsonValue | undefined): string {
  const found = dataOf(body)['metadata'];
  if (!isJsonObject(found)) {
    return version === undefined ? `there is no secret ${name}` : `there is no version ${version} of ${name}`;
  }
  const which = `version ${String(found['version'])} of ${name}`;
  return found['destroyed'] === true
    ? `${which} is destroyed`
    : `${which} is deleted; \`coffer undelete\` brings it back, \`coffer history\` shows the others`;
}
