import type { Client } from '../../client/client.ts';
import { ApiError } from '../../client/wire-error.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { usageError } from '../args.ts';
import { defineCommand } from '../command.ts';
import { connect } from '../context.ts';
import { serverOptions } from '../options.ts';
import { dataOf } from '../safe.ts';
import { mountOptions, mountPath } from './settings.ts';

const partitions = ['aws', 'aws-us-gov', 'aws-cn'] as const;

export const setup = defineCommand({
  summary: 'Make on the server what trading codes for credentials needs',
  details: [
    'Enables the auth method totp and the engine aws where they are missing, writes the policy sts (a login may have the ' +
      'credentials of the role that it asked for, and nothing else), and makes a role of the engine for each ROLE. What is ' +
      'there stays as it is. A ROLE is an ARN, or a name in the account that --account-id says.',
    'Whose rights the server assumes roles with is told apart: `coffer api POST aws/config/root`.',
  ],
  operands: { ROLE: 'many' },
  options: {
    'account-id': { type: 'text', value: 'NUMBER', help: 'the AWS account that bare names are of' },
    partition: { type: 'text', value: 'NAME', choices: partitions, help: 'of that account (aws)' },
    ...mountOptions,
    ...serverOptions,
  },
  examples: ['coffer sts setup --account-id 123456789012 Admin Audit'],
  async run({ options, operands }, shell) {
    const auth = mountPath(options.path, 'totp');
    const engine = mountPath(options['aws-path'], 'aws');
    const arns = operands.ROLE.map((role) =>
      roleArn(role, options['account-id'], options.partition ?? 'aws'),
    );
    const client = await connect(shell, options);
    const done: string[] = [];
    if (await enable(client, `sys/auth/${auth}`, 'totp')) done.push(`auth method ${auth}/ enabled`);
    if (await enable(client, `sys/mounts/${engine}`, 'aws')) done.push(`engine ${engine}/ enabled`);
    if (await writePolicy(client, engine)) done.push('policy sts written');
    for (const { name, arn } of arns) {
      if (await makeRole(client, engine, name, arn)) done.push(`role ${name} made`);
    }
    shell.ui.done(done.length === 0 ? 'everything was there' : done.join('\n'), { done });
  },
});

/** A name as people ask for it, and whose credentials these are. */
export function roleArn(role: string, accountId: string | undefined, partition: string) {
  const parts = /^arn:(aws[a-z-]*):iam::\d{12}:role\/((?:[\w+=,.@-]+\/)*)([\w+=,.@-]{1,64})$/.exec(role);
  if (parts !== null) return { name: parts[3] ?? '', arn: role };
  if (!/^[\w+=,.@-]{1,64}$/.test(role))
    throw usageError('sts setup', 'a ROLE is the ARN of a role, or its name with --account-id');
  if (accountId === undefined || !/^\d{12}$/.test(accountId))
    throw usageError('sts setup', '--account-id is the number of an AWS account, twelve digits');
  return { name: role, arn: `arn:${partition}:iam::${accountId}:role/${role}` };
}

/** @returns whether it was made now. Throws `conflict` where something of another type is there. */
async function enable(client: Client, path: string, type: string): Promise<boolean> {
  const there = await readIf(client, path);
  if (there !== undefined) {
    if (there['type'] === type) return false;
    throw new CofferError(
      'conflict',
      `${path} is taken by something else; another place is named by an option`,
    );
  }
  await client.request('POST', path, { body: { type } });
  return true;
}

/** Undefined for what is not there. */
async function readIf(client: Client, path: string): Promise<JsonObject | undefined> {
  try {
    return dataOf((await client.request('GET', path)).body);
  } catch (error) {
    if (error instanceof ApiError && (error.status === 404 || error.status === 400)) return undefined;
    throw error;
  }
}

/** The role that a login asked for, and was given, stands in its token. */
export function policyText(engine: string): string {
  return `path "${engine}/sts/{{token.metadata.role}}" {\n  capabilities = ["read", "update"]\n}\n`;
}

async function writePolicy(client: Client, engine: string): Promise<boolean> {
  if ((await readIf(client, 'sys/policies/acl/sts')) !== undefined) return false;
  await client.request('PUT', 'sys/policies/acl/sts', { body: { policy: policyText(engine) } });
  return true;
}

async function makeRole(client: Client, engine: string, name: string, arn: string): Promise<boolean> {
  const path = `${engine}/roles/${name}`;
  if ((await readIf(client, path)) !== undefined) return false;
  await client.request('POST', path, {
    body: {
      credential_type: 'assumed_role',
      role_arns: [arn],
      // As the old program called its sessions, so that what was written about them still finds them.
      session_name_template: '{{token.metadata.issuer}}.{{token.metadata.account}}',
    },
  });
  return true;
}
