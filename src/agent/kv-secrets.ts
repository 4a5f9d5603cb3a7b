/** Secrets of kv mounts by their whole paths, with versions or without; which it is, the server says once for each path. */
import type { Client } from '../client/client.ts';
import { CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import type { Session } from './session.ts';

export class KvSecrets {
  readonly #session: Session;
  /** Paths of requests by paths of secrets. */
  readonly #known = new Map<string, string>();

  constructor(session: Session) {
    this.#session = session;
  }

  /** The fields of the newest version; undefined where there is none. Throws as `Session.ask` does. */
  async read(path: string): Promise<JsonObject | undefined> {
    return this.#session.ask(async (client) => {
      const place = this.#known.get(path) ?? (await requestPath(client, path));
      this.#known.set(path, place);
      try {
        return fieldsOf((await client.request('GET', place)).body, place.length > path.length);
      } catch (error) {
        // The mount may have become another one.
        this.#known.delete(path);
        if (error instanceof CofferError && error.code === 'not_found') return undefined;
        throw error;
      }
    });
  }
}

async function requestPath(client: Client, path: string): Promise<string> {
  const { body } = await client.request('GET', `sys/internal/ui/mounts/${path}`);
  const mount = member(body, 'data');
  const place = mount['path'];
  if (typeof place !== 'string' || !`${path}/`.startsWith(place))
    throw new CofferError(
      'unavailable',
      'the answer does not say what is mounted there: is this a server of ours?',
    );
  const options = isJsonObject(mount['options']) ? mount['options'] : {};
  return options['version'] === '2' ? `${place}data/${path.slice(place.length)}` : path;
}

function fieldsOf(body: JsonValue | undefined, isVersioned: boolean): JsonObject {
  const data = member(body, 'data');
  return isVersioned ? member(data, 'data') : data;
}

function member(value: JsonValue | undefined, name: string): JsonObject {
  const found = isJsonObject(value) ? value[name] : undefined;
  if (isJsonObject(found)) return found;
  throw new CofferError(
    'unavailable',
    `the answer has no "${name}" of the kind it should: is this a server of ours?`,
  );
}
