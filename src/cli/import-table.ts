/**
 * Storing every secret of a table somewhere else, one after the other as they are read: what is held is the few that are under way.
 * Each is read back before it counts as stored. Cut off anywhere, the same command goes on: what is there already is read, found to
 * be the same, and left alone.
 */
import { asCofferError, CofferError, type ErrorCode } from '../errors.ts';
import { confirmed } from './confirm.ts';
import { type Change, changeOf, type ImportWishes, readableNow, showChanges } from './import-secrets.ts';
import { writeSecret } from './mount-readers.ts';
import { openProgress, type Progress } from './progress.ts';
import { sameJson } from './same-json.ts';
import { below, nameProblem } from './secret-name.ts';
import type { BulkOutcome, SecretSafe } from './secret-safe.ts';
import type { Shell } from './shell.ts';

/** Secrets under way at once. */
const abreast = 8;
/** Failures of single secrets before the rest is given up. */
const mostFailures = 50;
/** Names that a message repeats. */
const mostNamed = 10;

/** What says something of the place, and so of every secret that would come next. */
const ofThePlace: readonly ErrorCode[] = [
  'unavailable',
  'rate_limited',
  'request_timeout',
  'sealed',
  'not_initialized',
  'store_unusable',
  'storage_full',
  'internal',
];

interface Failure {
  readonly name: string;
  readonly error: CofferError;
}

/**
 * @param folder below which they go; `''` is the whole safe
 * @throws what ended it, with how far it went; or, with all others stored, what the first secret failed with, naming each
 */
export async function importTable(
  shell: Shell,
  source: SecretSafe,
  target: SecretSafe,
  folder: string,
  wishes: ImportWishes,
): Promise<void> {
  if (!wishes.dryRun) {
    const goal = folder === '' ? target.title : `${target.title}/${folder}`;
    const question = `store every secret of ${source.title} below ${goal}?`;
    await confirmed(shell, wishes.yes, question, 'this changes secrets');
  }
  const progress = openProgress(shell);
  const work = new TableImport(target, folder, wishes, progress);
  try {
    await work.run(source.bulk?.below('') ?? []);
  } finally {
    progress.close();
  }
  if (wishes.dryRun) showChanges(shell, work.changes);
  else if (work.failures.length === 0) {
    const { stored, same } = work;
    shell.ui.done(`${stored} stored, ${same} unchanged; all were read back`, { stored, unchanged: same });
  }
  if (work.failures.length > 0) throw work.incomplete(work.failures);
}

class TableImport {
  readonly failures: Failure[] = [];
  /** Of a rehearsal. */
  readonly changes: Change[] = [];
  stored = 0;
  same = 0;
  readonly #target: SecretSafe;
  readonly #folder: string;
  readonly #wishes: ImportWishes;
  readonly #progress: Progress;

  constructor(target: SecretSafe, folder: string, wishes: ImportWishes, progress: Progress) {
    this.#target = target;
    this.#folder = folder;
    this.#wishes = wishes;
    this.#progress = progress;
  }

  async run(outcomes: AsyncIterable<BulkOutcome> | Iterable<BulkOutcome>): Promise<void> {
    const rest = oneByOne(outcomes);
    let stopped = false;
    const work = async () => {
      try {
        for (let next = await rest(); next !== undefined && !stopped; next = await rest())
          await this.#one(next);
      } catch (error) {
        stopped = true;
        throw error;
      }
    };
    // All of them are waited for, so that nothing is written behind the back of what is told.
    const ends = await Promise.allSettled(Array.from({ length: abreast }, work));
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw this.#stopped(asCofferError(failed.reason));
  }

  incomplete(failures: readonly Failure[]): CofferError {
    const named = failures.slice(0, mostNamed).map(({ name, error }) => `${name} (${error.message})`);
    const more = failures.length > mostNamed ? `; and ${failures.length - mostNamed} more` : '';
    const count = failures.length === 1 ? 'one secret was' : `${failures.length} secrets were`;
    const others = this.#wishes.dryRun ? 'could be' : `were (${this.stored} now, ${this.same} before)`;
    return new CofferError(
      failures[0]?.error.code ?? 'internal',
      `${count} not stored, all others ${others}: ${named.join('; ')}${more}`,
      { cause: failures[0]?.error },
    );
  }

  async #one(outcome: BulkOutcome): Promise<void> {
    const { name } = outcome;
    try {
      if (outcome.kind === 'failed') throw outcome.error;
      await this.#store(below(this.#folder, name), outcome.data);
    } catch (thrown) {
      const error = asCofferError(thrown);
      if (ofThePlace.includes(error.code)) throw error;
      this.failures.push({ name, error });
      if (this.failures.length >= mostFailures) throw this.incomplete(this.failures);
    }
    this.#progress.show(this.stored + this.same, undefined);
  }

  async #store(name: string, data: Change['data']): Promise<void> {
    const problem = nameProblem(name);
    if (problem !== undefined) throw new CofferError('invalid_request', problem);
    const { patch, roles } = this.#wishes;
    const change = await changeOf(this.#target, { name, data }, patch, roles !== undefined);
    if (this.#wishes.dryRun) {
      // Only what is shown of it is kept: names, and no value.
      this.changes.push({ ...change, data: {} });
      return;
    }
    if (change.kind === 'same') {
      this.same++;
      return;
    }
    await writeSecret(this.#target, name, change.data, { roles, cas: change.version });
    const found = await this.#readBack(name, change, roles !== undefined);
    if (found === undefined || !sameJson(found, change.data)) {
      throw new CofferError(
        'integrity',
        'what was read back is not what was stored; somebody may have changed it',
      );
    }
    this.stored++;
  }

  /** Who puts others on a list may not read what it wrote; then the write's own answer has to do. */
  async #readBack(name: string, { data }: Change, listed: boolean): Promise<Change['data'] | undefined> {
    if (!listed) return (await this.#target.current(name)).data;
    return (await readableNow(this.#target, name)).data ?? data;
  }

  #stopped(error: CofferError): CofferError {
    const far = `${this.stored} are stored, ${this.same} were there; the same command goes on with the others`;
    return new CofferError(error.code, `the import stopped: ${error.message}; ${far}`, { cause: error });
  }
}

/** Several may ask; each gets another one, and undefined once there are no more. */
function oneByOne<T>(all: AsyncIterable<T> | Iterable<T>): () => Promise<T | undefined> {
  const iterator = Symbol.asyncIterator in all ? all[Symbol.asyncIterator]() : all[Symbol.iterator]();
  return async () => {
    const next = await iterator.next();
    return next.done === true ? undefined : next.value;
  };
}
