import { usageError } from '../args.ts';
import { defineCommand } from '../command.ts';
import { confirmed } from '../confirm.ts';
import { openSafe } from '../context.ts';
import { safeOptions, yesOption } from '../options.ts';
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
      shell.ui.talk(`${name}: deleted for good`);
    } else if (versions !== undefined) {
      if (options.destroy)
        await confirmed(shell, options.yes, `destroy versions ${versions.join(', ')} of ${name} for good?`);
      await safe.client.request('POST', safe.path(options.destroy ? 'destroy' : 'delete', name), {
        body: { versions },
      });
      shell.ui.talk(`${name}: versions ${versions.join(', ')} ${options.destroy ? 'destroyed' : 'deleted'}`);
    } else {
      await safe.client.request('DELETE', safe.path('data', name));
      shell.ui.talk(`${name}: latest version deleted; \`coffer undelete ${name}\` brings it back`);
    }
  },
});
