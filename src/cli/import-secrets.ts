/** Storing several secrets: what would change first, then one checked write each. */
import { asCofferError, CofferError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { confirmed } from './confirm.ts';
import { changeSigns, type FieldChange, fieldChanges } from './field-changes.ts';
import type { NamedSecret } from './format/format.ts';
import { writeSecret } from './mount-readers.ts';
import { mergePatch } from './patch-secret.ts';
import { openProgress } from './progress.ts';
import type { CurrentSecret, SecretSafe } from './secret-safe.ts';
import type { Shell } from './shell.ts';

export interface ImportWishes {
  /** Keep fields that are not given. */
  readonly patch: boolean;
  readonly dryRun: boolean;
  readonly yes: boolean;
  /** Who may read each of them; undefined leaves lists as they are. */
  readonly roles?: string | undefined;
}

export interface Change {
  readonly name: string;
  readonly kind: 'new' | 'changed' | 'same';
  readonly fields: readonly FieldChange[];
  readonly data: JsonObject;
  /** The version that was looked at; the write is refused when another is current. */
  readonly version: number;
}

/** Throws what the first write that fails throws, with how far it went. What is already as it should be is not written. */
export async function importSecrets(
  shell: Shell,
  safe: SecretSafe,
  secrets: readonly NamedSecret[],
  { patch, dryRun, yes, roles }: ImportWishes,
): Promise<void> {
  const changes: Change[] = [];
  for (const secret of secrets) changes.push(await changeOf(safe, secret, patch, roles !== undefined));
  const due = changes.filter(({ kind }) => kind !== 'same');
  if (dryRun) return showChanges(shell, changes);
  if (due.length > 0 && !yes) {
    if (shell.ui.format === 'text') showChanges(shell, changes);
    await confirmed(shell, yes, `store ${counted(due.length)} in ${safe.title}?`, 'this changes secrets');
  }
  await writeAll(shell, safe, due, roles);
  const same = changes.length - due.length;
  shell.ui.done(`${counted(due.length)} stored${same === 0 ? '' : `, ${same} unchanged`}`, {
    stored: due.map(({ name }) => name),
    unchanged: same,
  });
}

/** What storing a secret would change, judged by what is there now. */
export async function changeOf(
  safe: SecretSafe,
  { name, data }: NamedSecret,
  patch: boolean,
  listed = false,
): Promise<Change> {
  const current = await (listed ? readableNow(safe, name) : safe.current(name));
  const goal = patch && current.data !== undefined ? mergePatch(current.data, data) : data;
  const fields = fieldChanges(current.data ?? {}, goal);
  const kind = current.data === undefined ? 'new' : fields.length === 0 ? 'same' : 'changed';
  return { name, kind, fields, data: goal, version: current.version };
}

/** Who may put a name on lists need not be on them: what it may not see counts as new, which the write's check decides. */
export async function readableNow(safe: SecretSafe, name: string): Promise<CurrentSecret> {
  try {
    return await safe.current(name);
  } catch (thrown) {
    if (asCofferError(thrown).code !== 'permission_denied') throw thrown;
    return { data: undefined, version: 0 };
  }
}

async function writeAll(
  shell: Shell,
  safe: SecretSafe,
  due: readonly Change[],
  roles: string | undefined,
): Promise<void> {
  const progress = due.length > 1 ? openProgress(shell) : undefined;
  try {
    for (const [index, { name, data, version }] of due.entries()) {
      progress?.show(index, due.length);
      await writeSecret(safe, name, data, { roles, cas: version }).catch((thrown: unknown) => {
        throw stopped(asCofferError(thrown), name, index, due.length);
      });
    }
  } finally {
    progress?.close();
  }
}

function stopped(error: CofferError, name: string, done: number, all: number): CofferError {
  const rest = all > 1 ? `; ${done} of ${all} are stored, and the same command goes on with the others` : '';
  return new CofferError(error.code, `${name} was not stored: ${error.message}${rest}`, { cause: error });
}

/** Names of secrets and fields, without values. */
export function showChanges(shell: Shell, changes: readonly Change[]): void {
  shell.ui.table(
    ['SECRET', 'CHANGE', 'FIELDS'],
    changes.map(({ name, kind, fields }) => [
      name,
      kind,
      fields.map((change) => changeSigns[change.kind] + change.field).join(' '),
    ]),
    changes.map(({ name, kind, fields }) => ({
      name,
      change: kind,
      fields: fields.map((change) => ({ kind: change.kind, field: change.field })),
    })),
  );
}

function counted(count: number): string {
  if (count === 0) return 'nothing';
  return count === 1 ? 'one secret' : `${count} secrets`;
}
