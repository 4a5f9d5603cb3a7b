/** `coffer operator rotate`, `key-status` and `rekey`. */
import type { Client } from '../../client/client.ts';
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';
import { defineCommand } from '../command.ts';
import { connect } from '../context.ts';
import { delivered, keySource, type NextKey } from '../key-input.ts';
import { serverOptions } from '../options.ts';
import { isInteractive } from '../prompt.ts';
import type { Shell } from '../shell.ts';

export const keyStatus = defineCommand({
  summary: 'Show the encryption key in use',
  operands: {},
  options: serverOptions,
  async run({ options }, shell) {
    showTerm(shell, await connect(shell, options).then(readStatus));
  },
});

export const rotate = defineCommand({
  summary: 'Seal what is written from now on under a new encryption key',
  details: [
    'Older records stay readable, and a job seals them anew in the background: `coffer api GET sys/jobs` shows how far it is.',
  ],
  operands: {},
  options: serverOptions,
  async run({ options }, shell) {
    const client = await connect(shell, options);
    await client.request('PUT', 'sys/rotate');
    showTerm(shell, await readStatus(client));
  },
});

export const rekey = defineCommand({
  summary: 'Make new shares in place of the old ones',
  details: [
    'The old shares are asked for without showing them, or read from standard input, one a line. The new ones go to --output, one a ' +
      'line, or are printed this once, and have to be given back: until then the old ones stay good.',
  ],
  operands: {},
  options: {
    shares: { type: 'integer', value: 'N', help: 'how many shares to make (5)' },
    threshold: { type: 'integer', value: 'N', help: 'how many of them open the store (3)' },
    output: { type: 'text', value: 'FILE', help: 'write the new shares to this new file' },
    status: { type: 'flag', help: 'show how far it is' },
    cancel: { type: 'flag', help: 'end it; the old shares stay good' },
    ...serverOptions,
  },
  async run({ options }, shell) {
    const client = await connect(shell, options);
    if (options.cancel) {
      await client.request('DELETE', 'sys/rekey/init');
      return shell.ui.done('no rekey operation is under way', { cancelled: true });
    }
    if (options.status) {
      const status = bodyOf(await client.request('GET', 'sys/rekey/init'));
      const { started, progress, required } = status;
      const shown = { started: started === true, progress: Number(progress), required: Number(required) };
      return shell.ui.record(
        Object.entries(shown).map(([name, value]) => [name, String(value)]),
        shown,
      );
    }
    const shares = options.shares ?? 5;
    const threshold = options.threshold ?? Math.min(3, shares);
    await rekeyOnce(client, shell, { shares, threshold, output: options.output });
  },
});

async function rekeyOnce(
  client: Client,
  shell: Shell,
  wanted: { readonly shares: number; readonly threshold: number; readonly output: string | undefined },
): Promise<void> {
  const { shares, threshold, output } = wanted;
  const begun = bodyOf(
    await client.request('PUT', 'sys/rekey/init', {
      body: { secret_shares: shares, secret_threshold: threshold, require_verification: true },
    }),
  );
  const next = await keySource(shell);
  let made: JsonObject = {};
  try {
    await delivered(shell, output, async () => {
      made = await handIn(client, 'sys/rekey/update', String(begun['nonce']), next, 'share');
      return keysOf(made)
        .map((key) => `${key}\n`)
        .join('');
    });
    const keys = keysOf(made);
    // Nobody is there to give them back: that they are on their way is all that can be shown.
    const shown: NextKey = isInteractive(shell) ? next : async () => keys.shift();
    await handIn(client, 'sys/rekey/verify', String(made['verification_nonce']), shown, 'new share');
  } catch (error) {
    await client.request('DELETE', 'sys/rekey/init').catch(() => undefined);
    throw error;
  }
  shell.ui.talk(
    `any ${threshold} of the ${shares} new shares open the store; the old ones open nothing any more`,
  );
}

/** Hands in keys until the operation is complete. Throws `usage` when there are too few. */
async function handIn(
  client: Client,
  path: string,
  nonce: string,
  next: NextKey,
  what: string,
): Promise<JsonObject> {
  for (let given = 1; ; given++) {
    const key = await next(`${what} ${given}`);
    if (key === undefined) throw new CofferError('usage', 'there are too few shares; nothing was changed');
    const answer = bodyOf(await client.request('PUT', path, { body: { key: key.trim(), nonce } }));
    if (answer['complete'] === true) return answer;
  }
}

async function readStatus(client: Client): Promise<JsonObject> {
  const { data } = bodyOf(await client.request('GET', 'sys/key-status'));
  return isJsonObject(data) ? data : {};
}

function showTerm({ ui }: Shell, status: JsonObject): void {
  const older = Array.isArray(status['older_terms']) ? status['older_terms'] : [];
  ui.record(
    [
      ['term', String(status['term'])],
      ['installed', String(status['install_time'])],
      ['encryptions', String(status['encryptions'])],
      ['older terms in use', older.length === 0 ? 'none' : older.join(', ')],
    ],
    status,
  );
}

function keysOf(made: JsonObject): string[] {
  return Array.isArray(made['keys_base64']) ? made['keys_base64'].map(String) : [];
}

function bodyOf(answer: { readonly body: unknown }): JsonObject {
  return isJsonObject(answer.body) ? answer.body : {};
}
