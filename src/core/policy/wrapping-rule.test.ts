import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, makePlace, makeToken, type Place, writePolicy } from '../../../test/fakes/client.ts';
import { CofferError } from '../../errors.ts';
import type { CofferNode } from '../../main/node.ts';
import { parsePolicy } from './policy.ts';

let place: Place;
let node: CofferNode;
beforeAll(async () => {
  place = await makePlace();
  node = await place.node();
  await ask(node, 'update', 'secret/data/a', { data: { a: 1 } });
});
afterAll(() => place.remove());

const read = (token: string, wrapTtl: number) => ask(node, 'read', 'secret/data/a', {}, token, { wrapTtl });

async function tokenFor(rule: string, name: string): Promise<string> {
  await writePolicy(node, name, `path "secret/data/a" { capabilities = ["read", "list"] ${rule} }`);
  return makeToken(node, { policies: [name] });
}

describe('bounds of wrapping', () => {
  it('let only answers through that are wrapped for a time within them', async () => {
    const token = await tokenFor('min_wrapping_ttl = "1m" max_wrapping_ttl = 300', 'both');
    for (const [ttl, status] of [
      [0, 403],
      [59, 403],
      [60, 200],
      [300, 200],
      [301, 403],
    ] as const) {
      const answer = await read(token, ttl);
      expect(answer.status, String(ttl)).toBe(status);
      expect(answer.hasData, String(ttl)).toBe(false);
    }
    const least = await tokenFor('min_wrapping_ttl = "1m"', 'least');
    expect((await read(least, 0)).status).toBe(403);
    expect((await read(least, 86_400)).status).toBe(200);
    const most = await tokenFor('max_wrapping_ttl = "1m"', 'most');
    expect((await read(most, 0)).status).toBe(403);
    expect((await read(most, 1)).status).toBe(200);
    expect((await read(most, 61)).status).toBe(403);
  });

  it('are the lesser ones where policies have the same pattern; bounds that cross let nothing pass', async () => {
    await tokenFor('min_wrapping_ttl = 60 max_wrapping_ttl = 600', 'wide');
    await tokenFor('min_wrapping_ttl = 120 max_wrapping_ttl = 180', 'narrow');
    const token = await makeToken(node, { policies: ['wide', 'narrow'] });
    for (const [ttl, status] of [
      [59, 403],
      [60, 200],
      [180, 200],
      [181, 403],
    ] as const) {
      expect((await read(token, ttl)).status, String(ttl)).toBe(status);
    }
    await tokenFor('min_wrapping_ttl = 600', 'long');
    await tokenFor('max_wrapping_ttl = 60', 'short');
    const never = await makeToken(node, { policies: ['long', 'short'] });
    for (const ttl of [0, 60, 600, 61]) expect((await read(never, ttl)).status, String(ttl)).toBe(403);
  });

  it('hold for every operation, and are explained', async () => {
    const token = await tokenFor('max_wrapping_ttl = "1m"', 'told');
    expect((await ask(node, 'list', 'secret/data/a/', {}, token)).status).toBe(403);
    const question = { path: 'secret/data/a', operation: 'read' };
    const { data } = await ask(node, 'update', 'sys/policies/explain', question, token);
    expect(data).toMatchObject({
      decision: 'deny',
      reason: expect.stringContaining('wants the answer wrapped') as string,
      advice: expect.stringContaining('X-Vault-Wrap-TTL') as string,
    });
  });

  it('threat 05: a check that is not on every path — a rule with bounds gives nothing by paths of Coffer’s own either', async () => {
    const bounds = 'max_wrapping_ttl = "1m"';
    const all = 'capabilities = ["create", "read", "update", "delete", "list", "sudo"]';
    await writePolicy(node, 'mover', `path "secret/*" { ${all} ${bounds} }`);
    const token = await makeToken(node, { policies: ['mover'] });
    const moved = await ask(node, 'update', 'sys/secrets/copy', { from: 'secret/a', to: 'secret/b' }, token);
    expect(moved.status).toBe(403);
    const found = await ask(node, 'update', 'sys/secrets/find', { path: 'secret/' }, token);
    expect(JSON.stringify(found.data)).not.toContain('"a"');
  });
});

it.each([
  'min_wrapping_ttl = 0',
  'min_wrapping_ttl = -5',
  'max_wrapping_ttl = "0s"',
  'max_wrapping_ttl = "soon"',
  'max_wrapping_ttl = 1.5',
  'max_wrapping_ttl = 9007199254740993',
  'max_wrapping_ttl = true',
  'max_wrapping_ttl = [60]',
  'min_wrapping_ttl = "5m" max_wrapping_ttl = "1m"',
  'min_wrapping_ttl = 5 min_wrapping_ttl = 5',
])('refuses %s when the policy is written', (rule) => {
  expect(() => parsePolicy('p', `path "a" { capabilities = ["read"] ${rule} }`)).toThrow(CofferError);
});
