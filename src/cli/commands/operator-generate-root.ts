import type { Client } from '../../client/client.ts';
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';
import { usageError } from '../args.ts';
import { type Command, defineCommand } from '../command.ts';
import { connect } from '../context.ts';
import { hostProgram } from '../host-program.ts';
import { delivered, keySource } from '../key-input.ts';
import { serverOptions } from '../options.ts';
import { readSecretLine } from '../prompt.ts';
import type { Shell } from '../shell.ts';

const attempt = 'sys/generate-root/attempt';
const update = 'sys/generate-root/update';

/** What is said of a root token that was made. */
export const madeNote =
  'made a root token: it has every right and no end. Revoke it once there are other ways in';

export const generateRoot: Command = defineCommand({
  summary: 'Make another root token, proved by the key of a slot',
  details: [
    'On the host of the data directory no token is needed, only what opens any one slot: the keyfile, the passphrase, or enough shares. ' +
      'The keyfile is used if it is there; anything else is asked for without showing it, or read from standard input, one a line. ' +
      'The server may be running. It leaves its lines in the audit log.',
    'With --remote it goes through a server, as with Vault: --start (which takes sudo) shows a nonce and a one-time password; ' +
      'each holder of a key gives it with --nonce; the last one gets the encoded token, which --decode turns into the token.',
  ],
  examples: [
    'coffer operator generate-root --output root-token',
    'coffer operator generate-root --remote',
    'coffer operator generate-root --decode ENCODED',
  ],
  operands: {},
  options: {
    data: { type: 'text', value: 'DIR', help: 'data directory (COFFER_DATA; ~/.local/share/coffer)' },
    storage: {
      type: 'text',
      value: 'URL',
      help: 'the store, where it is not in the data directory (COFFER_STORAGE, or COFFER_CONFIG)',
    },
    keyfile: { type: 'text', value: 'FILE', help: 'keyfile of the store' },
    output: { type: 'text', value: 'FILE', help: 'write the token to this new file instead of printing it' },
    remote: { type: 'flag', help: 'all of it through a server, with the keys at hand here' },
    start: { type: 'flag', help: 'begin at a server; shows the nonce and the one-time password' },
    status: { type: 'flag', help: 'show how far the attempt at a server is' },
    cancel: { type: 'flag', help: 'end the attempt at a server' },
    nonce: { type: 'text', value: 'NONCE', help: 'give one key to this attempt' },
    decode: { type: 'text', value: 'ENCODED', help: 'decode a token; the password is asked for' },
    ...serverOptions,
  },
  async run(input, shell) {
    const { options } = input;
    const chosen = (['remote', 'start', 'status', 'cancel', 'nonce', 'decode'] as const).filter(
      (name) => options[name] !== undefined && options[name] !== false,
    );
    if (chosen.length > 1)
      throw usageError('operator generate-root', `--${chosen.join(' and --')} exclude each other`);
    if (chosen.length === 0) {
      const host = await hostProgram(shell, 'operator generate-root', 'say --remote');
      return host.run(input, shell);
    }
    if (options.decode !== undefined) {
      const otp = await readSecretLine(shell, 'one-time password');
      return delivered(
        shell,
        options.output,
        async () => `${decodeToken(options.decode ?? '', otp.trim())}\n`,
      );
    }
    const client = await connect(shell, options);
    if (options.remote) {
      await delivered(shell, options.output, async () => `${await allAtOnce(client, shell)}\n`);
      return shell.ui.talk(madeNote);
    }
    if (options.nonce !== undefined) return giveKey(client, shell, options.nonce);
    if (options.cancel) {
      await client.request('DELETE', attempt);
      return shell.ui.done('no root token is being made', { cancelled: true });
    }
    const answer = await client.request(options.start ? 'PUT' : 'GET', attempt);
    show(shell, bodyOf(answer));
  },
});

/** The keys of one slot are all here. */
async function allAtOnce(client: Client, shell: Shell): Promise<string> {
  const begun = bodyOf(await client.request('PUT', attempt));
  const nonce = String(begun['nonce']);
  try {
    const next = await keySource(shell);
    for (;;) {
      const key = await next('key');
      if (key === undefined) throw new CofferError('usage', 'these keys are too few to open a slot');
      const answer = bodyOf(await client.request('PUT', update, { body: { key, nonce } }));
      if (answer['complete'] === true)
        return decodeToken(String(answer['encoded_token']), String(begun['otp']));
    }
  } catch (error) {
    await client.request('DELETE', attempt).catch(() => undefined);
    throw error;
  }
}

async function giveKey(client: Client, shell: Shell, nonce: string): Promise<void> {
  const key = await readSecretLine(shell, 'key');
  show(shell, bodyOf(await client.request('PUT', update, { body: { key: key.trim(), nonce } })));
}

function show({ ui }: Shell, answer: JsonObject): void {
  const names = ['nonce', 'started', 'progress', 'required', 'complete', 'otp', 'encoded_token'];
  const shown = names.filter((name) => answer[name] !== undefined && answer[name] !== '');
  ui.record(
    shown.map((name) => [name.replace('_', ' '), String(answer[name])]),
    answer,
  );
}

/** The XOR of an encoded token and its one-time password. Throws `usage` when they do not belong together. */
export function decodeToken(encoded: string, otp: string): string {
  const bytes = Buffer.from(encoded, 'base64');
  const password = Buffer.from(otp);
  if (bytes.length === 0 || bytes.length !== password.length) {
    throw new CofferError('usage', 'the encoded token and the one-time password are not of one length');
  }
  const text = Buffer.from(bytes.map((byte, index) => byte ^ (password[index] ?? 0))).toString('latin1');
  if (!/^[\x21-\x7e]+$/.test(text)) {
    throw new CofferError('usage', 'this one-time password does not decode this token');
  }
  return text;
}

function bodyOf(answer: { readonly body: unknown }): JsonObject {
  return isJsonObject(answer.body) ? answer.body : {};
}
