/**
 * Taking the secrets of an installation of dssss along, each with its roles, to a mount whose secrets list who may read them. One after
 * the other; each is compared with what is there afterwards. Cut off anywhere, the same command goes on: what is there already is left
 * alone. Nothing of the installation is changed.
 */
import { type InstalledSecret, openInstallation } from '../dssss/installation.ts';
import { asCofferError, CofferError, type ErrorCode } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { bareField, encodeValue, secretOf } from '../secret-value.ts';
import { confirmed } from './confirm.ts';
import { readersOf } from './mount-readers.ts';
import { openProgress, type Progress } from './progress.ts';
import { sameJson } from './same-json.ts';
import { below, nameProblem } from './secret-name.ts';
import type { Readers, SecretSafe } from './secret-safe.ts';
import type { Shell } from './shell.ts';

export interface DssssWishes {
  readonly dryRun: boolean;
  readonly yes: boolean;
  /** Who the caller is, as lists have it: on each list while its secret is read back. Undefined where nobody says. */
  readonly verifyAs: string | undefined;
}

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
  'unsupported_operation',
];

/** What became of a secret; `listed` is one whose list could be compared and whose value the caller may not read. */
type State = 'new' | 'same' | 'listed';

interface Row {
  readonly name: string;
  readonly state: State | 'failed';
  readonly roles: readonly string[];
  readonly problem: string;
}

/**
 * @param source `dssss`, with `region`, `profile`, `endpoint`, `role_arn` and `external_id` behind `?`
 * @param folder below which they go; `''` is the whole safe
 * @throws what ended it, with how far it went; or, with all others stored, what the first secret failed with
 */
export async function importDssss(
  shell: Shell,
  source: string,
  safe: SecretSafe,
  folder: string,
  wishes: DssssWishes,
): Promise<void> {
  using installation = await openInstallation({ source, env: shell.env });
  if (!installation.active) shell.ui.warn(`the config of ${installation.title} says that it is not active`);
  if (!wishes.dryRun) {
    const goal = folder === '' ? safe.title : `${safe.title}/${folder}`;
    const question = `store every secret of ${installation.title} in ${goal}, with its roles?`;
    await confirmed(shell, wishes.yes, question, 'this changes secrets');
  }
  const progress = openProgress(shell);
  const work = new DssssImport(safe, folder, wishes, progress);
  try {
    await work.run(installation.secrets());
  } finally {
    progress.close();
  }
  tell(shell, work.rows, wishes);
}

class DssssImport {
  readonly rows: Row[] = [];
  readonly #safe: SecretSafe;
  readonly #readers: Readers;
  readonly #folder: string;
  readonly #wishes: DssssWishes;
  readonly #progress: Progress;

  constructor(safe: SecretSafe, folder: string, wishes: DssssWishes, progress: Progress) {
    this.#safe = safe;
    this.#readers = readersOf(safe);
    this.#folder = folder;
    this.#wishes = wishes;
    this.#progress = progress;
  }

  async run(secrets: AsyncIterable<InstalledSecret>): Promise<void> {
    try {
      for await (const secret of secrets) {
        await this.#one(secret);
        this.#progress.show(this.rows.length, undefined);
      }
    } catch (thrown) {
      const error = asCofferError(thrown);
      const far = `${this.rows.length} were looked at; the same command goes on`;
      throw new CofferError(error.code, `the import stopped: ${error.message}; ${far}`, { cause: error });
    }
  }

  async #one(installed: InstalledSecret): Promise<void> {
    const { name } = installed;
    try {
      if (installed.kind === 'failed') throw installed.error;
      const { secret, roles } = installed;
      const data = secretOf([[bareField, encodeValue(secret)]]);
      secret.fill(0);
      const state = await this.#carry(below(this.#folder, name), data, [...new Set(roles)]);
      this.rows.push({ name, state, roles, problem: '' });
    } catch (thrown) {
      const { code, message } = asCofferError(thrown);
      if (ofThePlace.includes(code)) throw thrown;
      this.rows.push({ name, state: 'failed', roles: [], problem: message });
    }
  }

  async #carry(name: string, data: JsonObject, roles: readonly string[]): Promise<State> {
    const problem = nameProblem(name);
    if (problem !== undefined) throw new CofferError('invalid_request', problem);
    const there = await absentAs(() => this.#readers.show(name));
    if (there !== undefined) return this.#compare(name, data, roles, there);
    if (this.#wishes.dryRun) return 'new';
    const own = this.#ownWord(roles);
    await this.#readers.write(name, data, own === undefined ? roles : [...roles, own], 0);
    const stored = await this.#readers.show(name);
    const state = await this.#compare(name, data, roles, stored);
    return state === 'same' ? 'new' : state;
  }

  /** Throws `conflict` for another value or list than that of dssss. */
  async #compare(
    name: string,
    data: JsonObject,
    roles: readonly string[],
    shown: readonly string[],
  ): Promise<State> {
    const own = this.#ownWord(roles);
    const listed = shown.filter((word) => word !== own).map(bareRole);
    if (!sameNames(listed, roles))
      throw new CofferError('conflict', 'there is another list of roles under that name already');
    // Whoever puts itself there takes itself off again, also where the last run did not come that far.
    const isThere = shown.some((word) => word === own);
    if (own !== undefined && !isThere) await this.#readers.change(name, 'add', [own]);
    const value = await deniedAs(() => this.#safe.current(name));
    if (own !== undefined) await this.#readers.change(name, 'remove', [own]);
    if (value === undefined) return 'listed';
    if (value.data !== undefined && sameJson(value.data, data)) return 'same';
    throw new CofferError('conflict', 'there is another value under that name already; it is left as it is');
  }

  /** The caller's own, where dssss did not list it; none in a rehearsal, which changes nothing. */
  #ownWord(roles: readonly string[]): string | undefined {
    const { dryRun, verifyAs } = this.#wishes;
    return dryRun || verifyAs === undefined || roles.includes(verifyAs) ? undefined : verifyAs;
  }
}

/** A role of the own account, as dssss called it. */
function bareRole(word: string): string {
  return /:role\/([^/]+)$/.exec(word)?.[1] ?? word;
}

function sameNames(left: readonly string[], right: readonly string[]): boolean {
  return sameJson(left.toSorted(), right.toSorted());
}

function absentAs<T>(ask: () => Promise<T>): Promise<T | undefined> {
  return unless('not_found', ask);
}

function deniedAs<T>(ask: () => Promise<T>): Promise<T | undefined> {
  return unless('permission_denied', ask);
}

async function unless<T>(code: ErrorCode, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (thrown) {
    if (asCofferError(thrown).code !== code) throw thrown;
    return undefined;
  }
}

/** Names, roles and problems, without values. Throws where a secret was left behind. */
function tell(shell: Shell, rows: readonly Row[], { dryRun, verifyAs }: DssssWishes): void {
  const of = (state: Row['state']) => rows.filter((row) => row.state === state);
  const [fresh, same, listed, failed] = [of('new'), of('same'), of('listed'), of('failed')];
  if (dryRun) {
    const cells = rows.map(({ name, state, roles, problem }) => [name, state, problem || roles.join(' ')]);
    shell.ui.table(
      ['SECRET', 'STATE', 'ROLES'],
      cells,
      rows.map((row) => ({ ...row })),
    );
  } else {
    for (const { name, problem } of failed) shell.ui.warn(`${name} was not stored: ${problem}`);
    if (listed.length > 0 && verifyAs === undefined) {
      shell.ui.warn(
        `${listed.length} could not be read back, because you are on no list: their roles were compared, and their values were not (--verify-as)`,
      );
    }
    if (failed.length === 0) {
      shell.ui.done(`${fresh.length} stored, ${same.length} unchanged, ${listed.length} not read back`, {
        stored: fresh.length,
        unchanged: same.length,
        not_read_back: listed.length,
      });
    }
  }
  if (failed.length === 0) return;
  const names = failed.slice(0, 10).map(({ name, problem }) => `${name} (${problem})`);
  throw new CofferError(
    'integrity',
    `${failed.length} of ${rows.length} secrets ${dryRun ? 'could not be taken along' : 'were not stored'}: ${names.join('; ')}${
      failed.length > names.length ? ' and more' : ''
    }`,
  );
}
