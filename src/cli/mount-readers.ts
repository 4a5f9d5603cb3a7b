/** Who may read the secrets of a mount that keeps such lists. */
import { CofferError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { dataOf, type Safe } from './safe.ts';
import type { Readers, SecretSafe } from './secret-safe.ts';

export function mountReaders(mount: Safe): Readers {
  const listed = ({ roles }: JsonObject) =>
    Array.isArray(roles) ? roles.filter((role) => typeof role === 'string') : [];
  const ask = async (method: 'GET' | 'POST', name: string, body?: JsonObject) => {
    await mount.requireLists(name);
    const path = mount.path('roles', name);
    const answer = await mount.client.request(method, path, body === undefined ? {} : { body });
    return listed(dataOf(answer.body));
  };
  return {
    async write(name, data, words, check) {
      await mount.requireLists(name);
      const options = check === undefined ? {} : { options: { cas: check } };
      const body = { data, roles: words, ...options };
      return dataOf((await mount.client.request('POST', mount.path('data', name), { body })).body);
    },
    show: (name) => ask('GET', name),
    change: (name, verb, words) => ask('POST', name, { [verb]: words }),
  };
}

/** Of a safe whose secrets may list who reads them. Throws `unsupported_operation` for any other. */
export function readersOf({ readers, title }: SecretSafe): Readers {
  if (readers !== undefined) return readers;
  throw new CofferError('unsupported_operation', `secrets in ${title} do not list who may read them`);
}

/** A new version, with the list of `--roles` where that is given. */
export function writeSecret(
  safe: SecretSafe,
  name: string,
  data: JsonObject,
  { roles, cas }: { readonly roles: string | undefined; readonly cas?: number | undefined },
): Promise<JsonObject> {
  if (roles === undefined) return safe.write(name, data, cas);
  return readersOf(safe).write(name, data, parseReaders(roles), cas);
}

/** The words of an option such as `--roles app,web`; an empty one is nobody. */
function parseReaders(text: string): readonly string[] {
  return text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}
