import type { Client } from '../../client/client.ts';
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';
import { usageError } from '../args.ts';
import { defineCommand } from '../command.ts';
import { confirmed } from '../confirm.ts';
import { connect } from '../context.ts';
import { delivered, keyOfKeyfile, keySource, newPassphrase } from '../key-input.ts';
import { serverOptions, yesOption } from '../options.ts';
import type { Shell } from '../shell.ts';

const kinds = ['keyfile', 'passphrase', 'shamir', 'awskms'] as const;
const path = 'sys/seal-slots';

interface SlotOptions {
  readonly output: string | undefined;
  readonly keyfile: string | undefined;
  readonly shares: number | undefined;
  readonly threshold: number | undefined;
  readonly 'kms-key': string | undefined;
  readonly yes: boolean;
}

export const slots = defineCommand({
  summary: 'List, add, remove and rehearse the ways to open the store',
  details: [
    'Each slot opens the store by itself: a keyfile, a passphrase, shares (shamir), or a KMS key of the server’s settings (awskms). Keys and passphrases are asked for without ' +
      'showing them, or read from standard input, one a line. What is made goes to --output, or is printed this once.',
    'A rehearsal (verify) changes nothing. A slot is removed only when another one has been seen to open.',
  ],
  examples: [
    'coffer operator slots',
    'coffer operator slots add keyfile --output /media/usb/coffer.keyfile',
    'coffer operator slots add passphrase',
    'coffer operator slots add awskms',
    'coffer operator slots verify ID',
    'coffer operator slots remove ID',
  ],
  operands: { ACTION: 'optional', SLOT: 'optional' },
  options: {
    output: { type: 'text', value: 'FILE', help: 'add: write the keyfile or the shares to this new file' },
    shares: { type: 'integer', value: 'N', help: 'add shamir: how many shares to make (5)' },
    threshold: { type: 'integer', value: 'N', help: 'add shamir: how many of them open the store (3)' },
    'kms-key': {
      type: 'text',
      value: 'KEY',
      help: 'add awskms: which key, where the server’s settings name several',
    },
    keyfile: { type: 'text', value: 'FILE', help: 'verify: whether this keyfile opens the slot' },
    ...yesOption,
    ...serverOptions,
  },
  async run({ operands, options }, shell) {
    const { ACTION: action = 'list', SLOT: slot } = operands;
    const client = await connect(shell, options);
    if (action === 'list' && slot === undefined) return list(client, shell);
    if (slot === undefined) throw usageError('operator slots', `\`${action}\` needs a slot or a kind`);
    if (action === 'add') return add(client, shell, slot, options);
    if (action === 'remove') return remove(client, shell, slot, options.yes);
    if (action === 'verify') return verify(client, shell, slot, options.keyfile);
    throw usageError('operator slots', 'the action is one of list, add, remove, verify');
  },
});

async function list(client: Client, { ui }: Shell): Promise<void> {
  const data = dataOf(await client.request('LIST', path));
  const info = isJsonObject(data['key_info']) ? data['key_info'] : {};
  const rows = Object.values(info).filter(isJsonObject);
  const lines = rows.map((slot) => [
    String(slot['id']),
    String(slot['type']),
    slot['automatic'] === true ? 'at start' : `${String(slot['secret_threshold'])} by hand`,
    slot['verified'] === true ? 'yes' : 'no',
  ]);
  ui.table(['SLOT', 'TYPE', 'OPENS', 'VERIFIED'], lines, rows);
}

async function add(client: Client, shell: Shell, kind: string, options: SlotOptions): Promise<void> {
  if (!kinds.some((known) => known === kind)) {
    throw usageError('operator slots', `the kind is one of ${kinds.join(', ')}`);
  }
  const make = async (body: JsonObject) => dataOf(await client.request('PUT', path, { body }));
  let id = '';
  if (kind === 'awskms') {
    const { 'kms-key': kms_key } = options;
    id = String((await make({ type: kind, ...(kms_key === undefined ? {} : { kms_key }) }))['id']);
  } else if (kind === 'passphrase') {
    id = String((await make({ type: kind, passphrase: await newPassphrase(shell) }))['id']);
  } else {
    const secret_shares = options.shares ?? 5;
    const secret_threshold = options.threshold ?? Math.min(3, secret_shares);
    const body = kind === 'keyfile' ? { type: kind } : { type: kind, secret_shares, secret_threshold };
    await delivered(shell, options.output, async () => {
      const made = await make(body);
      id = String(made['id']);
      return kind === 'keyfile' ? String(made['keyfile']) : listOf(made['keys_base64']).map(ended).join('');
    });
  }
  const what = options.output === undefined ? '' : `; what opens it is in ${options.output}`;
  shell.ui.talk(`added ${kind} slot ${id}${what}`);
  shell.ui.talk(`rehearse it: coffer operator slots verify ${id}`);
}

async function remove(client: Client, shell: Shell, id: string, yes: boolean): Promise<void> {
  await confirmed(shell, yes, `Remove slot ${id}? What opens it will open nothing any more.`);
  await client.request('DELETE', `${path}/${encodeURIComponent(id)}`);
  shell.ui.done(`removed slot ${id}`, { removed: id });
}

async function verify(client: Client, shell: Shell, id: string, keyfile: string | undefined): Promise<void> {
  const one = `${path}/${encodeURIComponent(id)}`;
  const slot = dataOf(await client.request('GET', one));
  const keys = keyfile === undefined ? await keysFor(shell, slot) : [keyOfKeyfile(keyfile)];
  // A passphrase may hold commas, which would part a list.
  const body = keys.length === 1 ? { key: keys[0] ?? '' } : { keys };
  await client.request('PUT', `${one}/verify`, { body });
  shell.ui.done(`slot ${id} opens the store`, { id, opens: true });
}

/** None for a slot that the server opens by itself: it tries what it has. */
async function keysFor(shell: Shell, slot: JsonObject): Promise<readonly string[]> {
  if (slot['automatic'] === true) return [];
  const needed = Number(slot['secret_threshold'] ?? 1);
  const next = await keySource(shell);
  const keys: string[] = [];
  while (keys.length < needed) {
    const key = await next(
      slot['type'] === 'passphrase' ? 'passphrase' : `key ${keys.length + 1} of ${needed}`,
    );
    if (key === undefined) throw new CofferError('usage', `the slot needs ${needed} keys, one a line`);
    keys.push(key);
  }
  return keys;
}

function dataOf({ body }: { readonly body?: unknown }): JsonObject {
  return isJsonObject(body) && isJsonObject(body['data']) ? body['data'] : {};
}

function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function ended(line: string): string {
  return `${line}\n`;
}
