import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { places } from '../config/paths.ts';
import { output, temporaryHome } from './cli.fixture.ts';
import { findToken, resolveTarget } from './context.ts';
import { writeTokenFile } from './token-file.ts';
import { openUi } from './ui.ts';
import { parseUserSettings } from './user-file.ts';

const none = { address: undefined, namespace: undefined, 'token-file': undefined, 'ca-cert': undefined };
const everything = {
  COFFER_ADDR: 'http://coffer',
  COFFER_NAMESPACE: 'c',
  COFFER_CACERT: 'c.pem',
  VAULT_ADDR: 'http://vault',
  VAULT_NAMESPACE: 'v',
  VAULT_CACERT: 'v.pem',
};
const user = { address: 'http://user', namespace: 'u', ca_cert: 'u.pem' };

test('a flag wins over COFFER_*, that over VAULT_*, that over the file, that over the default', () => {
  const flags = { ...none, address: 'http://flag', namespace: 'f', 'ca-cert': 'f.pem' };
  const vault = { VAULT_ADDR: 'http://vault', VAULT_NAMESPACE: 'v', VAULT_CACERT: 'v.pem', COFFER_ADDR: '' };
  const found = [
    resolveTarget(flags, everything, user),
    resolveTarget(none, everything, user),
    resolveTarget(none, vault, user),
    resolveTarget(none, {}, user),
    resolveTarget(none, {}, {}),
  ];
  expect(found.map((target) => target.address)).toEqual([
    'http://flag',
    'http://coffer',
    'http://vault',
    'http://user',
    'http://127.0.0.1:8200',
  ]);
  expect(found.map((target) => target.namespace)).toEqual(['f', 'c', 'v', 'u', undefined]);
  expect(found.map((target) => target.caFile)).toEqual(['f.pem', 'c.pem', 'v.pem', 'u.pem', undefined]);
});

test('a safe is a server and a mount, a mount of the server, or the default mount', () => {
  const safe = (options: { address?: string; safe?: string }, env: Record<string, string>) =>
    resolveTarget({ ...none, ...options, address: options.address }, env, {}).safe;
  expect(safe({}, {})).toEqual({ address: 'http://127.0.0.1:8200', mount: 'secret' });
  expect(safe({ safe: 'https://h/kv' }, everything)).toEqual({ address: 'https://h', mount: 'kv' });
  expect(safe({ safe: 'team' }, everything)).toEqual({ address: 'http://coffer', mount: 'team' });
  expect(safe({}, { COFFER_SAFE: 'https://h/kv', VAULT_ADDR: 'http://vault' })).toEqual({
    address: 'https://h',
    mount: 'kv',
  });
  expect(safe({ address: 'http://other' }, { COFFER_SAFE: 'kv' })).toEqual({
    address: 'http://other',
    mount: 'kv',
  });
});

test('the server of a safe is also where everything else goes', () => {
  expect(resolveTarget(none, { COFFER_SAFE: 'https://h/kv', VAULT_ADDR: 'http://vault' }, {}).address).toBe(
    'https://h',
  );
});

test('two servers on one command line are refused', () => {
  const options = { ...none, address: 'http://a', safe: 'http://b/secret' };
  expect(() => resolveTarget(options, {}, {})).toThrow(expect.objectContaining({ code: 'usage' }));
});

/** What a shell has besides, and nothing here uses. */
const timeless = { now: () => 0, pause: async () => {}, commands: () => new Map(), atEnd() {}, endWith() {} };

function shellIn(home: string, env: Record<string, string>, stdin = '') {
  const stderr = output();
  const world = {
    env,
    stdin: new PassThrough().end(stdin),
    stdout: output().stream,
    stderr: stderr.stream,
    interrupt() {},
  };
  const shell = { ...world, ui: openUi(world, 'text'), places: places({ HOME: home }), ...timeless };
  return { shell, stderr: () => stderr.bytes().toString('utf8') };
}

test('the token: file flag, COFFER_TOKEN, VAULT_TOKEN, what login kept, what Vault’s client kept', async () => {
  const home = temporaryHome();
  const file = join(home, 'given');
  const { tokenFile, vaultTokenFile } = places({ HOME: home });
  const env = { COFFER_TOKEN: 'coffer', VAULT_TOKEN: 'vault' };
  const find = (variables: Record<string, string>, tokenFileOption?: string) =>
    findToken(shellIn(home, variables, 'piped\n').shell, { 'token-file': tokenFileOption });
  expect(await find({})).toBeUndefined();
  writeFileSync(vaultTokenFile, 'kept-by-vault\n', { mode: 0o600 });
  expect(await find({})).toBe('kept-by-vault');
  writeTokenFile(tokenFile, 'kept');
  writeFileSync(file, 'file\n');
  expect(await find({})).toBe('kept');
  expect(await find({ VAULT_TOKEN: 'vault' })).toBe('vault');
  expect(await find(env)).toBe('coffer');
  expect(await find(env, file)).toBe('file');
  expect(await find(env, '-')).toBe('piped');
});

test('threat 26: a kept token that others can read is warned about', async () => {
  const home = temporaryHome();
  const { shell, stderr } = shellIn(home, {});
  writeTokenFile(shell.places.tokenFile, 'kept');
  await findToken(shell, { 'token-file': undefined });
  expect(stderr()).toBe('');
  chmodSync(shell.places.tokenFile, 0o644);
  await findToken(shell, { 'token-file': undefined });
  expect(stderr()).toContain('chmod 600');
});

test.each(['', '\n', 'two words', 'line\nline', 'ü', '\u0000'])(
  'threat 16: %j is no token, and is not repeated',
  async (text) => {
    const home = temporaryHome();
    const { shell } = shellIn(home, {});
    mkdirSync(shell.places.config, { recursive: true });
    writeFileSync(shell.places.tokenFile, text);
    const error = await findToken(shell, { 'token-file': undefined }).catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ code: 'usage' });
    expect(String(error)).not.toMatch(/two words|line|ü/);
  },
);

test('a token file that is named must be there', async () => {
  const { shell } = shellIn(temporaryHome(), {});
  await expect(findToken(shell, { 'token-file': '/nowhere/token' })).rejects.toMatchObject({ code: 'usage' });
});

test('the user’s file names everything that is wrong with it', () => {
  expect(parseUserSettings('{"address":"http://x"}', 'cli.json')).toEqual({ address: 'http://x' });
  expect(() => parseUserSettings('{"adress":"x","safe":1}', 'cli.json')).toThrow(
    'cli.json: "adress" is not a setting; "safe" must be a text (settings are: address, safe, namespace, ca_cert)',
  );
  expect(() => parseUserSettings('[]', 'cli.json')).toThrow('must hold a JSON object');
  expect(() => parseUserSettings('{', 'cli.json')).toThrow('must hold a JSON object');
});

test('XDG variables move the places, relative ones do not', () => {
  expect(places({ HOME: '/h' })).toMatchObject({
    config: '/h/.config/coffer',
    data: '/h/.local/share/coffer',
  });
  expect(places({ HOME: '/h', XDG_CONFIG_HOME: '/c', XDG_DATA_HOME: 'd' })).toMatchObject({
    tokenFile: '/c/coffer/token',
    vaultTokenFile: '/h/.vault-token',
    data: '/h/.local/share/coffer',
  });
});
