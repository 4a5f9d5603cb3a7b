/**
 * `kv`: a secret of Coffer itself, written by requests that are decided and audited as of the entity that configured the target, each time anew. Whoever may not write there
 * has nothing delivered there, and nothing but secrets of kv mounts is ever written.
 */
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';
import { requireApplication, splitAddress, wrongTarget } from '../address.ts';
import {
  type AskAs,
  type CredentialDocument,
  type OpenTarget,
  type Parcel,
  requireEntity,
  type TargetSurroundings,
  type TargetType,
} from '../target.ts';
import { targetCall } from '../target-call.ts';

const form = 'kv:secret/apps';
/** Of the server itself: none of them holds secrets of kv. */
const reserved = ['sys', 'auth', 'identity', 'cubbyhole'];
/** A version that no secret comes to. */
const noVersion = 4_294_967_295;

export const kvTarget: TargetType = {
  scheme: 'kv',
  summary: 'a secret of Coffer itself, below a kv mount',
  asEntity: true,
  parse: (address) => `kv:${pathOf(address)}`,
  open(address, surroundings) {
    const path = pathOf(address);
    return new OpenKv(path, asker(surroundings));
  },
};

/** Mount and folder, as one path. Throws `invalid_request`. */
function pathOf(address: string): string {
  const { base } = splitAddress(address, form, []);
  const path = /^kv:([^/].*?)\/?$/.exec(base)?.[1] ?? '';
  const names = path.split('/');
  const odd = names.some((name) => name === '' || name === '.' || name === '..' || /[\\*+#]/.test(name));
  if (odd || Buffer.byteLength(path) > 600) {
    throw wrongTarget(
      `a target of kv is a mount and a folder without empty names, "." and "..", such as ${form}`,
    );
  }
  if (reserved.includes(names[0]?.toLowerCase() ?? '')) {
    throw wrongTarget(`${names[0]}/ is no kv mount: a target of kv is below one, such as ${form}`);
  }
  return path;
}

type Ask = (
  operation: 'read' | 'update' | 'delete',
  path: string,
  data?: JsonObject,
) => Promise<JsonObject | undefined>;

/** Throws `invalid_request` for a caller without an entity, `unavailable` where the server cannot ask itself. */
function asker({ entityId, askAs }: TargetSurroundings): Ask {
  requireEntity('kv', entityId);
  const ask: AskAs | undefined = askAs;
  if (ask === undefined) throw new CofferError('unavailable', 'this server cannot deliver into itself');
  return (operation, path, data = {}) => ask(entityId, operation, path, data);
}

/** Where a secret is, as its mount has it. */
interface Spot {
  readonly hasVersions: boolean;
  /** The mount's path, with `/` at its end. */
  readonly mount: string;
  readonly rest: string;
}

class OpenKv implements OpenTarget {
  readonly place: string;
  readonly #path: string;
  readonly #ask: Ask;

  constructor(path: string, ask: Ask) {
    this.place = `kv:${path}`;
    this.#path = path;
    this.#ask = ask;
  }

  /** A write that the policies decide about, and that kv refuses afterwards whatever is there. */
  probe(application: string, signal: AbortSignal): Promise<void> {
    return this.#doing(application, signal, async (spot) => {
      const [data, refusal] = spot.hasVersions
        ? ([{ data: {}, options: { cas: noVersion } }, 'conflict'] as const)
        : ([{}, 'invalid_request'] as const);
      try {
        await this.#ask('update', writtenAt(spot), data);
      } catch (error) {
        if (!(error instanceof CofferError && error.code === refusal)) throw error;
      }
    });
  }

  deliver({ application, documents, changed }: Parcel, signal: AbortSignal): Promise<void> {
    return this.#doing(application, signal, async (spot) => {
      if (changed.length === 0) return;
      const fields = fieldsOf(documents);
      await this.#ask('update', writtenAt(spot), spot.hasVersions ? { data: fields } : fields);
    });
  }

  /** With all its versions, each of which held credentials; where only the right for the newest is there, that one. */
  remove(application: string, signal: AbortSignal): Promise<void> {
    return this.#doing(application, signal, async (spot) => {
      try {
        await this.#ask('delete', spot.hasVersions ? `${spot.mount}metadata/${spot.rest}` : writtenAt(spot));
      } catch (error) {
        const isDenied = error instanceof CofferError && error.code === 'permission_denied';
        if (!isDenied || !spot.hasVersions) throw error;
        await this.#ask('delete', writtenAt(spot));
      }
    });
  }

  close(): void {}

  #doing(application: string, signal: AbortSignal, action: (spot: Spot) => Promise<void>): Promise<void> {
    return targetCall(this.place, signal, async () => {
      const path = `${this.#path}/${requireApplication(application)}`;
      try {
        const spot = await this.#spot(path);
        signal.throwIfAborted();
        await action(spot);
      } catch (error) {
        throw error instanceof CofferError && error.code === 'permission_denied'
          ? denied(path, error)
          : error;
      }
    });
  }

  /** Asked each time: another engine may have been mounted there. */
  async #spot(path: string): Promise<Spot> {
    const found = (await this.#ask('read', `sys/internal/ui/mounts/${path}`)) ?? {};
    const { type, path: mount, options } = found;
    const isKv = type === 'kv' || type === 'generic';
    if (!isKv || typeof mount !== 'string' || !mount.endsWith('/') || !path.startsWith(mount)) {
      throw wrongTarget(`${path} is not below a kv mount: nothing else is delivered to`);
    }
    const version = isJsonObject(options) ? options['version'] : undefined;
    return { hasVersions: version === '2', mount, rest: path.slice(mount.length) };
  }
}

function writtenAt({ hasVersions, mount, rest }: Spot): string {
  return hasVersions ? `${mount}data/${rest}` : mount + rest;
}

/** One map of fields, so that a pair is changed in one write. */
function fieldsOf({ user, client }: Parcel['documents']): JsonObject {
  return { ...membersOf(user, 'user_version'), ...membersOf(client, 'client_version') };
}

function membersOf(document: CredentialDocument | undefined, versionName: string): JsonObject {
  if (document === undefined) return {};
  return { ...(JSON.parse(document.text) as JsonObject), [versionName]: document.version };
}

function denied(path: string, cause: CofferError): CofferError {
  return new CofferError(
    'permission_denied',
    `the entity that configured this target may not write ${path}: its own policies or those of its groups have to allow it, and the entity has to be enabled`,
    { cause },
  );
}
