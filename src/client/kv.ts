/** The secrets of one kv mount with versions, as programs use them. */
import { CofferError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { memberNumber, memberObject, memberText, memberTexts } from './answer.ts';
import type { Client } from './client.ts';

/** One version of a secret. */
export interface KvSecret {
  readonly data: JsonObject;
  readonly version: number;
  /** RFC 3339, UTC. */
  readonly createdTime: string;
}

export interface KvWriteOptions {
  /** The version that must be the newest now; 0 for a secret that must not be there. Another is a `conflict`. */
  readonly expectedVersion?: number | undefined;
}

/** Paths are decoded text below the mount, such as `shop/database`. Every method throws as `Client.request` does. */
export class Kv {
  readonly #client: Client;
  readonly #mount: string;

  constructor(client: Client, mount: string) {
    this.#client = client;
    this.#mount = mount.replace(/^\/+|\/+$/g, '');
    if (this.#mount === '')
      throw new CofferError('invalid_request', 'a kv mount has a path, such as "secret"');
  }

  /** The newest version, or the one of that number; undefined where there is none, or where it is deleted. */
  async read(path: string, version?: number): Promise<KvSecret | undefined> {
    const query = version === undefined ? undefined : { version };
    try {
      const { body } = await this.#client.request('GET', this.#place(path), { query });
      return secretOf(memberObject(body, 'data'));
    } catch (error) {
      return unlessAbsent(error);
    }
  }

  /** Writes all fields as a new version, and answers its number. */
  async write(path: string, data: JsonObject, options: KvWriteOptions = {}): Promise<number> {
    return this.#change('POST', path, data, options);
  }

  /** Changes the fields that are named; null takes one away (RFC 7396). `not_found` where there is no secret. */
  async patch(path: string, change: JsonObject, options: KvWriteOptions = {}): Promise<number> {
    return this.#change('PATCH', path, change, options);
  }

  /** Deletes the newest version, which can be undeleted; where there is none nothing happens. */
  async delete(path: string): Promise<void> {
    await this.#client.request('DELETE', this.#place(path));
  }

  /** Names below a folder, in order; those of folders end with `/`. None where there is nothing. */
  async list(folder = ''): Promise<readonly string[]> {
    const place = folder === '' || folder.endsWith('/') ? folder : `${folder}/`;
    try {
      const { body } = await this.#client.request('LIST', `${this.#mount}/metadata/${place}`);
      return memberTexts(memberObject(body, 'data'), 'keys');
    } catch (error) {
      return unlessAbsent(error) ?? [];
    }
  }

  async #change(
    method: 'POST' | 'PATCH',
    path: string,
    data: JsonObject,
    { expectedVersion }: KvWriteOptions,
  ): Promise<number> {
    const options = expectedVersion === undefined ? {} : { options: { cas: expectedVersion } };
    const { body } = await this.#client.request(method, this.#place(path), {
      body: { data, ...options },
    });
    return memberNumber(memberObject(body, 'data'), 'version');
  }

  #place(path: string): string {
    const name = path.replace(/^\/+/, '');
    if (name === '' || name.endsWith('/')) {
      throw new CofferError('invalid_request', 'a secret has a name, and it does not end with "/"');
    }
    return `${this.#mount}/data/${name}`;
  }
}

/** The secrets of a kv mount of version 2, by default of the one that every store begins with. */
export function openKv(client: Client, mount = 'secret'): Kv {
  return new Kv(client, mount);
}

function secretOf(answer: JsonObject): KvSecret {
  const metadata = memberObject(answer, 'metadata');
  return {
    data: memberObject(answer, 'data'),
    version: memberNumber(metadata, 'version'),
    createdTime: memberText(metadata, 'created_time'),
  };
}

/** Nothing there is an ordinary outcome; no mount there is none. */
function unlessAbsent(error: unknown): undefined {
  if (error instanceof CofferError && error.code === 'not_found') return undefined;
  throw error;
}
