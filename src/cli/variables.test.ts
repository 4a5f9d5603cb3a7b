import { expect, test } from 'vitest';
import { childEnvironment } from './child-environment.ts';
import { variablesOf } from './variables.ts';

const db = { name: 'shop/db', data: { user: 'app', 'pass-word': 'p' } };
const key = { name: 'shop/api_key', data: { value: 'k' } };
const wishes = { only: [], prefix: undefined, upper: false };
const names = (fields: readonly { name: string }[]) => fields.map(({ name }) => name);

test('a field is the variable of its name, and a bare value that of its secret', () => {
  expect(names(variablesOf([key], wishes, true))).toEqual(['api_key']);
  expect(names(variablesOf([key], wishes, false))).toEqual(['value']);
  const mapped = variablesOf([db, key], { ...wishes, upper: true, prefix: 'S_' }, true);
  expect(names(mapped)).toEqual(['S_USER', 'S_PASS_WORD', 'S_API_KEY']);
  expect(names(variablesOf([db, key], { ...wishes, only: ['user,api_key'] }, true))).toEqual([
    'user',
    'api_key',
  ]);
});

test.each([
  [[db], wishes, 'pass-word of shop/db is not the name of a variable; --upper makes one of it'],
  [[{ name: 'a', data: { '1': 'x' } }], { ...wishes, upper: true }, '--prefix gives it a beginning'],
  [
    [
      { name: 'a', data: { x: '1' } },
      { name: 'b', data: { x: '2' } },
    ],
    wishes,
    'x of a and x of b would both be x',
  ],
  [
    [{ name: 'a', data: { x: '1', X: '2' } }],
    { ...wishes, upper: true },
    'x of a and X of a would both be X',
  ],
  [[db], { ...wishes, only: ['nope'] }, '--only names a field that is not there; there are: user, pass-word'],
  [[{ name: 'a', data: { 'x=y': '1' } }], wishes, 'is not the name of a variable'],
  [[{ name: 'a', data: { '': '1' } }], wishes, 'is not the name of a variable'],
])('%j is refused: %s', (secrets, wish, message) => {
  expect(() => variablesOf(secrets, wish, true)).toThrow(message);
});

test.each([
  'PATH',
  'LD_PRELOAD',
  'PYTHONWARNINGS',
  'DOTNET_STARTUP_HOOKS',
  'GIT_DIR',
  'KUBECONFIG',
  'SSLKEYLOGFILE',
  'NODE_OPTIONS',
  'BASH_ENV',
  'BASH_FUNC_x',
  'GIT_SSH_COMMAND',
  'IFS',
  'HOME',
])('threat 19: %s comes from a secret only when it is named', (name) => {
  const secret = { name: 'a', data: { [name]: '/tmp/evil' } };
  expect(() => variablesOf([secret], wishes, true)).toThrow('would steer how programs run');
  const lower = { name: 'a', data: { [name.toLowerCase()]: 'x' } };
  expect(() => variablesOf([lower], { ...wishes, upper: true }, true)).toThrow(/would steer|variable/);
  expect(names(variablesOf([secret], { ...wishes, only: [name] }, true))).toEqual([name]);
});

const parent = {
  PATH: '/bin',
  VAULT_TOKEN: 't',
  COFFER_TOKEN: 't',
  COFFER_ADDR: 'a',
  VAULT_SECRET_ID: 's',
  unset: undefined,
};

test('threat 17: our own credentials do not reach the program', () => {
  const none = { pristine: false, keepToken: false };
  expect({ ...childEnvironment([{ name: 'x', value: '1' }], parent, none) }).toEqual({
    PATH: '/bin',
    COFFER_ADDR: 'a',
    x: '1',
  });
  expect({ ...childEnvironment([], parent, { ...none, pristine: true }) }).toEqual({});
  expect(childEnvironment([], parent, { pristine: true, keepToken: true })['VAULT_TOKEN']).toBe('t');
  expect(childEnvironment([{ name: 'VAULT_TOKEN', value: 'own' }], parent, none)['VAULT_TOKEN']).toBe('own');
});

test.each(['hunter2\0', '\ud800'])('threat 16: %j fits no environment, and is not repeated', (value) => {
  const wish = { pristine: true, keepToken: false };
  expect(() => childEnvironment([{ name: 'x', value }], {}, wish)).toThrow(
    expect.objectContaining({ code: 'usage', message: expect.not.stringContaining('hunter2') }),
  );
});
