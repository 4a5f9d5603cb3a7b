import { CofferError } from '../../errors.ts';
import { usageError } from '../args.ts';
import { defineCommand } from '../command.ts';
import { openSafe } from '../context.ts';
import { fieldChanges } from '../field-changes.ts';
import { safeOptions } from '../options.ts';
import { type History, isReadable } from '../secret-history.ts';
import { parseName } from '../secret-name.ts';

export const command = defineCommand({
  summary: 'Store an earlier version again as the newest',
  details: [
    'Without --to and --at it is the newest version before the current one that can be read. Nothing is lost: a ' +
      'new version is written, equal to the old one, and only if nobody else writes meanwhile.',
  ],
  operands: { NAME: 'one' },
  options: {
    to: { type: 'integer', value: 'N', help: 'the version to store again' },
    at: { type: 'text', value: 'TIME', help: 'the version of that time, such as 2026-03-01T12:00:00Z' },
    ...safeOptions,
  },
  examples: [
    'coffer rollback db',
    'coffer rollback db --to 3',
    'coffer rollback db --at 2026-03-01T12:00:00Z',
  ],
  async run({ options, operands }, shell) {
    const name = parseName(operands.NAME);
    if (options.to !== undefined && options.at !== undefined) {
      throw usageError('rollback', '--to and --at say the same; leave one out');
    }
    const at = options.at === undefined ? undefined : parseTime(options.at);
    const safe = await openSafe(shell, options);
    const history = await safe.history(name);
    const version = options.to ?? chosen(name, history, at, shell.now());
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
  },
});

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
