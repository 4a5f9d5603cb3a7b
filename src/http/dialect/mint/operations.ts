/** What mint-storage's API can be asked, as requests to a mount of service users. */
import { type ApiPath, parseApiPath } from '../../../core/path.ts';
import type { Answer } from '../../../core/request.ts';
import { CofferError } from '../../../errors.ts';
import { emptyObject, isJsonObject, type JsonObject, type JsonValue } from '../../../json.ts';
import { parseBoundedJson } from '../../bounded-json.ts';
import { dataOf } from '../answer-data.ts';
import type { Errand, Wish } from '../dialect.ts';

export interface Task extends Pick<Errand, 'body' | 'limits'> {
  /** Rejects with whatever was refused. */
  ask(operation: Wish['operation'], path: ApiPath, data?: JsonObject): Promise<Answer>;
}

export interface Operation {
  /** Of its first request. */
  readonly path: ApiPath;
  readonly takesBody: boolean;
  /** A PUT of an application that is not there is a mistake of the request, and not a 404. */
  readonly isPut: boolean;
  /** What is answered; undefined for an empty answer. */
  perform(task: Task): Promise<JsonValue | undefined>;
}

const applicationId = /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * A status where there is no such thing.
 *
 * @param mount path, without slash
 * @param path as sent
 */
export function operationOf(
  mount: string,
  method: string,
  path: string,
  query: URLSearchParams,
): Operation | 400 | 404 | 405 {
  if (path === '/apps') return method === 'GET' ? listing(mount, query) : 405;
  const [, id = '', rest = ''] = /^\/apps\/([^/]+)(\/renewal)?$/.exec(path) ?? [];
  if (id === '') return 404;
  if (!applicationId.test(id)) return 400;
  if (rest === '/renewal') return method === 'POST' ? renewal(mount, id) : 405;
  switch (method) {
    case 'GET':
      return details(mount, id);
    case 'PUT':
      return configuring(mount, id);
    case 'PATCH':
      return patching(mount, id);
    case 'DELETE':
      return deleting(mount, id);
    default:
      return 405;
  }
}

function operation(
  path: string,
  perform: (task: Task, path: ApiPath) => Promise<JsonValue | undefined>,
): Operation {
  const parsed = parseApiPath(path);
  return {
    path: parsed,
    takesBody: false,
    isPut: false,
    perform: (task) => perform(task, parsed),
  };
}

/** All of them, a page at a time; with a filter those that have the scope. */
function listing(mount: string, query: URLSearchParams): Operation {
  return operation(`${mount}/status`, async ({ ask }, path) => {
    const filter = Object.fromEntries(
      ['resource_type_id', 'scope_id'].flatMap((name) => {
        const value = query.get(name) ?? '';
        return value === '' ? [] : [[name, value]];
      }),
    );
    const listed: JsonObject[] = [];
    let after = '';
    do {
      const data = Object.assign(emptyObject(), { after, ...filter });
      const page = dataOf(await ask('read', path, data)) ?? {};
      const info = objectOf(page['key_info']);
      for (const id of Object.keys(info).sort()) {
        const each = objectOf(info[id]);
        if (each['deleted'] !== true) listed.push({ id, ...standing(each) });
      }
      after = typeof page['next'] === 'string' ? page['next'] : '';
    } while (after !== '');
    return listed;
  });
}

/** What both the list and the details say of rotation. */
function standing(status: JsonObject): JsonObject {
  const problem = status['problem'];
  const failures = typeof status['failures'] === 'number' ? status['failures'] : 0;
  return {
    last_password_rotation: objectOf(status['password'])['last_rotation'] ?? null,
    last_client_rotation: objectOf(status['client'])['last_rotation'] ?? null,
    last_modified: status['modified_time'] ?? null,
    last_synced: status['synced_time'] ?? null,
    has_problems: typeof problem === 'string',
    message: typeof problem === 'string' ? problem : '',
    s3_errors: typeof problem === 'string' ? failures : 0,
  };
}

function details(mount: string, id: string): Operation {
  return operation(`${mount}/apps/${id}`, async ({ ask }, path) => {
    const registered = dataOf(await ask('read', path)) ?? {};
    const status = dataOf(await ask('read', parseApiPath(`${mount}/apps/${id}/status`))) ?? {};
    const targets = listOf(status['targets']).map(objectOf);
    const wanted = targets.filter((target) => target['wanted'] === true);
    return {
      id,
      username: registered['username'] ?? '',
      client_id: status['client_id'] ?? null,
      ...standing(status),
      redirect_url: registered['redirect_url'] ?? null,
      is_client_confidential: registered['confidential'] ?? true,
      s3_buckets: wanted.map(({ address = '' }) => String(address)).sort(),
      kubernetes_clusters: registered['kubernetes_clusters'] ?? [],
      scopes: registered['scopes'] ?? [],
    };
  });
}

function configuring(mount: string, id: string): Operation {
  const write = operation(`${mount}/apps/${id}/delivery`, async ({ ask, body, limits }, path) => {
    await ask('update', path, deliveryOf(parseBoundedJson(body, limits)));
    return undefined;
  });
  return { ...write, takesBody: true, isPut: true };
}

/** Throws `invalid_request`. What is absent or null stays as it is: a redirect URL was never taken away either. */
function deliveryOf(sent: JsonObject): JsonObject {
  const {
    is_client_confidential: confidential,
    redirect_url: url,
    s3_buckets: buckets,
    kubernetes_clusters: clusters,
    scopes,
  } = sent;
  if (typeof confidential !== 'boolean') {
    throw new CofferError('invalid_request', 'is_client_confidential is missing, or not true or false');
  }
  for (const [name, list] of [
    ['s3_buckets', buckets],
    ['kubernetes_clusters', clusters],
    ['scopes', scopes],
  ] as const) {
    if (list !== undefined && list !== null && !Array.isArray(list)) {
      throw new CofferError('invalid_request', `${name} is not a list`);
    }
  }
  const said = {
    targets: buckets,
    kubernetes_clusters: clusters,
    scopes,
    redirect_url: url === '' ? null : url,
  };
  const given = Object.entries(said).filter(([, value]) => value !== undefined && value !== null);
  return Object.assign(emptyObject(), { confidential }, Object.fromEntries(given));
}

/** For whoever may read the application: that nothing can be written here. */
function patching(mount: string, id: string): Operation {
  const look = operation(`${mount}/apps/${id}`, async ({ ask }, path) => {
    await ask('read', path);
    throw new CofferError(
      'permission_denied',
      'times and problems of a rotation are what the server itself has seen: nothing else writes them',
    );
  });
  return { ...look, takesBody: true };
}

function deleting(mount: string, id: string): Operation {
  return operation(`${mount}/apps/${id}`, async ({ ask }, path) => {
    await ask('delete', path);
    return undefined;
  });
}

function renewal(mount: string, id: string): Operation {
  return operation(`${mount}/apps/${id}/rotate`, async ({ ask }, path) => {
    await ask('update', path);
    return undefined;
  });
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}
