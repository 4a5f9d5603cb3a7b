import type { JsonObject } from '../../json.ts';
import { usageError } from '../args.ts';
import { given, givenMap, pairsOf } from '../body-fields.ts';
import { defineCommand } from '../command.ts';
import { confirmed } from '../confirm.ts';
import { yesOption } from '../options.ts';
import { printData } from '../print-data.ts';
import { readPrivateText } from '../private-text.ts';
import { commonAppsOptions, openApplications } from './applications.ts';

const verbs = ['list', 'show', 'set', 'delete'] as const;

export const provider = defineCommand({
  summary: 'Show and set where applications’ users are',
  details: [
    'WHAT is list; or show, set or delete with the NAME of a provider. What is not given of a provider that is there stays, but its secret ' +
      'has to be given again where its options change. One that applications have cannot be deleted.',
  ],
  operands: { WHAT: 'one', NAME: 'optional' },
  options: {
    type: { type: 'text', value: 'TYPE', help: 'kind of provider; needed for a new one' },
    option: { type: 'list', short: 'o', value: 'NAME=TEXT', help: 'an option of the kind; may be repeated' },
    'secret-file': {
      type: 'text',
      value: 'FILE',
      help: 'its key, token or password is the first line of FILE or -',
    },
    ...yesOption,
    ...commonAppsOptions,
  },
  examples: [
    'coffer apps provider list',
    'coffer apps provider set idp --type TYPE -o url=URL --secret-file -',
  ],
  async run({ options, operands }, shell) {
    const verb = verbs.find((one) => one === operands.WHAT);
    if (verb === undefined) throw usageError('apps provider', `WHAT is one of: ${verbs.join(', ')}`);
    const name = operands.NAME ?? '';
    if (verb === 'list') {
      if (name !== '') throw usageError('apps provider', 'list takes no NAME');
      shell.ui.lines(await (await openApplications(shell, options)).providers());
      return;
    }
    if (!/^[a-z0-9][a-z0-9_-]*$/.test(name)) {
      throw usageError('apps provider', 'NAME of a provider is missing, or is not one: a-z, 0-9, - and _');
    }
    const path = `providers/${name}`;
    const applications = await openApplications(shell, options);
    if (verb === 'show') return printData(shell.ui, await applications.read(path));
    if (verb === 'delete') {
      await applications.read(path);
      await confirmed(shell, options.yes, `delete the provider ${name}?`);
      await applications.remove(path);
      return shell.ui.done(`provider ${name} deleted`, { name });
    }
    const file = options['secret-file'];
    const body: JsonObject = {
      ...given('type', options.type),
      ...givenMap('options', pairsOf('apps provider', 'option', options.option)),
      ...given('secret', file === undefined ? undefined : await readPrivateText(shell, file)),
    };
    await applications.write(path, body);
    shell.ui.done(`provider ${name} written`, { name });
  },
});
