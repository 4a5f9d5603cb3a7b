/** Reading the secrets that a command line names: some by name, and all below a folder. */

import { asCofferError, CofferError } from '../errors.ts';
import type { NamedSecret } from './format/format.ts';
import { isFolder, parseFolder, parseName } from './secret-name.ts';
import type { SecretSafe } from './secret-safe.ts';
import { secretsBelow } from './walk.ts';

/** Requests under way at once. */
const abreast = 8;

/**
 * Each secret once, in the order in which they are named. Throws `usage` for words that cannot be names, `not_found` for a name
 * without a secret and for a folder without any.
 */
export async function readSecrets(
  safe: SecretSafe,
  words: readonly string[],
): Promise<readonly NamedSecret[]> {
  /** Whether each was named itself, and must be there. */
  const wanted = new Map<string, boolean>();
  for (const word of words) {
    if (!isFolder(word)) wanted.set(parseName(word), true);
    else
      for (const name of await namesBelow(safe, parseFolder(word)))
        wanted.set(name, wanted.get(name) ?? false);
  }
  const rest = [...wanted].entries();
  const found: (NamedSecret | undefined)[] = [];
  const read = async () => {
    for (const [index, [name, required]] of rest) found[index] = await readOne(safe, name, required);
  };
  await Promise.all(Array.from({ length: Math.min(abreast, wanted.size) }, read));
  return found.filter((secret) => secret !== undefined);
}

/** A deleted secret keeps its name in lists; it has nothing to give, and is left out there. */
async function readOne(safe: SecretSafe, name: string, required: boolean): Promise<NamedSecret | undefined> {
  try {
    const { data } = required ? await safe.read(name) : await safe.current(name);
    return data === undefined ? undefined : { name, data };
  } catch (thrown) {
    const error = asCofferError(thrown);
    if (error.code !== 'permission_denied') throw thrown;
    throw new CofferError(error.code, `${name}: ${error.message}`, { cause: thrown });
  }
}

async function namesBelow(safe: SecretSafe, folder: string): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const name of secretsBelow(safe, folder)) names.push(name);
  if (names.length > 0) return names;
  await safe.requireUsable(folder);
  throw new CofferError('not_found', `there are no secrets below ${folder === '' ? safe.title : folder}`);
}
