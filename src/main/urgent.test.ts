import { describe, expect, it } from 'vitest';
import { RawJson } from '../core/request.ts';
import { isUrgent } from './urgent.ts';

const requests = [
  ['update', 'sys/seal'],
  ['update', 'sys/leases/revoke'],
  ['update', 'sys/revoke-prefix/aws'],
  ['update', 'auth/token/revoke-self'],
  ['update', 'auth/approle/role/web/secret-id/destroy'],
  ['delete', 'secret/data/x'],
] as const;

describe.each(requests)('on a full disk, %s %s', (operation, path) => {
  const request = { type: 'request', operation, path } as const;

  it('is still done, and answered', () => {
    expect(isUrgent({ ...request, decision: { kind: 'allow' } })).toBe(true);
    expect(isUrgent({ ...request, decision: new RawJson('{"kind":"allow","rule":{}}') })).toBe(true);
    expect(isUrgent({ type: 'response', operation, path })).toBe(true);
  });

  it('threat 15: takes none of the room that is kept when it is refused', () => {
    expect(isUrgent({ ...request, decision: { kind: 'deny', reason: 'missing client token' } })).toBe(false);
    expect(isUrgent({ ...request, decision: { kind: 'needs-approval' } })).toBe(false);
    expect(isUrgent({ ...request, decision: new RawJson('{"kind":"deny","reason":"allow"}') })).toBe(false);
    expect(isUrgent(request)).toBe(false);
  });
});

it.each([
  ['read', 'secret/data/x'],
  ['update', 'auth/approle/login'],
  ['update', 'sys/sealed'],
  ['update', 'auth/tokens/revoke'],
])('on a full disk, %s %s has to wait', (operation, path) => {
  expect(isUrgent({ type: 'request', operation, path, decision: { kind: 'allow' } })).toBe(false);
});
