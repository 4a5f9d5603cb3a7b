/** Going through a safe's names page by page: what is held is a page for each folder on the way down, never a list as a whole. */
import { asCofferError } from '../errors.ts';
import { below } from './secret-name.ts';
import type { SecretSafe } from './secret-safe.ts';

/** Names asked for at once. */
export const pageSize = 1000;

/** The names right below a folder. */
export async function* namesIn(safe: SecretSafe, folder: string): AsyncGenerator<string> {
  let after: string | undefined;
  do {
    const page = await safe.list(folder, { after, limit: pageSize });
    yield* page.names;
    after = page.next;
  } while (after !== undefined);
}

export interface Walk {
  /** Called for a folder that may not be listed; without it that is an error. */
  readonly denied?: (folder: string) => void;
  /** Levels to go down; a folder that is not gone into is left out. No end unless told. */
  readonly depth?: number;
}

/** The whole names of all secrets below a folder, depth first. */
export async function* secretsBelow(
  safe: SecretSafe,
  folder: string,
  { denied, depth = Number.POSITIVE_INFINITY }: Walk = {},
): AsyncGenerator<string> {
  for await (const name of permitted(namesIn(safe, folder), folder, denied)) {
    const whole = below(folder, name);
    const inner = { ...(denied === undefined ? {} : { denied }), depth: depth - 1 };
    if (!isInner(name)) yield whole;
    else if (depth > 1 && goesDown(name)) yield* secretsBelow(safe, whole.slice(0, -1), inner);
  }
}

/** A folder that may not be listed is told and passed over, where the caller wants that; otherwise it is an error. */
export async function* permitted(
  names: AsyncIterable<string>,
  folder: string,
  denied: ((folder: string) => void) | undefined,
): AsyncGenerator<string> {
  try {
    yield* names;
  } catch (thrown) {
    if (denied === undefined || asCofferError(thrown).code !== 'permission_denied') throw thrown;
    denied(folder);
  }
}

export function isInner(name: string): boolean {
  return name.endsWith('/');
}

/** A list that names `/`, `./` or `../` as a folder would send the walk in circles or out of its place. */
export function goesDown(name: string): boolean {
  return !['', '.', '..'].includes(name.slice(0, -1));
}
