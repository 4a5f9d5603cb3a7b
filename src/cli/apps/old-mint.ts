/** An installation of mint as whoever moves away from it reads it: mint-storage's applications, and their teams from Kio. */
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';
import { createOutgoing, parseOutgoingUrl } from '../../outgoing/https.ts';
import { objects, texts } from './applications.ts';

/** One application, as far as it was understood. */
export interface OldApplication {
  readonly id: string;
  readonly username: string;
  readonly confidential: boolean;
  readonly redirectUrl: string | null;
  readonly buckets: readonly string[];
  readonly clusters: readonly string[];
  readonly scopes: readonly JsonObject[];
}

export interface OldTeam {
  readonly team: string;
  readonly name: string;
  readonly subtitle: string;
  readonly active: boolean;
}

/** Bytes of an answer; a list of applications is the longest. */
const longest = 16 * 1024 * 1024;
const patience = 60_000;

/** One of the two services. */
export class OldService {
  readonly #url: string;
  readonly #token: string;
  readonly #what: string;
  readonly #ask = createOutgoing({ patience, atOnce: 4 });

  /** Throws `invalid_request` for a URL that is not https and not of this machine. */
  constructor(url: string, token: string, what: string) {
    this.#url = parseOutgoingUrl(url, what).href.replace(/\/+$/, '');
    this.#token = token;
    this.#what = what;
  }

  /** Undefined for 404. Throws `unavailable` or `permission_denied`; nothing that was sent is repeated. */
  async read(path: string): Promise<JsonValue | undefined> {
    const { status, body } = await this.#ask({
      url: `${this.#url}${path}`,
      headers: { Authorization: `Bearer ${this.#token}` },
      longest,
    });
    if (status === 404) return undefined;
    if (status === 401 || status === 403) {
      throw new CofferError('permission_denied', `${this.#what} refuses the token (status ${status})`);
    }
    if (status !== 200) throw new CofferError('unavailable', `${this.#what} answered with status ${status}`);
    try {
      return JSON.parse(body.toString('utf8')) as JsonValue;
    } catch {
      throw new CofferError('unavailable', `${this.#what} answered with something else than JSON`);
    }
  }
}

/** Ids of all applications. */
export async function oldIds(storage: OldService): Promise<readonly string[]> {
  const list = await storage.read('/apps');
  if (!Array.isArray(list))
    throw new CofferError('unavailable', 'mint-storage answered with something else than a list');
  return objects(list).flatMap(({ id }) => (typeof id === 'string' ? [id] : []));
}

/** Undefined where it is gone meanwhile. Throws `unavailable` for what is no application. */
export async function oldApplication(storage: OldService, id: string): Promise<OldApplication | undefined> {
  const read = await storage.read(`/apps/${encodeURIComponent(id)}`);
  if (read === undefined) return undefined;
  if (!isJsonObject(read) || typeof read['is_client_confidential'] !== 'boolean') {
    throw new CofferError('unavailable', 'mint-storage answered with something else than an application');
  }
  const { username, redirect_url: url } = read;
  return {
    id,
    username: typeof username === 'string' ? username : '',
    confidential: read['is_client_confidential'],
    redirectUrl: typeof url === 'string' && url !== '' ? url : null,
    buckets: texts(read['s3_buckets']),
    clusters: texts(read['kubernetes_clusters']),
    scopes: objects(read['scopes']).map(({ resource_type_id: type = '', scope_id: scope = '' }) => ({
      resource_type_id: type,
      scope_id: scope,
    })),
  };
}

/** Undefined where Kio has none. */
export async function oldTeam(kio: OldService, id: string): Promise<OldTeam | undefined> {
  const read = await kio.read(`/apps/${encodeURIComponent(id)}`);
  if (!isJsonObject(read)) return undefined;
  const { team_id: team, name, subtitle, active } = read;
  if (typeof team !== 'string' || team === '') {
    throw new CofferError('unavailable', 'Kio answered with something else than an application');
  }
  return {
    team,
    name: typeof name === 'string' ? name : '',
    subtitle: typeof subtitle === 'string' ? subtitle : '',
    active: active === true,
  };
}
