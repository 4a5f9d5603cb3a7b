/** `read`, `write`, `delete`, `list`, `patch`, `unwrap` and `path-help`: the verbs that reach any path. */
import type { JsonObject } from '../../json.ts';
import { sayNothingFound } from './absent.ts';
import { readDataWords, readPlainPairs } from './data-words.ts';
import { misuse } from './failure.ts';
import { printKeys } from './keys.ts';
import { dataOf, printSecret, printWarnings, secretOf } from './secret.ts';
import { bodyOf } from './session.ts';
import { anyNumber, argument, fieldFlag, type Verb, type VerbCall, type Verbs } from './verb.ts';

const forceFlags = {
  ...fieldFlag,
  f: { type: 'bool', help: 'write without data' },
  force: { type: 'bool', help: 'the same' },
} as const;

const read: Verb = {
  usage: 'PATH [NAME=VALUE...]',
  summary: 'Read data',
  flags: fieldFlag,
  args: [1, anyNumber],
  async run({ args: [path = '', ...words], session, output, flags }) {
    const query = readPlainPairs(words);
    const answer = await session.look(`reading ${path}`, 'GET', path, { query });
    const secret = secretOf(answer?.body);
    if (secret === undefined) return sayNothingFound(output, path);
    await printSecret(output, secret, flags.text('field'));
    return 0;
  },
};

/** What a write answers is printed; where it answers nothing, that it was done is said. */
async function send(
  call: VerbCall,
  method: 'PUT' | 'PATCH',
  doing: string,
  body: JsonObject,
): Promise<number> {
  const path = argument(call);
  const answer = await call.session.ask(`${doing} ${path}`, method, path, { body });
  const secret = secretOf(answer.body);
  const field = call.flags.text('field');
  if (secret === undefined) {
    call.output.success(`Success! Data written to: ${path}`);
    return 0;
  }
  await printSecret(call.output, secret, field);
  return 0;
}

async function bodyFor(call: VerbCall): Promise<JsonObject> {
  const force = call.flags.bool('f') || call.flags.bool('force');
  if (call.args.length === 1 && !force) throw misuse('Must supply data or use -force');
  return readDataWords(call.shell, call.args.slice(1));
}

const write: Verb = {
  usage: 'PATH [KEY=VALUE...]',
  summary: 'Write data',
  flags: forceFlags,
  args: [1, anyNumber],
  run: async (call) => send(call, 'PUT', 'writing data to', await bodyFor(call)),
};

const patch: Verb = {
  usage: 'PATH KEY=VALUE...',
  summary: 'Change some of the data',
  flags: forceFlags,
  args: [1, anyNumber],
  run: async (call) => send(call, 'PATCH', 'patching data at', await bodyFor(call)),
};

const remove: Verb = {
  usage: 'PATH [NAME=VALUE...]',
  summary: 'Delete data',
  flags: fieldFlag,
  args: [1, anyNumber],
  async run({ args: [path = '', ...words], session, output, flags }) {
    const answer = await session.ask(`deleting ${path}`, 'DELETE', path, { query: readPlainPairs(words) });
    const secret = secretOf(answer.body);
    if (secret !== undefined && Object.keys(dataOf(secret)).length > 0)
      await printSecret(output, secret, flags.text('field'));
    else {
      output.success(`Success! Data deleted (if it existed) at: ${path}`);
      printWarnings(output, secret);
    }
    return 0;
  },
};

const list: Verb = {
  usage: 'PATH',
  summary: 'List names below a path',
  flags: { detailed: { type: 'bool', help: 'with what is known of each' } },
  args: [1, 1],
  async run(call) {
    const path = argument(call);
    const answer = await call.session.look(`listing ${path}`, 'LIST', path);
    return printKeys(call.output, answer?.body, path, call.flags.bool('detailed'));
  },
};

const unwrap: Verb = {
  usage: '[TOKEN]',
  summary: 'Take out what a wrapping token holds',
  flags: fieldFlag,
  args: [0, 1],
  async run({ args: [token], session, output, flags }) {
    // Without an argument the token one is logged in with is the wrapping token.
    const body: JsonObject = token === undefined ? {} : { token };
    const answer = await session.ask('unwrapping', 'PUT', 'sys/wrapping/unwrap', { body });
    const secret = secretOf(answer.body);
    if (secret === undefined) return 0;
    await printSecret(output, secret, flags.text('field'));
    return 0;
  },
};

const pathHelp: Verb = {
  usage: 'PATH',
  summary: 'Show the help of a path',
  args: [1, 1],
  async run(call) {
    const path = argument(call);
    const answer = await call.session.ask('retrieving help', 'GET', path, { query: { help: 1 } });
    const body = bodyOf(answer);
    await call.output.document(body, () => call.output.line(String(body['help'] ?? '').trimEnd()));
    return 0;
  },
};

export const verbs: Verbs = { read, write, patch, delete: remove, list, unwrap, 'path-help': pathHelp };
