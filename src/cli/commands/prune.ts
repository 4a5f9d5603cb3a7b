import { usageError } from '../args.ts';
import { defineCommand } from '../command.ts';
import { confirmed } from '../confirm.ts';
import { openSafe } from '../context.ts';
import { safeOptions, yesOption } from '../options.ts';
import { type History, isReadable } from '../secret-history.ts';
import { parseName } from '../secret-name.ts';
import type { SecretSafe } from '../secret-safe.ts';

export const command = defineCommand({
  summary: 'Destroy old versions of secrets for good',
  details: [
    'The newest version that can be read stays, or the newest --keep of them, and everything newer; all older ' +
      'versions are destroyed. Asks first at a terminal; elsewhere it needs --yes. --dry-run says what it would be.',
  ],
  operands: { NAME: 'some' },
  options: {
    keep: { type: 'integer', value: 'N', help: 'readable versions that stay (1)' },
    'dry-run': { type: 'flag', help: 'only say what would be destroyed' },
    ...yesOption,
    ...safeOptions,
  },
  examples: ['coffer prune db', 'coffer prune db web --keep 3 --dry-run'],
  async run({ options, operands }, shell) {
    const keep = options.keep ?? 1;
    if (keep === 0)
      throw usageError('prune', '--keep must be at least 1; `coffer delete --all` removes a secret');
    const names = [...new Set(operands.NAME.map(parseName))];
    const safe = await openSafe(shell, options);
    const plan: Pruning[] = [];
    for (const name of names) plan.push(pruning(name, await safe.history(name), keep, shell.now()));
    const dryRun = options['dry-run'];
    const count = plan.reduce((sum, { versions }) => sum + versions.length, 0);
    if (!dryRun && count > 0) {
      const what = plan.filter(({ versions }) => versions.length > 0).map(worded);
      await confirmed(shell, options.yes, `destroy ${what.join('; ')} for good?`);
    }
    if (!dryRun) for (const each of plan) await prune(safe, each);
    const text = plan.map(({ name, versions }) =>
      versions.length === 0
        ? `${name}: nothing to prune`
        : `${name}: version ${versions.join(', ')} ${dryRun ? 'would be ' : ''}destroyed`,
    );
    shell.ui.done(text.join('\n'), {
      dry_run: dryRun,
      pruned: plan.map(({ name, versions }) => ({ name, versions })),
    });
  },
});

interface Pruning {
  readonly name: string;
  readonly versions: readonly number[];
}

/** What is older than the oldest version that stays. */
function pruning(name: string, { versions }: History, keep: number, now: number): Pruning {
  const readable = versions.filter((entry) => isReadable(entry, now));
  const oldest = readable.at(-keep) ?? readable[0];
  if (oldest === undefined) return { name, versions: [] };
  const old = versions.filter(({ version, destroyed }) => version < oldest.version && !destroyed);
  return { name, versions: old.map(({ version }) => version) };
}

async function prune(safe: SecretSafe, { name, versions }: Pruning): Promise<void> {
  if (versions.length > 0) await safe.destroy(name, versions);
  await safe.sweep?.(name);
}

function worded({ name, versions }: Pruning): string {
  return `version${versions.length === 1 ? '' : 's'} ${versions.join(', ')} of ${name}`;
}
