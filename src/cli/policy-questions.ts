/** `policy explain` and `policy who-can`: what the server's own decision says, and for whom. */
import type { Client } from '../client/client.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import { usageError } from './args.ts';
import { pairsOf } from './body-fields.ts';
import { defineCommand } from './command.ts';
import { connect } from './context.ts';
import { serverOptions } from './options.ts';
import { paragraph } from './paragraph.ts';
import { cellText } from './print-data.ts';
import { readSecretLine } from './prompt.ts';
import { dataOf } from './safe.ts';
import type { Shell } from './shell.ts';
import { escapeLine } from './terminal-text.ts';
import { parseToken } from './token-file.ts';

/** A request's operations, as policies call them. */
export const operationNames = ['read', 'list', 'scan', 'create', 'update', 'patch', 'delete'] as const;

const parameterOption = {
  parameter: {
    type: 'list',
    value: 'NAME=TEXT',
    help: 'a field of the request, for rules that look at them; may be repeated',
  },
} as const;

export const explain = defineCommand({
  summary: 'Say what would be decided about a request, and why',
  details: [
    'Without --policy, --accessor and --token it is about the token you are logged in with; about others it needs ' +
      'sudo on sys/policies/explain. Nothing is done. Exit code 0 says that the question was answered, whatever the ' +
      'decision.',
  ],
  operands: { PATH: 'one' },
  options: {
    operation: {
      type: 'text',
      short: 'o',
      value: 'NAME',
      choices: operationNames,
      help: 'read (the default), list, scan, create, update, patch or delete',
    },
    ...parameterOption,
    policy: {
      type: 'list',
      short: 'p',
      value: 'NAME',
      help: 'for a token with this policy; may be repeated',
    },
    accessor: { type: 'text', value: 'ACCESSOR', help: 'for the token with this accessor' },
    token: { type: 'flag', help: 'for a token that is asked for or read from standard input' },
    ...serverOptions,
  },
  examples: [
    'coffer policy explain secret/data/db',
    'coffer policy explain sys/auth/ldap --operation update --policy ops',
  ],
  async run({ options, operands }, shell) {
    const whose = [options.policy.length > 0, options.accessor !== undefined, options.token];
    if (whose.filter(Boolean).length > 1) {
      throw usageError('policy explain', 'give one of --policy, --accessor and --token');
    }
    const token = options.token ? parseToken(await readSecretLine(shell, 'token'), 'the answer') : undefined;
    const client = await connect(shell, options);
    const body = {
      path: operands.PATH,
      operation: options.operation ?? 'read',
      parameters: pairsOf('policy explain', 'parameter', options.parameter),
      ...(options.policy.length > 0 ? { policies: options.policy } : {}),
      ...(options.accessor === undefined ? {} : { accessor: options.accessor }),
      ...(token === undefined ? {} : { token }),
    };
    const data = dataOf((await client.request('POST', 'sys/policies/explain', { body })).body);
    if (shell.ui.format === 'json') shell.ui.json(data);
    else printExplanation(shell, data);
  },
});

function printExplanation({ ui, stdout }: Shell, data: JsonObject): void {
  const allowed = data['decision'] === 'allow';
  const decision = `${String(data['decision'])}  ${String(data['operation'])} ${String(data['path'])}`;
  ui.painted([[allowed ? 'added' : 'removed', escapeLine(decision)]]);
  const say = (label: string, text: string) =>
    ui.text(`${paragraph(label.padEnd(10), text, stdout).join('\n')}\n`);
  say('why', String(data['reason']));
  for (const rule of objectsOf(data['rules'])) {
    const decides = rule['decides'] === true;
    const held = `${cellText(rule['capabilities'])} (${cellText(rule['policies'])})`;
    const why = decides ? 'decides' : String(rule['why']);
    say('rule', `${String(rule['pattern'])}: ${held}${why === '' ? '' : `; ${why}`}`);
  }
  say('needs', cellText(data['needed']));
  if (typeof data['advice'] === 'string') say('would do', data['advice']);
  for (const note of textsOf(data['notes'])) say('note', note);
  say('policies', cellText(data['policies']));
  const unknown = textsOf(data['unknown_policies']);
  if (unknown.length > 0) say('not there', unknown.join(', '));
}

/** What the server looks at for one answer. */
const atOnce = 1_000;
const mostShown = 1_000;

export const whoCan = defineCommand({
  summary: 'Find who may do a thing',
  details: [
    'Policies that allow it by themselves, and roles and users of auth methods whose logins may; with --tokens the ' +
      'tokens too, by their accessors, which takes time where there are many. Needs sudo on sys/policies/who-can. ' +
      'Networks and uses of tokens are not looked at.',
  ],
  operands: { OPERATION: 'one', PATH: 'one' },
  options: {
    ...parameterOption,
    tokens: { type: 'flag', help: 'look at every token too' },
    limit: { type: 'integer', value: 'N', help: `print at most N (${mostShown})` },
    ...serverOptions,
  },
  examples: [
    'coffer policy who-can read secret/data/db',
    'coffer policy who-can update sys/auth/ldap --tokens',
  ],
  async run({ options, operands }, shell) {
    if (!operationNames.some((name) => name === operands.OPERATION)) {
      throw usageError('policy who-can', `OPERATION must be one of: ${operationNames.join(', ')}`);
    }
    const question = {
      path: operands.PATH,
      operation: operands.OPERATION,
      parameters: pairsOf('policy who-can', 'parameter', options.parameter),
      include: ['policies', 'roles', ...(options.tokens ? ['tokens'] : [])],
    };
    const client = await connect(shell, options);
    const most = options.limit ?? mostShown;
    const { found, more } = await search(client, question, most);
    shell.ui.table(
      ['KIND', 'NAME', 'POLICIES', 'RULE'],
      found.map((one) => [one.kind, one.name, one.policies.join(', '), one.rule]),
      found.map((one) => ({ ...one })),
    );
    if (found.length === 0) shell.ui.talk('nobody');
    if (more) shell.ui.warn(`there are more than ${most}; --limit N shows more`);
  },
});

interface Found {
  readonly kind: 'policy' | 'role' | 'token';
  readonly name: string;
  readonly policies: readonly string[];
  readonly rule: string;
}

async function search(
  client: Client,
  question: JsonObject,
  most: number,
): Promise<{ readonly found: readonly Found[]; readonly more: boolean }> {
  const found: Found[] = [];
  let after: JsonValue | undefined;
  do {
    const body = { ...question, limit: atOnce, ...(after === undefined ? {} : { after }) };
    const data = dataOf((await client.request('POST', 'sys/policies/who-can', { body })).body);
    found.push(...foundIn(data));
    after = data['next'] ?? undefined;
  } while (after !== undefined && found.length <= most);
  return { found: found.slice(0, most), more: found.length > most };
}

function foundIn(data: JsonObject): readonly Found[] {
  const rule = (one: JsonObject) => ({
    policies: textsOf(one['policies']),
    rule: `${String(one['rule'] ?? '')}${one['needs_approval'] === true ? ' (needs approval)' : ''}`,
  });
  return [
    ...objectsOf(data['policies']).map(
      (one): Found => ({ kind: 'policy', ...rule(one), name: String(one['name']) }),
    ),
    ...objectsOf(data['roles']).map(
      (one): Found => ({ kind: 'role', ...rule(one), name: `${String(one['mount'])}${String(one['name'])}` }),
    ),
    ...objectsOf(data['tokens']).map((one): Found => {
      const name = one['display_name'] === '' ? '' : ` (${String(one['display_name'])})`;
      return { kind: 'token', ...rule(one), name: `${String(one['accessor'])}${name}` };
    }),
  ];
}

function objectsOf(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

function textsOf(value: JsonValue | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
