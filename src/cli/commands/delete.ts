import { CofferError } from '../../errors.ts';
import { usageError } from '../args.ts';
import { defineCommand } from '../command.ts';
import { confirmed } from '../confirm.ts';
import { openSafe } from '../context.ts';
import { moveSecrets } from '../move-secrets.ts';
import { safeOptions, yesOption } from '../options.ts';
import { isFolder, parseFolder } from '../secret-name.ts';
import type { SecretSafe } from '../secret-safe.ts';
import type { Shell } from '../shell.ts';
import { parseVersions } from '../versions.ts';

export const command = defineCommand({
  summary: 'Delete a secret or some of its versions',
  details: [
    'Without options the latest version is deleted; `coffer undelete` brings deleted versions back. --destroy ' +
      'and --all are for good. They and --recursive ask first at a terminal; elsewhere they need --yes.',
    '--recursive does it to all secrets below NAME/, as a job of the server. --dry-run says what that would be.',
  ],
  operands: { NAME: 'one' },
  options: {
    versions: { type: 'text', value: 'LIST', help: 'these versions, such as 1,2' },
    destroy: { type: 'flag', help: 'destroy the versions named by --versions for good' },
    all: { type: 'flag', help: 'all versions and the name itself, for good' },
    recursive: { type: 'flag', short: 'r', help: 'all secrets below NAME/' },
    'dry-run': { type: 'flag', help: 'only say what would be deleted' },
    ...yesOption,
    ...safeOptions,
  },
  async run({ options, operands }, shell) {
    const name = operands.NAME;
    const versions = options.versions === undefined ? undefined : parseVersions(options.versions);
    refuseContradictions({ ...options, versions });
    if (isFolder(name) !== options.recursive) {
      throw usageError('delete', 'all below a name is deleted with both: coffer delete --recursive NAME/');
    }
    const safe = await openSafe(shell, options);
    if (options['dry-run'] && !options.recursive) {
      await tellPlan(shell, safe, name, options, versions);
    } else if (options.recursive) {
      const { 'dry-run': dryRun, all: forGood, yes } = options;
      const order = { verb: 'delete', from: parseFolder(name), recursive: true, overwrite: false } as const;
      await moveSecrets(shell, safe, { ...order, forGood, dryRun }, yes);
    } else if (options.all) {
      await confirmed(shell, options.yes, `delete ${name} with all its versions for good?`);
      await safe.remove(name);
      shell.ui.done(`${name}: nothing of it is left`, { name, deleted: 'all' });
    } else if (versions !== undefined) {
      if (options.destroy)
        await confirmed(shell, options.yes, `destroy versions ${versions.join(', ')} of ${name} for good?`);
      await (options.destroy ? safe.destroy(name, versions) : safe.delete(name, versions));
      tellVersions(shell, name, options.destroy ? 'destroyed' : 'deleted', versions);
    } else {
      await safe.delete(name);
      const message = `${name}: latest version deleted; \`coffer undelete\` brings it back`;
      shell.ui.done(message, { name, deleted: 'latest' });
    }
  },
});

interface Wishes {
  readonly versions: readonly number[] | undefined;
  readonly destroy: boolean;
  readonly all: boolean;
  readonly recursive: boolean;
}

function refuseContradictions({ versions, destroy, all, recursive }: Wishes): void {
  if (recursive && (destroy || versions !== undefined)) {
    throw usageError('delete', '--recursive goes with --all, not with --versions and --destroy');
  }
  if (all && (versions !== undefined || destroy)) {
    throw usageError('delete', '--all deletes everything; leave --versions and --destroy out');
  }
  if (destroy && versions === undefined) throw usageError('delete', '--destroy needs --versions');
}

/** What there is to delete, as far as the history tells; nothing is done. Throws `not_found` as the deletion would. */
async function tellPlan(
  shell: Shell,
  safe: SecretSafe,
  name: string,
  { all, destroy }: Pick<Wishes, 'all' | 'destroy'>,
  versions: readonly number[] | undefined,
): Promise<void> {
  const history = await safe.history(name);
  const known = history.versions.filter(({ destroyed }) => !destroyed).map(({ version }) => version);
  const wanted = all ? known : (versions ?? [history.current]);
  const missing = wanted.filter((version) => !known.includes(version));
  if (missing.length > 0) {
    throw new CofferError('not_found', `${name} has no version ${missing.join(', ')} that is not destroyed`);
  }
  const which = all ? `all of it (version ${wanted.join(', ') || 'none'})` : `version ${wanted.join(', ')}`;
  shell.ui.done(`${name}: ${which} would be ${destroy || all ? 'destroyed for good' : 'deleted'}`, {
    name,
    dry_run: true,
    versions: wanted,
    for_good: destroy || all,
  });
}

function tellVersions(
  shell: Shell,
  name: string,
  done: 'destroyed' | 'deleted',
  versions: readonly number[],
): void {
  const which = `version${versions.length === 1 ? '' : 's'} ${versions.join(', ')}`;
  shell.ui.done(`${name}: ${which} ${done}`, { name, [done]: versions });
}
