/** A safe: where the secret verbs work. That is a versioned kv mount of a server, or a table of KMS and DynamoDB. */
import { parseAddress } from '../client/address.ts';
import type { Client } from '../client/client.ts';
import { ApiError } from '../client/wire-error.ts';
import { asCofferError, CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';

/** Its secrets list who may read them. */
export const listingType = 'role-secrets';

export interface SafeUrl {
  /** Undefined when only a mount was named: then it is on whichever server is addressed otherwise. */
  readonly address: string | undefined;
  /** Undefined when only a server was named. */
  readonly mount: string | undefined;
  /** The directory of a safe without a server, as it was written. */
  readonly file?: string;
  /** The whole address of a table, not yet parsed; there is no server then. */
  readonly table?: string;
}

/** `https://host:8200/secret`, a mount alone (`secret`, `team/kv`), `credstash://TABLE?…` or `file:PATH`. Throws `usage` for anything else. */
export function parseSafe(text: string): SafeUrl {
  if (/^credstash:/i.test(text)) return { address: undefined, mount: undefined, table: text };
  if (/^file:/i.test(text)) return { address: undefined, mount: undefined, file: parseFileUrl(text) };
  if (!text.includes(':')) return { address: undefined, mount: parseMount(text) };
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new CofferError(
      'usage',
      'a safe must look like https://host:8200/secret, credstash://TABLE or file:PATH, or be a mount such as secret',
    );
  }
  const path = url.pathname.replace(/^\/+|\/+$/g, '');
  const address = new URL(url);
  address.pathname = '';
  parseAddress(address.href);
  return {
    address: address.href.replace(/\/$/, ''),
    mount: path === '' ? undefined : parseMount(decoded(path)),
  };
}

export class Safe {
  readonly client: Client;
  readonly mount: string;

  constructor(client: Client, mount: string) {
    this.client = client;
    this.mount = mount;
  }

  /** The API path of a secret in one of kv version 2's rooms. Throws `usage` for a name that cannot be one. */
  path(room: 'data' | 'metadata' | 'delete' | 'undelete' | 'destroy' | 'roles', name: string): string {
    if (name === '' || name.endsWith('/')) {
      throw new CofferError('usage', 'a name must not be empty or end in "/"');
    }
    return `${this.mount}/${room}/${name}`;
  }

  /**
   * Refuses a mount that is not versioned: a write would land there under a name that nobody meant. The question spends no use
   * of a token. When it may not be asked, the write itself gets the answer.
   */
  async requireVersioned(name: string): Promise<void> {
    const mount = await this.#facts(name);
    const options = isJsonObject(mount['options']) ? mount['options'] : {};
    // A table that is mounted answers as kv does, and so do secrets that list who may read them.
    const kind = ['kv', 'credstash', listingType].includes(String(mount['type']));
    const versioned = kind && options['version'] === '2';
    if (mount['type'] !== undefined && !versioned) {
      throw new CofferError(
        'unsupported_operation',
        `${this.mount} is not a versioned kv mount; \`coffer mount list\` shows those, \`coffer api\` reaches all`,
      );
    }
  }

  /**
   * Refuses a mount whose secrets do not list who may read them, and one of which that is not known: a list that is left out of
   * account would protect nothing.
   */
  async requireLists(name: string): Promise<void> {
    if ((await this.#facts(name))['type'] === listingType) return;
    throw new CofferError(
      'unsupported_operation',
      `${this.mount} is no mount of type ${listingType}: its secrets do not list who may read them; policies say so`,
    );
  }

  /** The mount's type; undefined where it may not be asked. */
  async type(): Promise<string | undefined> {
    const { type } = await this.#facts('x');
    return typeof type === 'string' ? type : undefined;
  }

  /** Empty where it may not be asked. */
  async #facts(name: string): Promise<JsonObject> {
    const answer = await this.client
      .request('GET', `sys/internal/ui/mounts/${this.mount}/data/${name}`)
      .catch((error: unknown) => unlessUnknown(error));
    return dataOf(answer?.body);
  }
}

/** The `data` of an answer's envelope; empty when there is none. */
export function dataOf(body: JsonValue | undefined): JsonObject {
  const data = isJsonObject(body) ? body['data'] : undefined;
  return isJsonObject(data) ? data : {};
}

function unlessUnknown(thrown: unknown): undefined {
  const error = asCofferError(thrown);
  if (thrown instanceof ApiError && (error.code === 'permission_denied' || thrown.status === 404))
    return undefined;
  throw thrown;
}

/** `file:PATH` or `file:///PATH`; the path is taken as it is written. Throws `usage` for an empty one, and for a host. */
function parseFileUrl(text: string): string {
  const rest = text.slice('file:'.length);
  const path = rest.startsWith('//') ? rest.slice(2) : rest;
  if (path === '' || path.includes('\0') || (rest.startsWith('//') && !path.startsWith('/'))) {
    throw new CofferError('usage', 'a safe on disk must look like file:PATH, with the path of its directory');
  }
  return path;
}

function parseMount(text: string): string {
  const mount = text.replace(/^\/+|\/+$/g, '');
  const segments = mount.split('/');
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) {
    throw new CofferError('usage', 'the mount of a safe must look like secret or team/secret');
  }
  return mount;
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new CofferError('usage', 'the mount of a safe is not valid percent-encoding');
  }
}
