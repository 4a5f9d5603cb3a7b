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
        if (error instanceof ApiError && isUnknown(error)) return undefined;
        throw error;
      }
    },
  };
}

/** An endpoint that the server does not have; a token that may not use it is another matter. */
export function isUnknown({ status }: ApiError): boolean {
  return status === 404 || status === 405;
}

function withoutMount(key: string, mount: string): string {
  return key.startsWith(`${mount}/`) ? key.slice(mount.length + 1) : key;
}
