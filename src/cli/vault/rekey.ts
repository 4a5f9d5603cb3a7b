/** `operator rekey`: new shares for the store, by the hands of who holds the old ones. */
import type { JsonObject } from '../../json.ts';
import { askSecret } from './ask.ts';
import { misuse } from './failure.ts';
import { goValue } from './go-text.ts';
import { isComplete, shareFlags, texts } from './operator.ts';
import type { Output } from './output.ts';
import { bodyOf } from './session.ts';
import type { Verb, VerbCall, Verbs } from './verb.ts';

const rekey: Verb = {
  usage: '[KEY]',
  summary: 'Make new shares',
  flags: {
    ...shareFlags,
    init: { type: 'bool', help: 'begin' },
    cancel: { type: 'bool', help: 'end what was begun' },
    status: { type: 'bool', help: 'show how far it is' },
    verify: { type: 'bool', help: 'it is about the proof that the new shares were written down' },
    nonce: { type: 'text', help: 'which operation a key is for' },
    'require-verification': { type: 'bool', help: 'begin one that ends with such a proof' },
    backup: { type: 'bool', help: 'keep encrypted shares in the server' },
    'backup-retrieve': { type: 'bool', help: 'show what is kept' },
    'backup-delete': { type: 'bool', help: 'delete it' },
    retrieve: { type: 'bool', help: 'the same as -backup-retrieve' },
    delete: { type: 'bool', help: 'the same as -backup-delete' },
    target: { type: 'text', help: 'barrier (when absent); recovery is refused' },
  },
  args: [0, 1],
  async run(call) {
    const { flags, session, output } = call;
    if ((flags.text('target') ?? 'barrier') !== 'barrier')
      throw misuse('-target is barrier: there are no recovery keys');
    const root = flags.bool('verify') ? 'sys/rekey/verify' : 'sys/rekey/init';
    if (flags.bool('init')) return begin(call);
    if (flags.bool('cancel')) {
      const nonce = flags.text('nonce');
      await session.ask('canceling rekey', 'DELETE', root, nonce === undefined ? {} : { query: { nonce } });
      output.success('Success! Canceled rekeying (if it was started)');
      return 0;
    }
    if (flags.bool('backup-retrieve') || flags.bool('retrieve')) {
      const body = bodyOf(await session.ask('retrieving rekey stored keys', 'GET', 'sys/rekey/backup'));
      await output.document(body, () => output.line(goValue(body['data'])));
      return 0;
    }
    if (flags.bool('backup-delete') || flags.bool('delete')) {
      await session.ask('deleting rekey stored keys', 'DELETE', 'sys/rekey/backup');
      output.success('Success! Delete stored keys (if they existed)');
      return 0;
    }
    const status = bodyOf(await session.ask('getting rekey status', 'GET', root));
    if (flags.bool('status')) {
      await printStatus(output, status);
      return 0;
    }
    return handIn(call, status);
  },
};

async function begin({ flags, session, output }: VerbCall): Promise<number> {
  const body: JsonObject = {
    secret_shares: flags.int('key-shares') ?? flags.int('n') ?? 5,
    secret_threshold: flags.int('key-threshold') ?? flags.int('t') ?? 3,
    backup: flags.bool('backup'),
    require_verification: flags.bool('require-verification'),
    ...(flags.has('pgp-keys') ? { pgp_keys: flags.list('pgp-keys').flatMap((each) => each.split(',')) } : {}),
  };
  const status = bodyOf(await session.ask('initializing rekey', 'PUT', 'sys/rekey/init', { body }));
  await printStatus(output, status);
  return 0;
}

async function handIn(call: VerbCall, status: JsonObject): Promise<number> {
  const { flags, session, output, args } = call;
  if (status['started'] !== true)
    throw misuse('Error reading rekey status: no rekey is in progress; begin with -init');
  const nonce =
    flags.text('nonce') ??
    String(status[flags.bool('verify') ? 'verification_nonce' : 'nonce'] ?? status['nonce'] ?? '');
  const [given] = args;
  const key = (
    given === undefined || given === '-' ? await askSecret(call, 'Rekey: unseal key (will be hidden)') : given
  ).trim();
  if (key === '') throw misuse('No key was given');
  const path = flags.bool('verify') ? 'sys/rekey/verify' : 'sys/rekey/update';
  const after = bodyOf(await session.ask('posting unseal key', 'PUT', path, { body: { key, nonce } }));
  if (isComplete(after)) await printKeys(output, after);
  else await printStatus(output, after);
  return 0;
}

async function printStatus(output: Output, status: JsonObject): Promise<void> {
  await output.document(status, () =>
    output.record([
      ['Nonce', String(status['nonce'] ?? '')],
      ['Started', goValue(status['started'])],
      ...(status['started'] === true
        ? ([
            [
              'Rekey Progress',
              `${goValue(status['progress'])}/${goValue(status['required'] ?? status['t'])}`,
            ],
            ['New Shares', goValue(status['n'])],
            ['New Threshold', goValue(status['t'])],
            ['Verification Required', goValue(status['verification_required'] ?? false)],
          ] as const)
        : []),
    ]),
  );
}

async function printKeys(output: Output, body: JsonObject): Promise<void> {
  await output.document(body, () => {
    const keys = texts(body['keys_base64']);
    if (keys.length > 0) output.line(keys.map((key, index) => `Key ${index + 1}: ${key}`).join('\n'));
    output.line(`\nOperation nonce: ${goValue(body['nonce'])}\n`);
    if (body['verification_required'] === true) {
      output.line(
        `Give the new keys to \`vault operator rekey -verify -nonce=${goValue(body['verification_nonce'])}\`: until`,
      );
      output.line('then the old ones stay.');
    } else if (keys.length > 0)
      output.line('Vault rekeyed: the keys above take the place of the former ones.');
    else output.line('Success! The new keys were shown to be right, and are in force.');
  });
}

export const verbs: Verbs = { 'operator rekey': rekey };
