/** `token …` and `print token`. */
import type { JsonObject, JsonValue } from '../../json.ts';
import { misuse } from './failure.ts';
import type { FlagSpecs, Flags } from './flags.ts';
import { dataOf, printSecret, secretOf } from './secret.ts';
import { currentToken } from './session.ts';
import { argument, fieldFlag, sanitized, type Verb, type VerbCall, type Verbs } from './verb.ts';

const createFlags = {
  ...fieldFlag,
  id: { type: 'text', help: 'the token’s own text' },
  'display-name': { type: 'text', help: 'a name for people' },
  ttl: { type: 'duration', help: 'life' },
  lease: { type: 'duration', help: 'the same' },
  'explicit-max-ttl': { type: 'duration', help: 'longest life, whatever is renewed' },
  period: { type: 'duration', help: 'renewable for ever, each time for this long' },
  renewable: { type: 'bool', help: 'whether it can be renewed; true when absent' },
  orphan: { type: 'bool', help: 'without a parent' },
  'no-default-policy': { type: 'bool', help: 'without the policy default' },
  'use-limit': { type: 'int', help: 'how often it may be used; 0 is any number' },
  'num-uses': { type: 'int', help: 'the same' },
  role: { type: 'text', help: 'by this role' },
  type: { type: 'text', help: 'service or batch' },
  metadata: { type: 'pairs', help: 'name=text to keep with it; may be given several times' },
  policy: { type: 'list', help: 'a policy; may be given several times' },
  'entity-alias': { type: 'text', help: 'alias, for a role that allows it' },
} as const satisfies FlagSpecs;

function wishOf(flags: Flags): JsonObject {
  const wish: Record<string, JsonValue> = {};
  const texts = {
    id: 'id',
    'display-name': 'display_name',
    'explicit-max-ttl': 'explicit_max_ttl',
    period: 'period',
    'entity-alias': 'entity_alias',
  };
  for (const [flag, name] of Object.entries(texts)) {
    const text = flags.text(flag);
    if (text !== undefined) wish[name] = text;
  }
  const ttl = flags.text('ttl') ?? flags.text('lease');
  const uses = flags.int('use-limit') ?? flags.int('num-uses');
  const type = flags.text('type');
  return {
    ...wish,
    ...(ttl === undefined ? {} : { ttl }),
    ...(uses === undefined ? {} : { num_uses: uses }),
    ...(type === undefined ? {} : { type }),
    ...(flags.has('policy') ? { policies: flags.list('policy').flatMap((each) => each.split(',')) } : {}),
    ...(flags.has('metadata') ? { meta: flags.pairs('metadata') } : {}),
    ...(flags.has('renewable') ? { renewable: flags.bool('renewable') } : {}),
    ...(flags.has('orphan') ? { no_parent: flags.bool('orphan') } : {}),
    ...(flags.has('no-default-policy') ? { no_default_policy: flags.bool('no-default-policy') } : {}),
  };
}

const create: Verb = {
  usage: '',
  summary: 'Create a token',
  flags: createFlags,
  args: [0, 0],
  async run({ session, output, flags }) {
    const role = flags.text('role');
    const path = role === undefined ? 'auth/token/create' : `auth/token/create/${role}`;
    const secret = secretOf(
      (await session.ask('creating token', 'POST', path, { body: wishOf(flags) })).body,
    );
    if (secret !== undefined) await printSecret(output, secret, flags.text('field'));
    return 0;
  },
};

const byAccessor = {
  accessor: { type: 'bool', help: 'the argument is an accessor' },
} as const satisfies FlagSpecs;

/** Which token is meant: one by its text or its accessor, or, without argument, one's own. */
function named(call: VerbCall): { readonly suffix: '' | '-self' | '-accessor'; readonly body: JsonObject } {
  const [given] = call.args;
  if (call.flags.bool('accessor')) {
    if (given === undefined) throw misuse('Not enough arguments with -accessor (expected 1, got 0)');
    return { suffix: '-accessor', body: { accessor: given } };
  }
  return given === undefined ? { suffix: '-self', body: {} } : { suffix: '', body: { token: given } };
}

const lookup: Verb = {
  usage: '[TOKEN | ACCESSOR]',
  summary: 'Show what is known of a token; one’s own when none is named',
  flags: { ...fieldFlag, ...byAccessor },
  args: [0, 1],
  async run(call) {
    const { suffix, body } = named(call);
    const answer = await (suffix === '-self'
      ? call.session.ask('looking up token', 'GET', 'auth/token/lookup-self')
      : call.session.ask('looking up token', 'POST', `auth/token/lookup${suffix}`, { body }));
    const secret = secretOf(answer.body);
    if (secret !== undefined) await printSecret(call.output, secret, call.flags.text('field'));
    return 0;
  },
};

const renew: Verb = {
  usage: '[TOKEN | ACCESSOR] [INCREMENT]',
  summary: 'Renew a token; one’s own when none is named',
  flags: { ...fieldFlag, ...byAccessor, increment: { type: 'duration', help: 'for how long' } },
  args: [0, 2],
  async run(call) {
    const { suffix, body } = named(call);
    const increment = call.flags.text('increment') ?? call.args[1];
    const wish = increment === undefined ? body : { ...body, increment };
    const answer = await call.session.ask('renewing token', 'PUT', `auth/token/renew${suffix}`, {
      body: wish,
    });
    const secret = secretOf(answer.body);
    if (secret !== undefined) await printSecret(call.output, secret, call.flags.text('field'));
    return 0;
  },
};

const revoke: Verb = {
  usage: '[TOKEN | ACCESSOR]',
  summary: 'Revoke a token and what came of it',
  flags: {
    ...byAccessor,
    self: { type: 'bool', help: 'one’s own token' },
    mode: { type: 'text', help: 'orphan spares its children; path revokes all of a path' },
  },
  args: [0, 1],
  async run(call) {
    const { flags, session, output, args } = call;
    const mode = flags.text('mode') ?? '';
    const self = flags.bool('self');
    if (self === args.length > 0) {
      throw misuse(
        self
          ? 'Too many arguments with -self (expected 0, got 1)'
          : 'Not enough arguments (expected 1, got 0)',
      );
    }
    if (!['', 'orphan', 'path'].includes(mode))
      throw misuse('Invalid token revocation mode: it is orphan or path');
    if (mode !== '' && (self || flags.bool('accessor'))) throw misuse('-mode goes with a token alone');
    const doing = 'revoking token';
    if (mode === 'path')
      await session.ask(doing, 'PUT', `sys/leases/revoke-prefix/${sanitized(argument(call))}`);
    else {
      const { suffix, body } = named(call);
      const path = mode === 'orphan' ? 'auth/token/revoke-orphan' : `auth/token/revoke${suffix}`;
      await session.ask(doing, 'PUT', path, { body });
    }
    output.success('Success! Revoked token (if it existed)');
    return 0;
  },
};

const capabilities: Verb = {
  usage: '[TOKEN] PATH',
  summary: 'Show what a token may do at a path',
  flags: byAccessor,
  args: [1, 2],
  async run(call) {
    const { args, session, output, flags } = call;
    const [token, path] = args.length === 2 ? args : [undefined, args[0]];
    if (flags.bool('accessor') && token === undefined)
      throw misuse('Not enough arguments with -accessor (expected 2, got 1)');
    const kind = token === undefined ? '-self' : flags.bool('accessor') ? '-accessor' : '';
    const who = token === undefined ? {} : kind === '-accessor' ? { accessor: token } : { token };
    const body = { ...who, paths: [path ?? ''] };
    const answer = await session.ask('listing capabilities', 'POST', `sys/capabilities${kind}`, { body });
    const { capabilities: found } = dataOf(secretOf(answer.body));
    const names = (Array.isArray(found) ? found.map(String) : []).toSorted();
    await output.document(names, () => output.line(names.join(', ')));
    return 0;
  },
};

const print: Verb = {
  usage: '',
  summary: 'Print the token that commands use',
  args: [0, 0],
  async run({ shell, output }) {
    output.line((await currentToken(shell)) ?? '');
    return 0;
  },
};

export const verbs: Verbs = {
  'token create': create,
  'token lookup': lookup,
  'token renew': renew,
  'token revoke': revoke,
  'token capabilities': capabilities,
  'print token': print,
};
