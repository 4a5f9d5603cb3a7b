/** Reading the secrets that a command line names: some by name, and all below a folder. */

import { asCofferError, CofferError } from '../errors.ts';
import type { NamedSecret } from './format/format.ts';
import { isFolder, parseFolder, parseName } from './secret-name.ts';
import type { BulkReader, SecretSafe } from './secret-safe.ts';
import { secretsBelow } from './walk.ts';

/** Requests under way at once. */
const abreast = 8;

/** Failures of single secrets that are told before the rest is given up. */
const mostFailures = 50;

/** Called for each secret that is there and cannot be read, where the caller wants the others all the same. */
export type OnFailure = (name: string, error: CofferError) => void;

/** Each secret once, in the order in which they are named; see `eachSecret`. */
export async function readSecrets(
  safe: SecretSafe,
  words: readonly string[],
  failed?: OnFailure,
): Promise<readonly NamedSecret[]> {
  const secrets: NamedSecret[] = [];
  for await (const secret of eachSecret(safe, words, failed)) secrets.push(secret);
  return secrets;
}

/**
 * Each secret once, in the order in which they are named, as they are read: of those that went by, names are held and nothing
 * else. Rejects with `usage` for words that cannot be names, `not_found` for a name without a secret and for a folder without any;
 * what came before is not all, then.
 *
 * @param failed without it a secret that cannot be read is an error that names it, and nothing comes behind it
 */
export async function* eachSecret(
  safe: SecretSafe,
  words: readonly string[],
  failed?: OnFailure,
): AsyncGenerator<NamedSecret> {
  const places = words.map((word) =>
    isFolder(word) ? { folder: parseFolder(word) } : { name: parseName(word) },
  );
  const required = new Set(places.flatMap(({ name }) => name ?? []));
  const reading = new Reading(safe, required, failed);
  for (const { name, folder } of places) {
    if (folder === undefined) yield* reading.secrets([name]);
    else if (safe.bulk === undefined) yield* reading.secrets(namesBelow(safe, folder));
    else yield* reading.below(safe.bulk, folder);
  }
}

interface Failure {
  readonly name: string;
  readonly error: CofferError;
}

class Reading {
  readonly #safe: SecretSafe;
  readonly #failed: OnFailure | undefined;
  /** Named themselves, so that they must be there. */
  readonly #required: ReadonlySet<string>;
  readonly #seen = new Set<string>();

  constructor(safe: SecretSafe, required: ReadonlySet<string>, failed: OnFailure | undefined) {
    this.#safe = safe;
    this.#required = required;
    this.#failed = failed;
  }

  /** Reads several at once, and gives them in their order. */
  async *secrets(names: Iterable<string> | AsyncIterable<string>): AsyncGenerator<NamedSecret> {
    const underWay: Promise<NamedSecret | undefined>[] = [];
    for await (const name of names) {
      if (!this.#isNew(name)) continue;
      const reading = this.#one(name);
      // It is awaited in its turn, unless one before it ends all.
      reading.catch(() => undefined);
      underWay.push(reading);
      if (underWay.length === abreast) yield* present(await underWay.shift());
    }
    for (const reading of underWay) yield* present(await reading);
  }

  async *below(bulk: BulkReader, folder: string): AsyncGenerator<NamedSecret> {
    const failures: Failure[] = [];
    let isEmpty = true;
    for await (const outcome of bulk.below(folder)) {
      isEmpty = false;
      const { name } = outcome;
      if (!this.#isNew(name)) continue;
      if (outcome.kind === 'read') {
        if (failures.length === 0) yield { name, data: outcome.data };
      } else if (this.#failed !== undefined) this.#failed(name, outcome.error);
      else if (failures.push({ name, error: outcome.error }) >= mostFailures) break;
    }
    if (failures.length > 0) throw incomplete(failures);
    if (isEmpty) throw nothingBelow(this.#safe, folder);
  }

  #isNew(name: string): boolean {
    return this.#seen.size !== this.#seen.add(name).size;
  }

  async #one(name: string): Promise<NamedSecret | undefined> {
    try {
      return await readOne(this.#safe, name, this.#required.has(name));
    } catch (thrown) {
      const error = asCofferError(thrown);
      if (this.#failed === undefined || !['permission_denied', 'wrong_key', 'integrity'].includes(error.code))
        throw thrown;
      this.#failed(name, error);
      return undefined;
    }
  }
}

function present<T>(value: T | undefined): readonly T[] {
  return value === undefined ? [] : [value];
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

async function* namesBelow(safe: SecretSafe, folder: string): AsyncGenerator<string> {
  let isEmpty = true;
  for await (const name of secretsBelow(safe, folder)) {
    isEmpty = false;
    yield name;
  }
  if (!isEmpty) return;
  await safe.requireUsable(folder);
  throw nothingBelow(safe, folder);
}

function nothingBelow(safe: SecretSafe, folder: string): CofferError {
  return new CofferError('not_found', `there are no secrets below ${folder === '' ? safe.title : folder}`);
}

/** Names that a message repeats. */
const mostNamed = 10;

function incomplete(failures: readonly Failure[]): CofferError {
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
