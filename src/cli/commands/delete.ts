import { asCofferError, CofferError } from '../../errors.ts';
import { usageError } from '../args.ts';
import { defineCommand } from '../command.ts';
import { confirmed } from '../confirm.ts';
import { openSafe } from '../context.ts';
import { safeOptions, yesOption } from '../options.ts';
import type { Safe } from '../safe.ts';
import { parseVersions } from '../versions.ts';

export const command = defineCommand({
  summary: 'Delete a secret or some of its versions',
  details: [
    'Without options the latest version is deleted; `coffer undelete` brings deleted versions back. --destroy ' +
      'and --all are for good, and ask first at a terminal; elsewhere they need --yes.',
  ],
  operands: { NAME: 'one' },
  options: {
    versions: { type: 'text', value: 'LIST', help: 'these versions, such as 1,2' },
    destroy: { type: 'flag', help: 'destroy the versions named by --versions for good' },
    all: { type: 'flag', help: 'all versions and the name itself, for good' },
    ...yesOption,
    ...safeOptions,
  },
  async run({ options, operands }, shell) {
    const name = operands.NAME;
    const versions = options.versions === undefined ? undefined : parseVersions(options.versions);
    if (options.all && (versions !== undefined || options.destroy)) {
      throw usageError('delete', '--all deletes everything; leave --versions and --destroy out');
    }
    if (options.destroy && versions === undefined) throw usageError('delete', '--destroy needs --versions');
    const safe = await openSafe(shell, options);
    if (options.all) {
      await confirmed(shell, options.yes, `delete ${name} with all its versions for good?`);
      await safe.client.request('DELETE', safe.path('metadata', name));
      shell.ui.done(`${name}: nothing of it is left`, { name, deleted: 'all' });
    } else if (versions !== undefined) {
      if (options.destroy)
        await confirmed(shell, options.yes, `destroy versions ${versions.join(', ')} of ${name} for good?`);
      await safe.client.request('POST', safe.path(options.destroy ? 'destroy' : 'delete', name), {
        body: { versions },
      });
      await requireSecret(safe, name);
      const done = options.destroy ? 'destroyed' : 'deleted';
      shell.ui.done(`${name}: versions ${versions.join(', ')} ${done}`, { name, [done]: versions });
    } else {
      await safe.client.request('DELETE', safe.path('data', name));
      await requireSecret(safe, name);
      shell.ui.done(`${name}: latest version deleted; \`coffer undelete\` brings it back`, {
        name,
        deleted: 'latest',
      });
    }
  },
});

/**
 * The wire deletes what never was without a word, and a mistyped name must not look like a deleted secret. Asked afterwards, so
 * that a token which may delete and no more has done its work. Throws `not_found`.
 */
async function requireSecret(safe: Safe, name: string): Promise<void> {
  try {
    await safe.client.request('GET', safe.path('metadata', name));
  } catch (error) {
    if (asCofferError(error).code !== 'not_found') return;
    throw new CofferError('not_found', `there is no secret ${name}; nothing was deleted`, { cause: error });
  }
}
