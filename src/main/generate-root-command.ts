/**
 * `coffer operator generate-root` on the host of a data directory: a node of its own over the store, proved by a slot's key. Without one
 * nothing is opened, so there is nothing to make a token with. It walks the same road as a request, and leaves the same lines.
 */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type Command, defineCommand } from '../cli/command.ts';
import { decodeToken, madeNote } from '../cli/commands/operator-generate-root.ts';
import { delivered, keySource } from '../cli/key-input.ts';
import type { Shell } from '../cli/shell.ts';
import { keepsLog } from '../core/audit/stored-place.ts';
import { parseApiPath } from '../core/path.ts';
import { CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import { openLogger } from '../log.ts';
import { readBoot } from '../seal/boot.ts';
import { readKeyfile } from '../seal/keyfile/keyfile.ts';
import { parseStorageKey, type Storage } from '../storage/storage.ts';
import type { StoragePlace } from '../storage/storage-type.ts';
import { configuredKek } from './configured-kek.ts';
import { hostData, hostKeyfiles, hostStorage, openHostStorage } from './host-storage.ts';
import { auditDirectoryOf, type CofferNode, createNode } from './node.ts';

export const command: Command = defineCommand({
  summary: 'Make another root token, on the host',
  operands: {},
  options: {
    data: { type: 'text', help: 'data directory' },
    storage: { type: 'text', help: 'the store, where it is elsewhere' },
    keyfile: { type: 'text', help: 'keyfile of the store (COFFER_KEYFILE, or COFFER_CONFIG)' },
    output: { type: 'text', help: 'new file for the token' },
  },
  async run({ options }, shell) {
    process.umask(0o077);
    const data = hostData(shell, options.data);
    await delivered(
      shell,
      options.output,
      async () =>
        `${await makeToken(shell, data, hostStorage(shell, options.storage, data), options.keyfile)}\n`,
    );
    shell.ui.talk(madeNote);
  },
});

async function makeToken(
  shell: Shell,
  data: string,
  place: StoragePlace,
  keyfile: string | undefined,
): Promise<string> {
  const storage = await openHostStorage(shell, place, { create: false });
  const node = createNode({
    storage,
    storePlace: place.name,
    auditDirectory: auditDirectoryOf(data),
    // The line goes where the server's lines are.
    auditLog: { log: (await keepsLog(storage)) ? 'store' : 'files', keep: undefined },
    seals: [],
    log: openLogger({ level: 'error', terminal: false, write: (line) => void shell.stderr.write(line) }),
    unauthenticatedKeyOperations: true,
  });
  try {
    await requireOpenStore(storage, place.name);
    await node.state.start();
    const keys = await openedWith(shell, node, await slotKey(shell, storage, keyfile));
    const begun = await request(node, 'sys/generate-root/attempt', {});
    let answer: JsonObject = {};
    for (const key of keys) {
      answer = await request(node, 'sys/generate-root/update', { key, nonce: String(begun['nonce']) });
      if (answer['complete'] === true) break;
    }
    return decodeToken(String(answer['encoded_token']), String(begun['otp']));
  } finally {
    await node.state.close();
  }
}

/** Whoever sealed the store on purpose has the last word, until it is unsealed. */
async function requireOpenStore(storage: Storage, place: string): Promise<void> {
  if ((await readBoot(storage)).kind === 'empty') {
    throw new CofferError('store_unusable', `there is no store in ${place}`);
  }
  if ((await storage.read(parseStorageKey('boot/seal-state'))) !== undefined) {
    throw new CofferError('sealed', 'the store was sealed on purpose: unseal it first, at its server');
  }
}

/** What opens a slot without asking anybody: a keyfile, or a key that the server's settings name. */
async function slotKey(
  shell: Shell,
  storage: Storage,
  keyfile: string | undefined,
): Promise<string | undefined> {
  const ofKeyfile = await keyfileKey(shell, storage, keyfile);
  const boot = await readBoot(storage);
  if (ofKeyfile !== undefined || boot.kind === 'empty') return ofKeyfile;
  const found = await configuredKek(shell, boot);
  const text = found?.kek.toString('base64');
  found?.kek.fill(0);
  return text;
}

/** The key in the keyfile given, or in one that a server would have here, if it is there. */
async function keyfileKey(
  shell: Shell,
  storage: Storage,
  given: string | undefined,
): Promise<string | undefined> {
  const boot = await readBoot(storage);
  if (boot.kind === 'empty') return undefined;
  const { id } = boot.header;
  if (given !== undefined) return keyIn(given, id);
  if (!boot.slots.some(({ kind }) => kind === 'keyfile')) return undefined;
  const there = hostKeyfiles(shell, id).filter((path) => existsSync(path));
  for (const [index, path] of there.entries()) {
    try {
      return await keyIn(path, id);
    } catch (error) {
      // Behind a keyfile that the settings name, which may be another store's, the store's own may lie at the usual place.
      if (index === there.length - 1) throw error;
    }
  }
  return undefined;
}

/** Throws `wrong_key` for the keyfile of another store. */
async function keyIn(path: string, storeId: string): Promise<string> {
  const keyfile = await readKeyfile(path);
  using key = keyfile.key;
  if (keyfile.storeId !== storeId) {
    throw new CofferError('wrong_key', `keyfile ${path} belongs to store ${keyfile.storeId}`);
  }
  return key.reveal().toString('base64');
}

/** Opens the node; answers the keys it took, in order. */
async function openedWith(
  shell: Shell,
  node: CofferNode,
  first: string | undefined,
): Promise<readonly string[]> {
  const keys: string[] = [];
  const next =
    first === undefined ? await keySource(shell) : async () => (keys.length === 0 ? first : undefined);
  while ((await node.state.status()).sealed) {
    const key = await next(`key ${keys.length + 1}`);
    if (key === undefined) throw new CofferError('wrong_key', 'these keys are too few to open the store');
    await node.state.submitKey(key);
    keys.push(key);
  }
  return keys;
}

async function request(node: CofferNode, path: string, data: JsonObject): Promise<JsonObject> {
  const answer = await node.road.handle({
    id: randomUUID(),
    operation: 'update',
    path: parseApiPath(path),
    data,
    token: undefined,
    wrapTtl: 0,
    remoteAddress: '127.0.0.1',
  });
  if (answer.kind === 'plain' && isJsonObject(answer.body)) return answer.body;
  const reason = answer.kind === 'error' ? answer.errors.join(' ') : 'the answer was not understood';
  throw new CofferError(answer.kind === 'error' ? (answer.code ?? 'internal') : 'internal', reason);
}
