import { createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, finishDuties, makePlace, makeToken, type Place } from '../../../test/fakes/client.ts';
import type { CofferNode } from '../../main/node.ts';
import { parseStorageKey } from '../../storage/storage.ts';
import { encodeStored } from '../stored-json.ts';
import { accessorOf, idOfAccessor, isDerived } from './accessor.ts';
import { accessorKey, decodeToken, encodeToken, idPrefix, type TokenId, tokenKey } from './record.ts';

const key = createSecretKey(Buffer.alloc(32, 7));
const otherKey = createSecretKey(Buffer.alloc(32, 8));
const anyId = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('base64url') as TokenId);

describe('an accessor', () => {
  it('leads back to its token', () => {
    fc.assert(
      fc.property(anyId, (id) => {
        const accessor = accessorOf(key, id);
        expect(accessor).toMatch(/^[0-9a-z]{50}$/);
        expect(idOfAccessor(key, accessor)).toBe(id);
        expect(idOfAccessor(otherKey, accessor)).not.toBe(id);
      }),
    );
  });

  it('is made the same by every version (known answer)', () => {
    const id = Buffer.from(Array.from({ length: 32 }, (_, index) => index)).toString('base64url') as TokenId;
    expect(accessorOf(key, id)).toBe('0chql1fe541r0c0w5d0gezh5d4qk30k6eo1c83pr8hxsn6r1pn');
  });

  it.each(['', 'x', 'z'.repeat(50), 'A'.repeat(50), `${'0'.repeat(49)}-`, '0'.repeat(51), '€'.repeat(50)])(
    'is not %j',
    (text) => {
      expect(idOfAccessor(key, text)).toBeUndefined();
    },
  );
});

describe('tokens by accessor', () => {
  let place: Place;
  let node: CofferNode;
  beforeEach(async () => {
    place = await makePlace();
    node = await place.node();
  });
  afterEach(() => place.remove());

  const accessorOfToken = async (token: string) =>
    String((await ask(node, 'read', 'auth/token/lookup-self', {}, token)).data['accessor']);
  const lookup = (accessor: string) => ask(node, 'update', 'auth/token/lookup-accessor', { accessor });

  it('are found with no entry for it in the store', async () => {
    const accessor = await accessorOfToken(await makeToken(node, { policies: ['a'] }));
    expect(isDerived(accessor)).toBe(true);
    // The root token's text is given in tests: that one has an entry.
    const entries = await place.storage.children('core/token/accessor/', { limit: 10 });
    expect(entries.items).toHaveLength(1);
    expect(entries.items).not.toContain(accessor);
    expect((await lookup(accessor)).data).toMatchObject({ accessor, id: '' });
  });

  it('threat 28: of a text given twice are the second one’s: the first one’s accessor opens nothing', async () => {
    const id = 'a-text-that-is-given-twice';
    const first = await accessorOfToken(await makeToken(node, { id, policies: ['a'] }));
    await ask(node, 'update', 'auth/token/revoke', { token: id });
    await finishDuties(node, place.clock);
    const second = await accessorOfToken(await makeToken(node, { id, policies: ['b'] }));
    expect(second).not.toBe(first);
    expect((await lookup(first)).status).toBe(400);
    expect((await lookup(second)).data).toMatchObject({ policies: ['b', 'default'] });
  });

  it('made by earlier programs, with an entry, are found, listed and ended', async () => {
    const token = await makeToken(node, { policies: ['a'] });
    const accessor = 'A1b2C3d4E5f6G7h8I9j0K1l2';
    const now = await accessorOfToken(token);
    const [core] = [node.state.core];
    if (core === undefined) throw new Error('sealed');
    const id = core.tokens.idOf(token);
    const found = await core.barrier.read(tokenKey(id));
    if (found === undefined) throw new Error('no token');
    const record = { ...decodeToken(found.open()), accessor };
    await core.barrier.commit([
      { key: tokenKey(id), value: encodeToken(record) },
      { key: accessorKey(accessor), value: encodeStored({ id }) },
    ]);
    expect((await lookup(accessor)).data).toMatchObject({ accessor });
    // The name that it would have today is not its own.
    expect((await lookup(now)).status).toBe(400);
    const listed = await ask(node, 'list', 'auth/token/accessors');
    expect(listed.data['keys']).toContain(accessor);
    const after = await ask(node, 'list', 'auth/token/accessors', { after: accessor });
    expect(after.data['keys'] ?? []).not.toContain(accessor);
    expect((await ask(node, 'update', 'auth/token/revoke-accessor', { accessor })).status).toBe(204);
    expect((await lookup(accessor)).status).toBe(400);
    expect(await place.storage.read(parseStorageKey(`core/token/accessor/${accessor}`))).toBeUndefined();
  });

  it('are listed page by page, each once', async () => {
    const made = new Set<string>();
    for (let count = 0; count < 7; count++)
      made.add(await accessorOfToken(await makeToken(node, { policies: ['a'] })));
    const seen: string[] = [];
    for (let after: string | undefined; ; ) {
      const page = await ask(node, 'list', 'auth/token/accessors', { limit: 2, ...(after ? { after } : {}) });
      const keys = (page.data?.['keys'] ?? []) as string[];
      if (keys.length === 0) break;
      seen.push(...keys);
      after = keys.at(-1);
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect([...made].every((accessor) => seen.includes(accessor))).toBe(true);
    // The root token, and those made here.
    expect(seen).toHaveLength(made.size + 1);
    expect((await place.storage.range(idPrefix, { limit: 100 })).items).toHaveLength(seen.length);
  });

  it('are listed from no place behind what is no accessor', async () => {
    const answer = await ask(node, 'list', 'auth/token/accessors', { after: 'nothing' });
    expect([answer.status, answer.errors]).toEqual([400, ['after is an accessor of a token']]);
  });
});
