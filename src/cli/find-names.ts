/** Finding by name: the safe's own search where it has one, else going through its lists. */
import { isGlob, matchesGlob } from './glob.ts';
import type { SecretSafe } from './secret-safe.ts';
import { pageSize, secretsBelow } from './walk.ts';

/** Whole names. `denied` is called for each folder that may not be listed, as far as the safe tells. */
export async function* findNames(
  safe: SecretSafe,
  folder: string,
  pattern: string,
  denied: () => void,
): AsyncGenerator<string> {
  let after: string | undefined;
  do {
    const page = await safe.finder?.find(folder, pattern, { after, limit: pageSize });
    if (page === undefined) return yield* walked(safe, folder, pattern, denied);
    yield* page.names;
    after = page.next;
  } while (after !== undefined);
}

async function* walked(
  safe: SecretSafe,
  folder: string,
  pattern: string,
  denied: () => void,
): AsyncGenerator<string> {
  const matches = nameMatcher(pattern);
  const start = folder === '' ? 0 : folder.length + 1;
  for await (const name of secretsBelow(safe, folder, { denied })) {
    if (matches(name.slice(start))) yield name;
  }
}

/**
 * Whether a name, as it stands below the folder that is searched, is meant by the pattern: the rule of `sys/secrets/find`. A
 * pattern with a `/` is held against all of it, one without against its last part.
 */
export function nameMatcher(pattern: string): (name: string) => boolean {
  const whole = pattern.includes('/');
  const meant = (name: string) => (whole ? name : name.slice(name.lastIndexOf('/') + 1));
  if (!isGlob(pattern)) return (name) => meant(name).includes(pattern);
  return (name) => matchesGlob(pattern, meant(name));
}
