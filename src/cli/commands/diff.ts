import { CofferError } from '../../errors.ts';
import type { JsonObject, JsonValue } from '../../json.ts';
import { decodeValue } from '../../secret-value.ts';
import { usageError } from '../args.ts';
import { defineCommand } from '../command.ts';
import { openSafe } from '../context.ts';
import { changeSigns, type FieldChange, fieldChanges } from '../field-changes.ts';
import { safeOptions } from '../options.ts';
import { isReadable } from '../secret-history.ts';
import { parseName } from '../secret-name.ts';
import type { SecretSafe, SecretVersion } from '../secret-safe.ts';
import type { Shell } from '../shell.ts';
import { escapeLine } from '../terminal-text.ts';

export const command = defineCommand({
  summary: 'Show which fields differ between versions or secrets',
  details: [
    'With one NAME its current version is held against the one before it, or --from against --to. With two names ' +
      'their current versions are. Signs: + added, - removed, ~ changed. Values are not shown, unless ' +
      '--show-values asks for them.',
  ],
  operands: { NAME: 'one', OTHER: 'optional' },
  options: {
    from: { type: 'integer', value: 'N', help: 'version to begin with' },
    to: { type: 'integer', value: 'N', help: 'version to compare with; the current one unless told' },
    'show-values': { type: 'flag', help: 'print the values too' },
    ...safeOptions,
  },
  examples: ['coffer diff db', 'coffer diff db --from 3 --to 7', 'coffer diff staging/db prod/db'],
  async run({ options, operands }, shell) {
    const name = parseName(operands.NAME);
    const other = operands.OTHER === undefined ? undefined : parseName(operands.OTHER);
    const safe = await openSafe(shell, options);
    if (other !== undefined) {
      const from = await safe.read(name, options.from);
      const to = await safe.read(other, options.to);
      return print(shell, { name, ...from }, { name: other, ...to }, options['show-values']);
    }
    const to = await safe.read(name, options.to);
    const before = options.from ?? (await versionBefore(shell, safe, name, to.version));
    const from = await safe.read(name, before);
    print(shell, { name, ...from }, { name, ...to }, options['show-values']);
  },
});

/** The newest version before another that can be read. */
async function versionBefore(shell: Shell, safe: SecretSafe, name: string, version: number): Promise<number> {
  const { versions } = await safe.history(name);
  const before = versions.findLast((entry) => entry.version < version && isReadable(entry, shell.now()));
  if (before !== undefined) return before.version;
  throw version === 1
    ? usageError('diff', `${name} has one version only; name another secret to compare it with`)
    : new CofferError('not_found', `no version of ${name} before ${version} can be read`);
}

type Side = SecretVersion & { readonly name: string };

function print(shell: Shell, from: Side, to: Side, showValues: boolean): void {
  const changes = fieldChanges(from.data, to.data);
  const { ui } = shell;
  if (ui.format === 'json') {
    ui.json(documentOf(from, to, changes, showValues));
    return;
  }
  ui.talk(`from ${from.name} version ${from.version} to ${to.name} version ${to.version}`);
  if (changes.length === 0) ui.talk('no difference');
  ui.painted(changes.flatMap((change) => linesOf(change, from.data, to.data, showValues)));
}

type Line = readonly [FieldChange['kind'], string];

function linesOf(
  { kind, field }: FieldChange,
  from: JsonObject,
  to: JsonObject,
  showValues: boolean,
): readonly Line[] {
  const shown = escapeLine(field);
  if (!showValues) return [[kind, `${changeSigns[kind]} ${shown}`]];
  const removed: Line = ['removed', `- ${shown}: ${shownValue(from[field])}`];
  const added: Line = ['added', `+ ${shown}: ${shownValue(to[field])}`];
  if (kind === 'changed') return [removed, added];
  return kind === 'added' ? [added] : [removed];
}

/** On one line, and steering nothing: whoever wrote the value does not write to this terminal. */
function shownValue(stored: JsonValue | undefined): string {
  const value = decodeValue(stored ?? null);
  return value.kind === 'binary' ? `(${value.bytes.length} bytes)` : escapeLine(value.text);
}

function documentOf(from: Side, to: Side, changes: readonly FieldChange[], showValues: boolean): JsonObject {
  const side = ({ name, version }: Side) => ({ name, version });
  return {
    from: side(from),
    to: side(to),
    changes: changes.map(({ kind, field }) => ({
      kind,
      field,
      ...(showValues && kind !== 'added' ? { from: from.data[field] ?? null } : {}),
      ...(showValues && kind !== 'removed' ? { to: to.data[field] ?? null } : {}),
    })),
  };
}
