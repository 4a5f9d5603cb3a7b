/** The search of a server: `sys/secrets/find`. */
import { ApiError } from '../client/wire-error.ts';
import { dataOf, type Safe } from './safe.ts';
import type { Finder } from './secret-safe.ts';

export function kvFinder({ client, mount }: Safe): Finder {
  return {
    async find(folder, pattern, { after, limit }) {
      const body = {
        path: `${mount}/${folder}`,
        name: pattern,
        limit,
        ...(after === undefined ? {} : { after }),
      };
      try {
        const data = dataOf((await client.request('POST', 'sys/secrets/find', { body })).body);
        const keys = Array.isArray(data['keys']) ? data['keys'] : [];
        const next = data['next'];
        return {
          names: keys.filter((key) => typeof key === 'string').map((key) => withoutMount(key, mount)),
          next: typeof next === 'string' && next !== '' ? next : undefined,
        };
      } catch (error) {
        // A rule that keeps a token from this endpoint does not keep it from lists; some servers answer so to what they lack.
        if (error instanceof ApiError && (isUnknown(error) || error.code === 'permission_denied'))
          return undefined;
        throw error;
      }
    },
  };
}

/** An endpoint that the server does not have. That a path names no mount is another matter, told in other words. */
export function isUnknown({ code, message }: ApiError): boolean {
  if (code === 'no_route') return !message.startsWith('no mount at');
  return code === 'unsupported_path' || code === 'unsupported_operation';
}

function withoutMount(key: string, mount: string): string {
  return key.startsWith(`${mount}/`) ? key.slice(mount.length + 1) : key;
}
