/** Lists on the wire: `data.keys`, and 404 for an empty one. */
import type { Client } from '../client/client.ts';
import { asCofferError } from '../errors.ts';
import { dataOf } from './safe.ts';

/** The names below a path, sorted as the server does; none is an empty list, not an error. */
export async function listKeys(client: Client, path: string): Promise<readonly string[]> {
  try {
    const keys = dataOf((await client.request('LIST', path)).body)['keys'];
    return Array.isArray(keys) ? keys.filter((key) => typeof key === 'string') : [];
  } catch (thrown) {
    if (asCofferError(thrown).code === 'not_found') return [];
    throw thrown;
  }
}
