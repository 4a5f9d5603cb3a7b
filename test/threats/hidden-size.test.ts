/** What is small as JSON and large as what it is turned into: texts that hold lists, objects or JSON of their own. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { coerceFields } from '../../src/core/field.ts';
import type { JsonObject } from '../../src/json.ts';
import type { CofferNode } from '../../src/main/node.ts';
import { ask, makePlace, type Place } from '../fakes/client.ts';

let place: Place;
let node: CofferNode;

beforeAll(async () => {
  place = await makePlace();
  node = await place.node();
});
afterAll(() => place.remove());

const commas = ','.repeat(300_000);
const manyItems = `{"a":[${'[],'.repeat(1_000_000)}[]]}`;

describe('threat 15: a text in a field', () => {
  it.each<[string, JsonObject]>([
    ['sys/capabilities-self', { paths: commas }],
    ['auth/token/create', { policies: commas }],
    ['secret/delete/x', { versions: commas }],
    ['secret/data/x', { data: manyItems }],
    ['secret/metadata/x', { custom_metadata: manyItems }],
    ['sys/mounts/x', { type: 'kv', config: manyItems }],
  ])('is not turned into more than a body may hold: %s', async (path, fields) => {
    const { status, errors } = await ask(node, 'update', path, fields);
    expect(status).toBe(400);
    expect(errors.join()).toMatch(/^Field validation failed: field "\w+" is not/);
  });

  it('may still be a list or a secret of the usual size', async () => {
    const paths = 'secret/data/x,'.repeat(900);
    expect((await ask(node, 'update', 'sys/capabilities-self', { paths })).status).toBe(200);
    const data = JSON.stringify({ value: 'x'.repeat(1024 * 1024 - 20) });
    expect((await ask(node, 'update', 'secret/data/large', { data })).status).toBe(200);
  });

  it('is not looked at for somebody without a token', async () => {
    let looked = 0;
    const data = {
      get data() {
        looked++;
        return 'x';
      },
    };
    expect((await ask(node, 'update', 'secret/data/x', data, null)).status).toBe(403);
    const whileRefused = looked;
    looked = 0;
    expect((await ask(node, 'update', 'secret/data/x', data)).status).toBe(400);
    // Redaction looks at it either way; reading it as a field is what comes on top.
    expect(looked).toBeGreaterThan(whileRefused);
  });
});

describe('a list in a text', () => {
  const fields = { names: { type: 'list', help: '' }, numbers: { type: 'ints', help: '' } } as const;

  it('has at most 200,000 items', () => {
    const names = 'a,'.repeat(200_000);
    expect(coerceFields(fields, { names: names.slice(0, -1) }).values['names']).toHaveLength(200_000);
    expect(() => coerceFields(fields, { names: `${names}a` })).toThrow('field "names" is not a list');
    expect(() => coerceFields(fields, { numbers: '1,'.repeat(200_001) })).toThrow('field "numbers" is not');
  });
});
