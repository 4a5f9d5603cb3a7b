/** Reading the secrets that a command line names: some by name, and all below a folder. */

import { asCofferError, CofferError } from '../errors.ts';
import type { NamedSecret } from './format/format.ts';
import { isFolder, parseFolder, parseName } from './secret-name.ts';
import type { SecretSafe } from './secret-safe.ts';
import { secretsBelow } from './walk.ts';

/** Requests under way at once. */
const abreast = 8;

/** Failures of single secrets that are told before the rest is given up. */
const mostFailures = 50;

/** Called for each secret that is there and cannot be read, where the caller wants the others all the same. */
export type OnFailure = (name: string, error: CofferError) => void;

/**
 * Each secret once, in the order in which they are named. Throws `usage` for words that cannot be names, `not_found` for a name
 * without a secret and for a folder without any.
 *
 * @param failed without it a secret that cannot be read is an error that names it
 */
export async function readSecrets(
  safe: SecretSafe,
  words: readonly string[],
  failed?: OnFailure,
): Promise<readonly NamedSecret[]> {
  const reading = new Reading(safe, failed);
  for (const word of words) {
    if (!isFolder(word)) reading.want(parseName(word));
    else await reading.wantBelow(parseFolder(word));
  }
  return reading.finish();
}

class Reading {
  readonly #safe: SecretSafe;
  readonly #failed: OnFailure | undefined;
  /** Whether each was named itself, and must be there. */
  readonly #wanted = new Map<string, boolean>();
  /** What a safe has given in bulk; undefined for one that failed. */
  readonly #read = new Map<string, NamedSecret | undefined>();

  constructor(safe: SecretSafe, failed: OnFailure | undefined) {
    this.#safe = safe;
    this.#failed = failed;
  }

  want(name: string): void {
    this.#wanted.set(name, true);
  }

  async wantBelow(folder: string): Promise<void> {
    const names =
      this.#safe.bulk === undefined ? await namesBelow(this.#safe, folder) : await this.#bulk(folder);
    for (const name of names) this.#wanted.set(name, this.#wanted.get(name) ?? false);
  }

  async finish(): Promise<readonly NamedSecret[]> {
    const rest = [...this.#wanted].entries();
    const found: (NamedSecret | undefined)[] = [];
    const read = async () => {
      for (const [index, [name, required]] of rest) {
        found[index] = this.#read.has(name) ? this.#read.get(name) : await this.#one(name, required);
      }
    };
    await Promise.all(Array.from({ length: Math.min(abreast, this.#wanted.size) }, read));
    return found.filter((secret) => secret !== undefined);
  }

  async #bulk(folder: string): Promise<readonly string[]> {
    const failures: { readonly name: string; readonly error: CofferError }[] = [];
    const names: string[] = [];
    for await (const outcome of this.#safe.bulk?.below(folder) ?? []) {
      const { name } = outcome;
      names.push(name);
      this.#read.set(name, outcome.kind === 'read' ? { name, data: outcome.data } : undefined);
      if (outcome.kind === 'read') continue;
      if (this.#failed !== undefined) this.#failed(name, outcome.error);
      else if (failures.push({ name, error: outcome.error }) >= mostFailures) break;
    }
    if (failures.length > 0) throw incomplete(failures);
    if (names.length === 0) throw nothingBelow(this.#safe, folder);
    return names;
  }

  async #one(name: string, required: boolean): Promise<NamedSecret | undefined> {
    try {
      return await readOne(this.#safe, name, required);
    } catch (thrown) {
      const error = asCofferError(thrown);
      if (this.#failed === undefined || !['permission_denied', 'wrong_key', 'integrity'].includes(error.code))
        throw thrown;
      this.#failed(name, error);
      return undefined;
    }
  }
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
  throw nothingBelow(safe, folder);
}

function nothingBelow(safe: SecretSafe, folder: string): CofferError {
  return new CofferError('not_found', `there are no secrets below ${folder === '' ? safe.title : folder}`);
}

/** Names that a message repeats. */
const mostNamed = 10;

function incomplete(
  failures: readonly { readonly name: string; readonly error: CofferError }[],
): CofferError {
  const [first] = failures;
  const named = failures.slice(0, mostNamed).map(({ name, error }) => `${name} (${error.message})`);
  const more = failures.length > mostNamed ? `; and ${failures.length - mostNamed} more` : '';
  const count = failures.length === 1 ? 'one secret' : `${failures.length} secrets`;
  return new CofferError(
    first?.error.code ?? 'internal',
    `${count} could not be read, so nothing is given (--partial gives the others): ${named.join('; ')}${more}`,
    { cause: first?.error },
  );
}
