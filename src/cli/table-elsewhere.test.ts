/** Moves and copies from one table to another. */
import { beforeEach, describe, expect, it } from 'vitest';
import { makeTablePlace, type TablePlace } from '../../test/fakes/credstash-place.ts';
import type { TableWishes } from '../credstash/secret-table.ts';
import { moveOrder } from './move-order.ts';
import type { MoveOrder } from './secret-safe.ts';
import { TableSafe } from './table-safe.ts';

let here: TablePlace;
let there: TablePlace;
beforeEach(() => {
  here = makeTablePlace();
  there = makeTablePlace();
});

const safe = (place: TablePlace, wishes: Partial<TableWishes> = {}) => new TableSafe(place.open(wishes), []);
const rules = { recursive: false, overwrite: false, forGood: false, dryRun: false };
const order = (more: Partial<MoveOrder> = {}): MoveOrder => ({
  verb: 'move',
  from: 'db',
  to: 'db',
  ...rules,
  ...more,
});
const go = (more: Partial<MoveOrder> = {}, source = safe(here), goal = safe(there)) =>
  source.moverTo(goal).start(order(more));
const coded = (code: string, message = '') =>
  expect.objectContaining({ code, message: expect.stringContaining(message) });

describe('a secret that goes to another table', () => {
  it('has its versions there, sealed anew, and is gone here', async () => {
    await safe(here).write('db', { value: 'one' });
    await safe(here).write('db', { user: 'app', password: 'two' });
    await go();
    expect((await safe(there).read('db')).data).toEqual({ user: 'app', password: 'two' });
    expect((await safe(there).read('db', 1)).data).toEqual({ value: 'one' });
    expect(here.items.items.size).toBe(0);
    expect(there.kms.calls['generate']).toBe(2);
  });

  it('is read under the one context and written under the other', async () => {
    await safe(here, { context: { env: 'old' } }).write('db', { value: 'x' });
    await go(
      { verb: 'copy' },
      safe(here, { context: { env: 'old' } }),
      safe(there, { context: { env: 'new' } }),
    );
    expect((await safe(there, { context: { env: 'new' } }).read('db')).data).toEqual({ value: 'x' });
    await expect(safe(there).read('db')).rejects.toThrow(coded('wrong_key', 'env'));
    expect(here.items.items.size).toBe(1);
  });

  it('is a map still where its program had no mark for it', async () => {
    const old = here.open({ format: 'credstash' });
    const item = await old.writeVersion({ name: 'db', bytes: Buffer.from('{"a":"b"}'), shape: 'map' }, 1);
    expect(item.version).toBe(1);
    for (const [id, { shape: _, ...rest }] of here.items.items) here.items.items.set(id, rest);
    await go();
    expect((await safe(there).read('db')).data).toEqual({ a: 'b' });
  });

  it('replaces nothing unasked, and is gone on with', async () => {
    await safe(here).write('db', { value: 'ours' });
    await safe(there).write('db', { value: 'theirs' });
    await expect(go()).rejects.toThrow(coded('conflict', 'the target exists'));
    expect((await safe(there).read('db')).data).toEqual({ value: 'theirs' });
    await go({ verb: 'copy', overwrite: true });
    await go();
    expect((await safe(there).read('db')).data).toEqual({ value: 'ours' });
    expect(here.items.items.size).toBe(0);
  });

  it.each([false, true])(
    'is not removed where both addresses name one table (overwrite %s)',
    async (overwrite) => {
      await safe(here).write('db', { value: 'x' });
      await expect(go({ overwrite }, safe(here), safe(here))).rejects.toThrow(coded('conflict', 'one table'));
      expect((await safe(here).read('db')).data).toEqual({ value: 'x' });
    },
  );

  it('is never read there while it is deleted, and is not taken where nothing can be deleted', async () => {
    await safe(here).write('db', { value: 'live' });
    await safe(here).write('db', { value: 'deleted' });
    await safe(here).delete('db');
    await expect(go({}, safe(here), safe(there, { format: 'credstash' }))).rejects.toThrow(
      coded('unsupported_operation', 'deleted version, 2'),
    );
    expect(there.items.items.size).toBe(0);
    const seen: (readonly [string | undefined, boolean])[] = [];
    there.items.before = () => {
      for (const item of there.items.items.values())
        seen.push([item['version']?.S, item['deleted'] !== undefined]);
    };
    await go();
    expect(seen.filter(([version]) => version?.endsWith('2')).every(([, deleted]) => deleted)).toBe(true);
    await expect(safe(there).read('db')).rejects.toThrow(coded('not_found', 'is deleted'));
    await safe(there).undelete('db', [2]);
    expect((await safe(there).read('db')).data).toEqual({ value: 'deleted' });
  });

  it('goes with all below a folder, to the same names', async () => {
    for (const name of ['app/a', 'app/b', 'other']) await safe(here).write(name, { value: name });
    await go({ from: 'app', to: 'app', recursive: true });
    expect((await safe(there).list('app/', { limit: 10 })).names).toEqual(['a', 'b']);
    expect((await safe(here).list('', { limit: 10 })).names).toEqual(['other']);
  });

  it('cut off anywhere, is whole here or there, and the same command goes on', async () => {
    for (let call = 1; call < 30; call++) {
      here = makeTablePlace();
      there = makeTablePlace();
      for (const value of ['one', 'two', 'three']) await safe(here).write('db', { value });
      let left = call;
      const fail = () => {
        if (--left < 0) throw new Error('cut off');
      };
      [here.items.before, there.items.before] = [fail, fail];
      const cut = await go().then(
        () => false,
        () => true,
      );
      [here.items.before, there.items.before] = [() => {}, () => {}];
      const whole = await Promise.allSettled([safe(here).read('db', 1), safe(there).read('db', 1)]);
      expect(whole.some(({ status }) => status === 'fulfilled')).toBe(true);
      if (cut && here.items.items.size > 0) await go();
      for (const [version, value] of ['one', 'two', 'three'].entries()) {
        expect((await safe(there).read('db', version + 1)).data).toEqual({ value });
      }
      if (!cut) return;
    }
    throw new Error('it never came to its end');
  });
});

describe('what is asked for', () => {
  const wishes = {
    recursive: true,
    overwrite: false,
    'dry-run': false,
    'to-safe': undefined,
    'to-context': [] as readonly string[],
  };

  it.each([
    ['a/b/', 'a/', 'FROM is below TO'],
    ['a/', 'a/b/', 'TO is below FROM'],
    ['a/', '/', 'FROM is below TO'],
    ['/', 'a/', 'TO is below FROM'],
    ['a/', 'a/', 'the same'],
  ])('threat 12: all below %s does not go to %s of the same safe', (from, to, message) => {
    expect(() => moveOrder('move', from, to, wishes)).toThrow(coded('usage', message));
    expect(moveOrder('move', from, to, { ...wishes, 'to-safe': 'credstash://other' })).toMatchObject({
      recursive: true,
    });
  });

  it('a neighbour whose name begins alike is no folder below', () => {
    expect(moveOrder('copy', 'app/', 'application/', wishes)).toMatchObject({
      from: 'app',
      to: 'application',
    });
  });
});
