import type { Client } from '../../client/client.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';
import { usageError } from '../args.ts';
import { given, pairsOf } from '../body-fields.ts';
import { type CommandGroup, defineCommand } from '../command.ts';
import { connect } from '../context.ts';
import { listKeys } from '../listing.ts';
import { fieldOption, serverOptions } from '../options.ts';
import { cellText, printData, showWarnings } from '../print-data.ts';
import { readSecretLine } from '../prompt.ts';
import { dataOf } from '../safe.ts';
import type { Shell } from '../shell.ts';
import { parseToken } from '../token-file.ts';

const which = {
  accessor: { type: 'text', value: 'ACCESSOR', help: 'the token with this accessor' },
  ...serverOptions,
} as const;

const fromInput =
  '- reads the TOKEN from standard input or asks for it: as an argument, others on this machine could see it.';
const whichDetails = [`Without TOKEN it is the token you are logged in with. ${fromInput}`];

const create = defineCommand({
  summary: 'Create a token',
  operands: {},
  options: {
    policy: {
      type: 'list',
      short: 'p',
      value: 'NAME',
      help: 'a policy; may be repeated (yours, when none is given)',
    },
    ttl: { type: 'text', value: 'TTL', help: 'life, such as 1h' },
    'max-ttl': { type: 'text', value: 'TTL', help: 'longest life, renewals included' },
    period: { type: 'text', value: 'TTL', help: 'renewable for ever, each time for this long' },
    uses: { type: 'integer', value: 'N', help: 'how often it may be used' },
    'display-name': { type: 'text', value: 'NAME', help: 'a name for people and the audit log' },
    metadata: { type: 'list', value: 'NAME=TEXT', help: 'kept with the token; may be repeated' },
    role: { type: 'text', value: 'NAME', help: 'by this token role' },
    type: {
      type: 'text',
      value: 'TYPE',
      choices: ['service', 'batch'],
      help: 'service (the default) or batch',
    },
    orphan: { type: 'flag', help: 'outlives the token that makes it' },
    'no-default-policy': { type: 'flag', help: 'without the policy "default"' },
    'not-renewable': { type: 'flag', help: 'ends with its TTL' },
    'wrap-ttl': { type: 'text', value: 'TTL', help: 'answer with a single-use wrapping token of this life' },
    ...fieldOption,
    ...serverOptions,
  },
  examples: ['coffer token create --policy web --ttl 1h --field client_token'],
  async run({ options }, shell) {
    const body: JsonObject = {
      ...(options.policy.length > 0 ? { policies: options.policy } : {}),
      ...given('ttl', options.ttl),
      ...given('explicit_max_ttl', options['max-ttl']),
      ...given('period', options.period),
      ...given('num_uses', options.uses),
      ...given('display_name', options['display-name']),
      ...given('type', options.type),
      ...(options.metadata.length > 0 ? { meta: pairsOf('token create', 'metadata', options.metadata) } : {}),
      ...(options.orphan ? { no_parent: true } : {}),
      ...(options['no-default-policy'] ? { no_default_policy: true } : {}),
      ...(options['not-renewable'] ? { renewable: false } : {}),
    };
    const path = options.role === undefined ? 'auth/token/create' : `auth/token/create/${options.role}`;
    const client = await connect(shell, options);
    const answer = await client.request('POST', path, { body, wrapTtl: options['wrap-ttl'] });
    showWarnings(shell.ui, answer.body);
    printData(
      shell.ui,
      block(answer.body, options['wrap-ttl'] === undefined ? 'auth' : 'wrap_info'),
      options.field,
    );
  },
});

const lookup = defineCommand({
  summary: 'Show what a token is and may do',
  details: whichDetails,
  operands: { TOKEN: 'optional' },
  options: { ...fieldOption, ...which },
  async run({ options, operands }, shell) {
    const client = await connect(shell, options);
    const answer = await onToken(shell, client, 'lookup', operands.TOKEN, options.accessor, {});
    const { id: _token, ...data } = dataOf(answer);
    printData(shell.ui, data, options.field);
  },
});

const renew = defineCommand({
  summary: 'Give a token more time',
  details: whichDetails,
  operands: { TOKEN: 'optional' },
  options: { increment: { type: 'text', value: 'TTL', help: 'how much, such as 1h' }, ...which },
  async run({ options, operands }, shell) {
    const client = await connect(shell, options);
    const more = given('increment', options.increment);
    const answer = await onToken(shell, client, 'renew', operands.TOKEN, options.accessor, more);
    showWarnings(shell.ui, answer);
    const { client_token: _token, ...auth } = block(answer, 'auth');
    printData(shell.ui, auth);
  },
});

const revoke = defineCommand({
  summary: 'End a token and all that was made from it',
  details: [fromInput],
  operands: { TOKEN: 'optional' },
  options: {
    self: { type: 'flag', help: 'end the token you are logged in with' },
    'keep-children': { type: 'flag', help: 'tokens made from it live on' },
    ...which,
  },
  async run({ options, operands }, shell) {
    const named = [operands.TOKEN, options.accessor, options.self ? 'self' : undefined];
    if (named.filter((value) => value !== undefined).length !== 1) {
      throw usageError('token revoke', 'needs exactly one of TOKEN, --accessor and --self');
    }
    if (options['keep-children'] && operands.TOKEN === undefined) {
      throw usageError('token revoke', '--keep-children needs TOKEN');
    }
    const client = await connect(shell, options);
    const verb = options['keep-children'] ? 'revoke-orphan' : 'revoke';
    await onToken(shell, client, verb, operands.TOKEN, options.accessor, {});
    shell.ui.done('token revoked', { revoked: true });
  },
});

const list = defineCommand({
  summary: 'List the accessors of all tokens',
  operands: {},
  options: serverOptions,
  async run({ options }, shell) {
    shell.ui.lines(await listKeys(await connect(shell, options), 'auth/token/accessors'));
  },
});

const capabilities = defineCommand({
  summary: 'Show what your token may do with paths',
  details: ['`coffer policy explain` says why.'],
  operands: { PATH: 'some' },
  options: serverOptions,
  examples: ['coffer token capabilities secret/data/db sys/mounts'],
  async run({ options, operands }, shell) {
    const client = await connect(shell, options);
    const answer = await client.request('POST', 'sys/capabilities-self', { body: { paths: operands.PATH } });
    const data = dataOf(answer.body);
    const found = operands.PATH.map((path): [string, JsonValue] => [path, data[path] ?? []]);
    shell.ui.record(
      found.map(([path, granted]) => [path, cellText(granted)]),
      Object.fromEntries(found),
    );
  },
});

export const command: CommandGroup = {
  summary: 'Create, look up, renew and revoke tokens',
  commands: { create, lookup, renew, revoke, list, capabilities },
};

/** The three forms that the wire has for each verb: of a token, of an accessor, of oneself. */
async function onToken(
  shell: Shell,
  client: Client,
  verb: 'lookup' | 'renew' | 'revoke' | 'revoke-orphan',
  operand: string | undefined,
  accessor: string | undefined,
  more: JsonObject,
): Promise<JsonValue | undefined> {
  if (operand !== undefined && accessor !== undefined) {
    throw usageError(`token ${verb}`, 'give TOKEN or --accessor, not both');
  }
  if (accessor !== undefined) {
    return (await client.request('POST', `auth/token/${verb}-accessor`, { body: { accessor, ...more } }))
      .body;
  }
  if (operand === undefined) {
    return (
      await client.request(verb === 'lookup' ? 'GET' : 'POST', `auth/token/${verb}-self`, { body: more })
    ).body;
  }
  const token = parseToken(operand === '-' ? await readSecretLine(shell, 'token') : operand, 'TOKEN');
  return (await client.request('POST', `auth/token/${verb}`, { body: { token, ...more } })).body;
}

function block(body: JsonValue | undefined, name: 'auth' | 'wrap_info'): JsonObject {
  const value = isJsonObject(body) ? body[name] : undefined;
  return isJsonObject(value) ? value : {};
}
