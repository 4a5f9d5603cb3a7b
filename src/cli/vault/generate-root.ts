/** `operator generate-root`: another root token, by the hands of who holds the shares. */
import { randomInt } from 'node:crypto';
import type { JsonObject } from '../../json.ts';
import { askSecret } from './ask.ts';
import { misuse } from './failure.ts';
import { goValue } from './go-text.ts';
import type { Output } from './output.ts';
import { bodyOf } from './session.ts';
import type { Verb, VerbCall, Verbs } from './verb.ts';

const attempt = 'sys/generate-root/attempt';

const generateRoot: Verb = {
  usage: '[KEY]',
  summary: 'Make another root token',
  flags: {
    init: { type: 'bool', help: 'begin' },
    cancel: { type: 'bool', help: 'end what was begun' },
    status: { type: 'bool', help: 'show how far it is' },
    decode: {
      type: 'text',
      help: 'the encoded token, to be decoded with -otp; - reads it from standard input',
    },
    'generate-otp': { type: 'bool', help: 'make a one-time password' },
    genotp: { type: 'bool', help: 'the same' },
    otp: { type: 'text', help: 'the one-time password' },
    nonce: { type: 'text', help: 'which attempt a key is for' },
    'pgp-key': { type: 'text', help: 'key to encrypt the token with' },
    'dr-token': { type: 'bool', help: 'refused' },
    'recovery-token': { type: 'bool', help: 'refused' },
  },
  args: [0, 1],
  async run(call) {
    const { flags, session, output } = call;
    for (const name of ['dr-token', 'recovery-token']) {
      if (flags.bool(name)) throw misuse(`-${name} cannot be had here`);
    }
    if (flags.has('decode')) return decode(call);
    if (flags.bool('generate-otp') || flags.bool('genotp')) {
      const status = bodyOf(await session.ask('getting root generation status', 'GET', attempt));
      output.line(oneTimePassword(Number(status['otp_length'] ?? 0)));
      return 0;
    }
    if (flags.bool('cancel')) {
      const nonce = flags.text('nonce');
      await session.ask(
        'canceling root token generation',
        'DELETE',
        attempt,
        nonce === undefined ? {} : { query: { nonce } },
      );
      output.success('Success! Root token generation canceled (if it was started)');
      return 0;
    }
    if (flags.bool('init')) {
      const otp = flags.text('otp');
      const pgpKey = flags.text('pgp-key');
      const body: JsonObject = {
        ...(otp === undefined ? {} : { otp }),
        ...(pgpKey === undefined ? {} : { pgp_key: pgpKey }),
      };
      await printStatus(
        output,
        bodyOf(await session.ask('initializing root generation', 'PUT', attempt, { body })),
      );
      return 0;
    }
    const status = bodyOf(await session.ask('getting root generation status', 'GET', attempt));
    if (!flags.bool('status')) return handIn(call, status);
    await printStatus(output, status);
    return 0;
  },
};

async function handIn(call: VerbCall, status: JsonObject): Promise<number> {
  const { flags, session, output, args } = call;
  if (status['started'] !== true) throw misuse('No root generation is in progress; begin with -init');
  const nonce = flags.text('nonce') ?? String(status['nonce'] ?? '');
  const [given] = args;
  const key = (
    given === undefined || given === '-' ? await askSecret(call, 'Unseal Key (will be hidden)') : given
  ).trim();
  if (key === '') throw misuse('No key was given');
  const asking = { body: { key, nonce }, anonymous: true } as const;
  await printStatus(
    output,
    bodyOf(await session.ask('posting unseal key', 'PUT', 'sys/generate-root/update', asking)),
  );
  return 0;
}

async function printStatus(output: Output, status: JsonObject): Promise<void> {
  const { otp, otp_length: length } = status;
  const encoded = status['encoded_token'] ?? status['encoded_root_token'];
  const rows: (readonly [string, string])[] = [
    ['Nonce', String(status['nonce'] ?? '')],
    ['Started', goValue(status['started'])],
    ['Progress', `${goValue(status['progress'])}/${goValue(status['required'])}`],
    ['Complete', goValue(status['complete'])],
  ];
  if (typeof otp === 'string' && otp !== '') rows.push(['OTP', otp]);
  if (length !== undefined) rows.push(['OTP Length', goValue(length)]);
  if (typeof encoded === 'string' && encoded !== '') rows.push(['Encoded Token', encoded]);
  await output.document(status, () => output.record(rows));
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** As many letters as the root token has, each drawn alike. */
function oneTimePassword(length: number): string {
  if (!Number.isSafeInteger(length) || length < 1 || length > 1_024)
    throw misuse('the server says no length of the password');
  return Array.from({ length }, () => letters[randomInt(letters.length)]).join('');
}

async function decode(call: VerbCall): Promise<number> {
  const { flags, output } = call;
  const given = flags.text('decode') ?? '';
  const encoded = (given === '-' ? await askSecret(call, 'Encoded token') : given).trim();
  const otp = flags.text('otp') ?? '';
  if (otp === '') throw misuse('Missing otp: use -otp to supply it');
  const bytes = Buffer.from(encoded, 'base64');
  const pad = Buffer.from(otp);
  if (bytes.length === 0 || bytes.length !== pad.length)
    throw misuse('Error decoding root token: it is not as long as the otp');
  const token = Buffer.from(bytes.map((byte, index) => byte ^ (pad[index] ?? 0))).toString('utf8');
  await output.document({ token }, () => output.line(token));
  return 0;
}

export const verbs: Verbs = { 'operator generate-root': generateRoot };
