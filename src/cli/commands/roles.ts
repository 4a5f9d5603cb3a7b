import { usageError } from '../args.ts';
import { defineCommand } from '../command.ts';
import { openSafe } from '../context.ts';
import { readersOf } from '../mount-readers.ts';
import { safeOptions } from '../options.ts';
import { parseName } from '../secret-name.ts';

export const command = defineCommand({
  summary: 'Show or change who may read a secret',
  details: [
    'VERB is show, add or remove; without it the list is shown. A ROLE is an IAM role of the server’s own account (app), a ' +
      'role or user of any (aws/123456789012:role/app), or whom another auth mount knows (userpass/ann).',
    'For secrets in a mount of type role-secrets, and for those who administer it: to read a secret takes being on its list.',
  ],
  operands: { NAME: 'one', VERB: 'optional', ROLE: 'many' },
  options: safeOptions,
  examples: [
    'coffer roles db/password --safe https://host:8200/roles',
    'coffer roles db/password add app userpass/ann',
    'coffer roles db/password remove userpass/ann',
  ],
  async run({ options, operands }, shell) {
    const name = parseName(operands.NAME);
    const verb = operands.VERB ?? 'show';
    const words = operands.ROLE;
    if (verb !== 'show' && verb !== 'add' && verb !== 'remove')
      throw usageError('roles', 'after NAME comes show, add or remove');
    if ((verb === 'show') !== (words.length === 0))
      throw usageError('roles', 'add and remove need a ROLE, show takes none');
    const readers = readersOf(await openSafe(shell, options));
    shell.ui.lines(verb === 'show' ? await readers.show(name) : await readers.change(name, verb, words));
  },
});
