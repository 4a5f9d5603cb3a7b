import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../json.ts';
import { parseApiPath } from '../path.ts';
import { compileAcl } from './compile.ts';
import { parsePolicy } from './policy.ts';

const acl = compileAcl([
  parsePolicy(
    'p',
    'path "a" { capabilities = ["update"]\n denied_parameters = { policies = ["admin", "ops-*", 7] } }',
  ),
]);

function decide(policies: JsonValue) {
  const request = { path: parseApiPath('a'), operation: 'update', data: { policies }, sudo: false } as const;
  return acl.decide(request).kind;
}

describe('threat 11: a value that may not be sent', () => {
  it.each<JsonValue>([
    'admin',
    ['admin'],
    ['dev', 'admin'],
    ['dev', ['admin']],
    ['ops-eu'],
    [7],
    'dev,admin',
    'dev, ops-eu ,x',
    ['dev,admin'],
  ])('is not sent inside a list either: %j', (value) => {
    expect(decide(value)).toBe('deny');
  });

  it.each<JsonValue>(['dev', ['dev'], [], 'administrator', 'dev,administrator', ['x', 'y'], 8, null, ''])(
    'leaves others: %j',
    (value) => {
      expect(decide(value)).toBe('allow');
    },
  );
});
