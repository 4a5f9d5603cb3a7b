import { CofferError } from '../../errors.ts';
import { usageError } from '../args.ts';
import { defineCommand } from '../command.ts';
import { openSafe } from '../context.ts';
import { fieldChanges } from '../field-changes.ts';
import { moveSecrets } from '../move-secrets.ts';
import { safeOptions, yesOption } from '../options.ts';
import { type History, isReadable } from '../secret-history.ts';
import { isFolder, parseFolder, parseName } from '../secret-name.ts';
import type { SecretSafe } from '../secret-safe.ts';
import type { Shell } from '../shell.ts';

export const command = defineCommand({
  summary: 'Store an earlier version again as the newest',
  details: [
    'Without --to and --at it is the newest version before the current one that can be read. Nothing is lost: a ' +
      'new version is written, equal to the old one, and only if nobody else writes meanwhile.',
    '--recursive --at TIME gives all secrets below NAME/ the values of that time, as a job of the server. Those that ' +
      'have them still stay as they are. Those that were made later, or deleted then, are named and left, and the ' +
      'command then ends with 6.',
  ],
  operands: { NAME: 'one' },
  options: {
    to: { type: 'integer', value: 'N', help: 'the version to store again' },
    at: { type: 'text', value: 'TIME', help: 'the version of that time, such as 2026-03-01T12:00:00Z' },
    recursive: { type: 'flag', short: 'r', help: 'all secrets below NAME/; goes with --at' },
    'dry-run': { type: 'flag', help: 'with --recursive: only say what would be restored' },
    ...yesOption,
    ...safeOptions,
  },
  examples: [
    'coffer rollback db',
    'coffer rollback db --to 3',
    'coffer rollback db --at 2026-03-01T12:00:00Z',
    'coffer rollback --recursive --at 2026-03-01T12:00:00Z shop/',
  ],
  async run({ options, operands }, shell) {
    refuseContradictions(options, operands.NAME);
    const at = options.at === undefined ? undefined : parseTime(options.at);
    if (at !== undefined && options.recursive) {
      const { 'dry-run': dryRun, yes } = options;
      const from = parseFolder(operands.NAME);
      const order = { verb: 'restore', from, at, recursive: true, overwrite: false, forGood: false } as const;
      await moveSecrets(shell, await openSafe(shell, options), { ...order, dryRun }, yes);
      return;
    }
    const name = parseName(operands.NAME);
    await storeAgain(shell, await openSafe(shell, options), name, options.to, at);
  },
});

interface Wishes {
  readonly to: number | undefined;
  readonly at: string | undefined;
  readonly recursive: boolean;
  readonly 'dry-run': boolean;
}

function refuseContradictions({ to, at, recursive, ...others }: Wishes, name: string): void {
  if (to !== undefined && at !== undefined) {
    throw usageError('rollback', '--to and --at say the same; leave one out');
  }
  if (isFolder(name) !== recursive) {
    const both = 'coffer rollback --recursive --at TIME NAME/';
    throw usageError('rollback', `all below a name is rolled back with both: ${both}`);
  }
  if (recursive && at === undefined) {
    throw usageError('rollback', '--recursive needs --at: versions are numbered for each secret by itself');
  }
  if (others['dry-run'] && !recursive) throw usageError('rollback', '--dry-run goes with --recursive');
}

async function storeAgain(
  shell: Shell,
  safe: SecretSafe,
  name: string,
  to: number | undefined,
  at: number | undefined,
): Promise<void> {
  const history = await safe.history(name);
  const version = to ?? chosen(name, history, at, shell.now());
  const { data } = await safe.read(name, version);
  if (version === history.current) {
    shell.ui.done(`${name}: version ${version} is the current one; nothing to do`, { name, version });
    return;
  }
  const current = await safe.current(name);
  if (current.version !== history.current) throw new CofferError('conflict', `${name} changed meanwhile`);
  if (current.data !== undefined && fieldChanges(current.data, data).length === 0) {
    const same = `${name}: version ${version} is equal to the current one; nothing to do`;
    shell.ui.done(same, { name, version: history.current, equal_to: version });
    return;
  }
  const stored = await safe.write(name, data, history.current);
  const made = stored['version'] ?? null;
  shell.ui.done(`${name}: version ${String(made)} stored, equal to version ${version}`, {
    name,
    version: made,
    equal_to: version,
  });
}

/** RFC 3339 with a zone: a time without one means another moment on each machine. */
function parseTime(text: string): number {
  const shape = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/i;
  const time = shape.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) {
    throw usageError('rollback', '--at must be a time with its zone, such as 2026-03-01T12:00:00Z');
  }
  return time;
}

function chosen(name: string, history: History, at: number | undefined, now: number): number {
  const { versions, current } = history;
  const found =
    at === undefined
      ? versions.findLast((entry) => entry.version < current && isReadable(entry, now))
      : versions.findLast((entry) => Date.parse(entry.created_time) <= at);
  if (found !== undefined) return found.version;
  throw new CofferError(
    'not_found',
    at === undefined
      ? `there is no earlier version of ${name} that can be read`
      : `no version of ${name} is left from that time; the oldest is of ${versions[0]?.created_time ?? 'never'}`,
  );
}
