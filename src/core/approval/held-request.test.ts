import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../json.ts';
import { parseApiPath } from '../path.ts';
import { decodeHeld, digestOf, encodeHeld, type Held } from './held-request.ts';

const asker = { entityId: 'e', tokenAccessor: 'a' };
const held = (data: JsonObject): Held => ({
  operation: 'update',
  path: parseApiPath('secret/data/a'),
  data,
  wrapTtl: 0,
});
const body = fc.dictionary(fc.string(), fc.jsonValue()) as fc.Arbitrary<JsonObject>;

/** The same, with the members of every object the other way round. */
function turned(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map((item: JsonValue) => turned(item));
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).reverse();
  return Object.fromEntries(members.map(([name, member]) => [name, turned(member ?? null)]));
}

describe('a request that is held', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(body, (data) => {
        // As it would have come over the wire: without the members that JSON cannot say.
        const sent = held(JSON.parse(JSON.stringify(data)) as JsonObject);
        const { data: read, ...rest } = decodeHeld(encodeHeld(sent));
        expect({ ...rest, data: JSON.parse(JSON.stringify(read)) as JsonObject }).toEqual(sent);
        expect(Object.getPrototypeOf(read)).toBeNull();
      }),
    );
  });

  it('is the same whatever the order of members, and another with any other value', () => {
    fc.assert(
      fc.property(body, body, (one, other) => {
        const [first, second] = [held(one), held(other)].map((each) => digestOf(each, asker));
        expect(digestOf(held(turned(one) as JsonObject), asker)).toBe(first);
        expect(first === second).toBe(JSON.stringify(sorted(one)) === JSON.stringify(sorted(other)));
      }),
    );
  });

  it.each([
    ['operation', { operation: 'patch' as const }],
    ['path', { path: parseApiPath('secret/data/b') }],
    ['wrapping', { wrapTtl: 60 }],
    ['body', { data: { a: 1 } }],
  ])('threat 06: is another with another %s', (_what, change) => {
    const one = held({ a: '1' });
    expect(digestOf({ ...one, ...change }, asker)).not.toBe(digestOf(one, asker));
  });

  it('threat 06: is another by another asker, and no piece of one part counts as of the next', () => {
    const one = held({});
    const digests = [
      asker,
      { entityId: 'x', tokenAccessor: 'a' },
      { entityId: 'e', tokenAccessor: 'x' },
      { entityId: 'ea', tokenAccessor: '' },
      { entityId: '', tokenAccessor: 'ea' },
    ].map((each) => digestOf(one, each));
    expect(new Set(digests).size).toBe(digests.length);
  });

  it('is refused where it is too long', () => {
    expect(() => encodeHeld(held({ a: 'x'.repeat(1_500_000) }))).toThrow('cannot wait for approval');
  });
});

function sorted(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map((item: JsonValue) => sorted(item));
  if (typeof value !== 'object' || value === null) return value;
  const names = Object.keys(value).toSorted();
  // A list of pairs: numbers as names would else be put in an order of their own.
  return names.map((name) => [name, sorted((value as JsonObject)[name] ?? null)]);
}
