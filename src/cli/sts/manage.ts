import { usageError } from '../args.ts';
import { defineCommand } from '../command.ts';
import { confirmed } from '../confirm.ts';
import { connect } from '../context.ts';
import { yesOption } from '../options.ts';
import type { Shell } from '../shell.ts';
import { type Account, Accounts } from './accounts.ts';
import { enrolDevice, tellRecovery } from './enrolment.ts';
import { commonStsOptions, listSetting, mountPath, personOf, setting } from './settings.ts';

export const list = defineCommand({
  summary: 'List accounts, their roles and who approves',
  details: ['--issuer and --account-name narrow the list.'],
  operands: {},
  options: commonStsOptions,
  async run({ options }, shell) {
    const accounts = new Accounts(await connect(shell, options), mountPath(options.path, 'totp'));
    const issuer = setting(options.issuer, shell.env, 'STS_ISSUER');
    const name = setting(options['account-name'], shell.env, 'STS_ACCOUNT_NAME');
    const shown: Account[] = [];
    for await (const account of accounts.all()) {
      const wanted =
        (issuer === undefined || account.issuer === issuer) &&
        (name === undefined || account.account === name);
      if (wanted) shown.push(account);
    }
    shell.ui.table(
      ['Issuer', 'Account Name', 'Roles', 'Secondary Authorizer'],
      shown.map((account) => [
        account.issuer,
        account.account,
        `[${account.roles.join(' ')}]`,
        `[${account.authorizers.join(' ')}]`,
      ]),
      shown.map(({ version: _, ...account }) => ({ ...account })),
    );
  },
});

const targets = ['roles', 'authorizers', 'device'] as const;

export const update = defineCommand({
  summary: 'Change an account: its roles, its authorizers or its device',
  details: [
    'WHAT is roles, which replaces them by what --roles says; authorizers, which replaces those by what ' +
      '--secondary-authorizers says (none, with --none); or device, which enrols another device and takes all earlier ones away.',
  ],
  operands: { WHAT: 'one' },
  options: {
    roles: { type: 'list', value: 'ROLE', help: 'a role that may be asked for; may be repeated (STS_ROLES)' },
    'secondary-authorizers': {
      type: 'list',
      value: 'NAME',
      help: 'an account whose code is wanted besides; may be repeated (STS_SECONDARY_AUTHORIZERS)',
    },
    none: { type: 'flag', help: 'the list is to be empty' },
    'show-url': { type: 'flag', help: 'print the secret as an otpauth: address in place of the picture' },
    ...commonStsOptions,
  },
  examples: [
    'coffer sts update roles --issuer acme --account-name alice --roles Audit',
    'coffer sts update device --issuer acme --account-name alice',
  ],
  async run({ options, operands }, shell) {
    const what = targets.find((target) => target === operands.WHAT);
    if (what === undefined) throw usageError('sts update', `WHAT is one of: ${targets.join(', ')}`);
    const person = personOf(options, shell.env);
    const mount = mountPath(options.path, 'totp');
    const client = await connect(shell, options);
    const accounts = new Accounts(client, mount);
    const account = await accounts.mustRead(person);
    if (what === 'device') {
      const invitation = await accounts.invite(person);
      const showUrl = options['show-url'];
      const answer = await enrolDevice(shell, client, { mount, invitation, showUrl });
      for (const id of account.devices) await accounts.deleteDevice(person, id);
      return tellRecovery(shell, answer, { ...person, removed: account.devices.length });
    }
    const fields =
      what === 'roles' ? { roles: wanted(shell, options, 'roles') } : authorizersOf(shell, options, account);
    await accounts.change(account, fields);
    shell.ui.done(`${what} of ${person.account} replaced`, { ...person, ...fields });
  },
});

interface Lists {
  readonly roles: readonly string[];
  readonly 'secondary-authorizers': readonly string[];
  readonly none: boolean;
}

/** An empty list is said in so many words: a variable that is not set must not take everything away. */
function wanted(shell: Shell, options: Lists, name: 'roles' | 'secondary-authorizers'): readonly string[] {
  const variable = name === 'roles' ? 'STS_ROLES' : 'STS_SECONDARY_AUTHORIZERS';
  const given = listSetting(options[name], shell.env, variable);
  if (options.none && given === undefined) return [];
  if (options.none) throw usageError('sts update', `--none and --${name} do not go together`);
  if (given === undefined || given.length === 0)
    throw usageError('sts update', `--${name} is missing; --none empties the list`);
  return given;
}

/** Who is listed is wanted; an empty list wants nobody, unless it is another device that is wanted. */
function authorizersOf(shell: Shell, options: Lists, account: Account) {
  const authorizers = wanted(shell, options, 'secondary-authorizers');
  const second = authorizers.length > 0 ? 'person' : account.second === 'device' ? 'device' : '';
  return { authorizers, second };
}

export const remove = defineCommand({
  summary: 'Delete an account with its devices',
  operands: {},
  options: { ...yesOption, ...commonStsOptions },
  examples: ['coffer sts delete --issuer acme --account-name alice'],
  async run({ options }, shell) {
    const person = personOf(options, shell.env);
    const accounts = new Accounts(await connect(shell, options), mountPath(options.path, 'totp'));
    await accounts.mustRead(person);
    const question = `delete the account ${person.account} of ${person.issuer}, and its devices?`;
    await confirmed(shell, options.yes, question, 'this deletes an account');
    await accounts.delete(person);
    shell.ui.done(`${person.account} of ${person.issuer} deleted`, { ...person, deleted: true });
  },
});
