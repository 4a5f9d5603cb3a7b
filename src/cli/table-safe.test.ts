/** A table as a safe, in memory: what moto cannot be made to do, and names that no person would choose. */
import { beforeEach, describe, expect, it } from 'vitest';
import { makeTablePlace, type TablePlace } from '../../test/fakes/credstash-place.ts';
import { AwsError } from '../aws/aws-error.ts';
import { readSecrets } from './read-secrets.ts';
import type { MoveOrder } from './secret-safe.ts';
import { TableSafe } from './table-safe.ts';
import { namesIn, secretsBelow } from './walk.ts';

let place: TablePlace;
beforeEach(() => {
  place = makeTablePlace();
});

const safe = (wishes: Parameters<TablePlace['open']>[0] = {}) =>
  new TableSafe(place.open(wishes), ['memory']);
const coded = (code: string, message = '') =>
  expect.objectContaining({ code, message: expect.stringContaining(message) });

async function all(names: AsyncIterable<string>): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const name of names) found.push(name);
  return found;
}

const order = (more: Partial<MoveOrder>): MoveOrder => ({
  verb: 'move',
  from: 'a',
  to: 'b',
  recursive: false,
  overwrite: false,
  forGood: false,
  dryRun: false,
  ...more,
});

describe('names', () => {
  it('of any kind are listed, each once, page by page', async () => {
    const names = ['a', 'a/b', 'a/c/d', 'z', 'ünï', '@x', 'a b'];
    for (const name of names) await safe().write(name, { value: 'x' });
    await safe().write('a', { value: 'y' });
    const opened = safe();
    expect(await all(namesIn(opened, ''))).toEqual(['@x', 'a', 'a b', 'a/', 'z', 'ünï']);
    expect(await all(secretsBelow(opened, ''))).toHaveLength(names.length);
    const first = await opened.list('', { limit: 2 });
    expect(first).toEqual({ names: ['@x', 'a'], next: 'a' });
    expect((await opened.list('', { limit: 9, after: 'a' })).names).toEqual(['a b', 'a/', 'z', 'ünï']);
    expect((await opened.finder.find('a', 'd', { limit: 9 }))?.names).toEqual(['a/c/d']);
    expect(place.items.calls['scan']).toBe(1 + names.length + 1); // writes that look at the format, and one list
  });

  it('threat 12: that are no paths stand whole at the top, and are read', async () => {
    await safe().write('plain', { value: 'x' });
    for (const name of ['../x', 'a//b', '/abs', 'two\nlines']) {
      const [item] = [...place.items.items.values()].filter((each) => each['name']?.S === 'plain');
      if (item !== undefined)
        place.items.items.set(JSON.stringify([name, item['version']?.S]), { ...item, name: { S: name } });
    }
    expect(await all(namesIn(safe(), ''))).toEqual(['../x', '/abs', 'a//b', 'plain', 'two\nlines']);
  });

  it("never show the table's own items", async () => {
    await safe().write('x', { value: 'x' });
    await place.items.create({ name: { S: '!coffer' }, version: { S: 'settings' }, format: { S: 'coffer' } });
    expect(await all(namesIn(safe(), ''))).toEqual(['x']);
    await expect(safe().read('!coffer')).rejects.toThrow(coded('not_found'));
    await expect(safe().write('!coffer', { value: 'x' })).rejects.toThrow(coded('usage'));
    await expect(safe().remove('!coffer')).rejects.toThrow(coded('not_found'));
    expect(place.items.items.size).toBe(2);
  });
});

describe('reading many', () => {
  beforeEach(async () => {
    for (let index = 0; index < 40; index++) await safe().write(`s${index}`, { value: `v${index}` });
    place.kms.before = (call, context) => {
      const name = context['coffer:name'];
      if (call === 'decrypt' && (name === 's7' || name === 's9'))
        throw new AwsError('denied', 'AWS denies kms:Decrypt');
    };
  });

  it('gives nothing where one is denied, and says which', async () => {
    const reading = readSecrets(safe(), ['/']);
    await expect(reading).rejects.toThrow(coded('permission_denied', 's7 version 1'));
    await expect(reading).rejects.toThrow(coded('permission_denied', '2 secrets could not be read'));
  });

  it('gives the others where somebody asked for that', async () => {
    const failed: string[] = [];
    expect(await readSecrets(safe(), ['/'], (name) => failed.push(name))).toHaveLength(38);
    expect(failed.toSorted()).toEqual(['s7', 's9']);
    expect(await readSecrets(safe(), ['s7', 's8'], (name) => failed.push(name))).toHaveLength(1);
  });

  it('is no shorter for being throttled, asked for in part or not', async () => {
    place.items.before = (call) => {
      if (call === 'batch') throw new AwsError('throttled', 'AWS throttles');
    };
    await expect(readSecrets(safe(), ['/'], () => {})).rejects.toThrow(coded('rate_limited'));
  });
});

describe('a move', () => {
  const values = async (name: string) => {
    const { versions } = await safe().history(name);
    return Promise.all(
      versions.map(async ({ version, deletion_time }) =>
        deletion_time === '' ? (await safe().read(name, version)).data : 'deleted',
      ),
    );
  };

  beforeEach(async () => {
    for (const value of ['one', 'two', 'three']) await safe().write('a', { value });
    await safe().delete('a', [2]);
  });

  it('takes versions, numbers, times and deletions along', async () => {
    const before = await safe().history('a');
    place.now += 5_000;
    await safe().mover.start(order({}));
    expect(await values('b')).toEqual([{ value: 'one' }, 'deleted', { value: 'three' }]);
    const after = await safe().history('b');
    expect(after.versions.map(({ created_time }) => created_time)).toEqual(
      before.versions.map(({ created_time }) => created_time),
    );
    await expect(safe().history('a')).rejects.toThrow(coded('not_found'));
  });

  it('that is cut off anywhere loses nothing, and goes on', async () => {
    for (let cut = 1; ; cut++) {
      place = makeTablePlace();
      for (const value of ['one', 'two', 'three']) await safe().write('a', { value });
      await safe().delete('a', [2]);
      let calls = 0;
      place.items.before = (call) => {
        if (['put', 'update', 'delete'].includes(call) && ++calls === cut)
          throw new AwsError('network', 'cut');
      };
      const moved = await safe()
        .mover.start(order({}))
        .then(
          () => true,
          () => false,
        );
      place.items.before = () => {};
      if (moved) break;
      const current = await Promise.all(
        ['a', 'b'].map((name) =>
          safe()
            .read(name)
            .catch(() => undefined),
        ),
      );
      expect(current.some((found) => found?.data['value'] === 'three')).toBe(true);
      // What has left `a` altogether is done; otherwise the same order goes on.
      const rest = await safe()
        .mover.start(order({}))
        .catch((error: { code: string }) => error.code);
      expect(rest === 'not_found' || typeof rest === 'object').toBe(true);
      expect(await values('b')).toEqual([{ value: 'one' }, 'deleted', { value: 'three' }]);
    }
  });

  it('does not take away what somebody wrote meanwhile', async () => {
    place.items.before = async (call) => {
      if (call !== 'delete') return;
      place.items.before = () => {};
      await safe().write('a', { value: 'meanwhile' });
    };
    await safe().mover.start(order({}));
    expect((await safe().read('a')).data).toEqual({ value: 'meanwhile' });
  });

  it('onto another secret is refused, and replaces it only when told', async () => {
    await safe().write('b', { value: 'there' });
    await expect(safe().mover.start(order({}))).rejects.toThrow(coded('conflict', 'b'));
    expect((await safe().read('b')).data).toEqual({ value: 'there' });
    await safe().mover.start(order({ overwrite: true }));
    expect((await safe().read('b')).data).toEqual({ value: 'three' });
  });

  it('that is only shown changes nothing', async () => {
    const before = JSON.stringify([...place.items.items]);
    await safe().mover.start(order({ dryRun: true }));
    await safe().mover.start(order({ verb: 'delete', forGood: true, dryRun: true }));
    expect(JSON.stringify([...place.items.items])).toBe(before);
  });
});

describe('a deletion', () => {
  it('of versions that are not all there touches none', async () => {
    await safe().write('a', { value: 'one' });
    await expect(safe().delete('a', [1, 2])).rejects.toThrow(coded('not_found', 'no version 2'));
    expect((await safe().read('a')).data).toEqual({ value: 'one' });
  });

  it('is erased by a sweep once its time is over', async () => {
    await safe().write('a', { value: 'one' });
    await safe().delete('a');
    await safe().sweep('a');
    expect([...place.items.items.values()][0]?.['contents']).toBeDefined();
    place.now += 31 * 86_400_000;
    await safe().sweep('a');
    expect([...place.items.items.values()][0]?.['contents']).toBeUndefined();
    expect((await safe().history('a')).versions).toMatchObject([{ version: 1, destroyed: true }]);
  });
});

it('what two people change at once is both changed', async () => {
  await safe().write('a', { one: '1', two: '2' });
  await Promise.all([safe().patch('a', { one: 'x' }), safe().patch('a', { two: 'y' })]);
  expect((await safe().read('a')).data).toEqual({ one: 'x', two: 'y' });
});
