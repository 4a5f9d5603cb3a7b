import { defineCommand } from '../command.ts';
import { openSafe } from '../context.ts';
import { safeOptions } from '../options.ts';
import { parseVersions } from '../versions.ts';

export const command = defineCommand({
  summary: 'Bring deleted versions back',
  details: ['Without --versions it is the latest one. What was destroyed does not come back.'],
  operands: { NAME: 'one' },
  options: {
    versions: { type: 'text', value: 'LIST', help: 'these versions, such as 1,2' },
    ...safeOptions,
  },
  async run({ options, operands }, shell) {
    const name = operands.NAME;
    const asked = options.versions === undefined ? undefined : parseVersions(options.versions);
    const safe = await openSafe(shell, options);
    const versions = asked ?? [(await safe.history(name)).current];
    await safe.undelete(name, versions);
    shell.ui.done(`${name}: version${versions.length === 1 ? '' : 's'} ${versions.join(', ')} brought back`, {
      name,
      undeleted: versions,
    });
  },
});
