import { CofferError } from '../../errors.ts';
import { defineCommand } from '../command.ts';
import { openSafe } from '../context.ts';
import { safeOptions } from '../options.ts';
import type { Version } from '../secret-history.ts';

export const command = defineCommand({
  summary: "List a secret's versions",
  operands: { NAME: 'one' },
  options: safeOptions,
  async run({ options, operands }, shell) {
    const safe = await openSafe(shell, options);
    const history = await safe.history(operands.NAME);
    if (history.versions.length === 0) {
      throw new CofferError('not_found', `there are no versions of ${operands.NAME}`);
    }
    shell.ui.table(
      ['VERSION', 'CREATED', 'STATE'],
      history.versions.map((entry) => [
        String(entry.version),
        entry.created_time,
        state(entry, history.current),
      ]),
      { current_version: history.current, versions: history.versions.map((entry) => ({ ...entry })) },
    );
  },
});

function state(entry: Version, current: number): string {
  if (entry.destroyed) return 'destroyed';
  if (entry.deletion_time !== '') return `deleted ${entry.deletion_time}`;
  return entry.version === current ? 'current' : '';
}
