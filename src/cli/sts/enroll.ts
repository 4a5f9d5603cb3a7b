import type { Client } from '../../client/client.ts';
import { ApiError } from '../../client/wire-error.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { defineCommand } from '../command.ts';
import { connect, connectAnonymously } from '../context.ts';
import { readSecretLine } from '../prompt.ts';
import { dataOf } from '../safe.ts';
import { Accounts } from './accounts.ts';
import { enrolDevice, tellRecovery } from './enrolment.ts';
import { commonStsOptions, listSetting, mountPath, type Person, personOf } from './settings.ts';

/** What an account may have; of `enroll` and `invite`. */
const accountOptions = {
  roles: { type: 'list', value: 'ROLE', help: 'a role that may be asked for; may be repeated (STS_ROLES)' },
  'secondary-authorizers': {
    type: 'list',
    value: 'NAME',
    help: 'an account whose code is wanted besides; may be repeated (STS_SECONDARY_AUTHORIZERS)',
  },
  second: {
    type: 'text',
    value: 'WHO',
    choices: ['person', 'device'],
    help: 'wanted besides: a person of the list, or another device',
  },
  policies: { type: 'list', value: 'NAME', help: 'a policy of its logins; may be repeated (sts)' },
  ...commonStsOptions,
} as const;

type AccountWishes = {
  readonly roles: readonly string[];
  readonly 'secondary-authorizers': readonly string[];
  readonly second: string | undefined;
  readonly policies: readonly string[];
};

export const enroll = defineCommand({
  summary: 'Make an account and enrol its device, or take up an invitation',
  details: [
    'Makes the account, shows the secret as a picture for an authenticator, and asks for two codes, one directly after the ' +
      'other. With --invite it takes up an invitation that `coffer sts invite` made: it is asked for, or read from standard ' +
      'input, and nobody but you sees the secret. With --recover a recovery code is asked for in its place.',
    'An account that is there is never replaced: `coffer sts update device` gives it another device.',
  ],
  operands: {},
  options: {
    invite: { type: 'flag', help: 'take up an invitation' },
    recover: { type: 'flag', help: 'a recovery code in place of an invitation' },
    'show-url': { type: 'flag', help: 'print the secret as an otpauth: address in place of the picture' },
    ...accountOptions,
  },
  examples: [
    'coffer sts enroll --issuer acme --account-name alice --roles Admin',
    'coffer sts enroll --invite',
  ],
  async run({ options }, shell) {
    const mount = mountPath(options.path, 'totp');
    const showUrl = options['show-url'];
    if (options.invite) {
      const invitation = (await readSecretLine(shell, 'invitation')).trim();
      if (!/^[!-~]{8,512}$/.test(invitation)) throw new CofferError('usage', 'that is no invitation');
      const answer = await enrolDevice(shell, connectAnonymously(shell, options), {
        mount,
        invitation,
        showUrl,
      });
      return tellRecovery(shell, answer, {});
    }
    const person = personOf(options, shell.env);
    if (options.recover) {
      const client = connectAnonymously(shell, options);
      const invitation = await recover(client, mount, person, await readSecretLine(shell, 'recovery code'));
      return tellRecovery(shell, await enrolDevice(shell, client, { mount, invitation, showUrl }), {
        ...person,
      });
    }
    const client = await connect(shell, options);
    const accounts = new Accounts(client, mount);
    const made = await makeAccount(accounts, person, fieldsOf(options, shell.env));
    const invitation = await accounts.invite(person);
    const answer = await enrolDevice(shell, client, { mount, invitation, showUrl });
    tellRecovery(shell, answer, { ...person, created: made });
  },
});

export const invite = defineCommand({
  summary: 'Make an account if there is none, and print an invitation to enrol a device',
  details: [
    'The invitation is good once, for whoever has it: give it to the person, who takes it up by `coffer sts enroll --invite`, and ' +
      'nobody else sees the secret. For an account that is there, it brings another device.',
  ],
  operands: {},
  options: accountOptions,
  examples: ['coffer sts invite --issuer acme --account-name alice --roles Admin'],
  async run({ options }, shell) {
    const person = personOf(options, shell.env);
    const accounts = new Accounts(await connect(shell, options), mountPath(options.path, 'totp'));
    const fields = fieldsOf(options, shell.env);
    if ((await accounts.read(person)) === undefined) await makeAccount(accounts, person, fields);
    else if (options.roles.length > 0 || options['secondary-authorizers'].length > 0)
      throw new CofferError('usage', 'the account is there already: `coffer sts update` changes it');
    const invitation = await accounts.invite(person);
    if (shell.ui.format === 'json') shell.ui.json({ ...person, invitation });
    else shell.ui.text(`${invitation}\n`);
  },
});

/** A recovery code is good for one invitation, and no login. */
async function recover(client: Client, mount: string, person: Person, code: string): Promise<string> {
  const { issuer, account } = person;
  const { body } = await client.request('POST', `auth/${mount}/enroll/recover`, {
    body: { issuer, account, recovery_code: code.trim() },
  });
  const invitation = dataOf(body)['invitation'];
  if (typeof invitation === 'string') return invitation;
  throw new CofferError('unavailable', 'the server answered without an invitation');
}

/** @returns whether it was made now; one without any device, as an enrolment that was broken off leaves it, is gone on with */
async function makeAccount(accounts: Accounts, person: Person, fields: JsonObject): Promise<boolean> {
  try {
    await accounts.create(person, fields);
    return true;
  } catch (error) {
    const there = error instanceof ApiError ? await accounts.read(person) : undefined;
    if (there === undefined) throw error;
    if (there.devices.length === 0) return false;
    const message = `there is an account ${person.account} of ${person.issuer}: \`coffer sts update device\` gives it another device`;
    throw new CofferError('conflict', message);
  }
}

function fieldsOf(wishes: AccountWishes, env: Readonly<Record<string, string | undefined>>): JsonObject {
  const roles = listSetting(wishes.roles, env, 'STS_ROLES') ?? [];
  const authorizers = listSetting(wishes['secondary-authorizers'], env, 'STS_SECONDARY_AUTHORIZERS') ?? [];
  const second = wishes.second ?? (authorizers.length > 0 ? 'person' : '');
  const policies = wishes.policies.length > 0 ? wishes.policies : ['sts'];
  return { roles, authorizers, second, token_policies: policies };
}
