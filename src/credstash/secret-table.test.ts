import { beforeEach, describe, expect, it } from 'vitest';
import { makeTablePlace, type TablePlace } from '../../test/fakes/credstash-place.ts';
import { AwsError } from '../aws/aws-error.ts';
import type { WrittenFormat } from './format.ts';
import type { Item } from './item.ts';
import { type Outcome, readAll } from './read-all.ts';
import type { SecretTable, Writing } from './secret-table.ts';
import { reportTable } from './table-report.ts';
import { settingsItem } from './table-settings.ts';
import { encodeVersion } from './version.ts';

let place: TablePlace;
beforeEach(() => {
  place = makeTablePlace();
});

const bare = (name: string, text: string): Writing => ({ name, bytes: Buffer.from(text), shape: 'bare' });
const textOf = async (table: SecretTable, name: string, version?: number) =>
  (await table.read(name, version)).bytes.toString('utf8');
const coded = (code: string, message = '') =>
  expect.objectContaining({ code, message: expect.stringContaining(message) });

function only(items: Iterable<Item>): Item {
  const [item] = items;
  if (item === undefined) throw new Error('there is no item');
  return item;
}

/** Every item of a name, changed in place. */
function change(name: string, changes: Item): void {
  for (const [id, item] of place.items.items) {
    if (item['name']?.S === name) place.items.items.set(id, { ...item, ...changes });
  }
}

/** Puts an item beside itself under another key. */
function copyItem(from: string, to: { readonly name?: string; readonly version?: string }): void {
  const item = only([...place.items.items.values()].filter((each) => each['name']?.S === from));
  const name = to.name ?? from;
  const version = to.version ?? item['version']?.S ?? '';
  place.items.items.set(JSON.stringify([name, version]), {
    ...item,
    name: { S: name },
    version: { S: version },
  });
}

describe('a table', () => {
  it('reads what it wrote, the latest and each version, with one call to each of DynamoDB and KMS', async () => {
    const table = place.open();
    expect(await table.write(bare('db', 'one'))).toEqual({ version: 1, created: place.now });
    await table.write(bare('db', 'two'));
    place.items.calls['query'] = 0;
    expect(await textOf(table, 'db')).toBe('two');
    expect(place.items.calls['query']).toBe(1);
    expect(place.kms.calls['decrypt']).toBe(1);
    expect(await textOf(table, 'db', 1)).toBe('one');
  });

  it.each([
    ['nothing', 'x', undefined],
    ['a version that is not there', 'db', 9],
    ['the empty name', '', undefined],
    ["the table's own name", '!coffer', undefined],
    ['a name that is longer than any can be', 'é'.repeat(1_025), undefined],
  ])('%s is not found', async (_what, name, version) => {
    const table = place.open();
    await table.write(bare('db', 'one'));
    place.items.calls['query'] = 0;
    await expect(table.read(name, version)).rejects.toThrow(coded('not_found'));
    if (name !== 'x' && name !== 'db') expect(place.items.calls['query']).toBe(0);
  });

  it('of writers at once each gets a number of its own, and none is lost', async () => {
    const tables = Array.from({ length: 12 }, () => place.open());
    const written = await Promise.all(
      tables.map((table, index) => table.write(bare('db', `value ${index}`))),
    );
    expect(written.map(({ version }) => version).toSorted((a, b) => a - b)).toEqual(
      tables.map((_, index) => index + 1),
    );
    const values = await Promise.all(written.map(({ version }) => textOf(place.open(), 'db', version)));
    expect(values).toEqual(tables.map((_, index) => `value ${index}`));
  });

  it('a write whose answer was lost is one version, not two', async () => {
    const table = place.open();
    const { create } = place.items;
    place.items.create = async (item) => {
      await create.call(place.items, item);
      return 'exists';
    };
    expect((await table.write(bare('db', 'one'))).version).toBe(1);
    place.items.create = create;
    expect(await table.history('db')).toHaveLength(1);
  });

  it('a checked write is refused when another version is current, and when somebody is faster', async () => {
    const table = place.open();
    await expect(table.write(bare('db', 'x'), 3)).rejects.toThrow(coded('conflict', 'version 0, not at 3'));
    await table.write(bare('db', 'one'), 0);
    await expect(table.write(bare('db', 'x'), 0)).rejects.toThrow(coded('conflict'));
    const outcomes = await Promise.allSettled([1, 2, 3].map(() => place.open().write(bare('db', 'two'), 1)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await table.history('db')).toHaveLength(2);
  });

  it('a value larger than an item is refused with the numbers, and nothing is written', async () => {
    const table = place.open();
    const large = { ...bare('db', ''), bytes: Buffer.alloc(400 * 1024) };
    await expect(table.write(large)).rejects.toThrow(coded('payload_too_large', '409600'));
    expect(place.items.items.size).toBe(0);
  });

  it.each(['a\nb', 'a\u200bb', 'a\u202eb', 'e\u0301', '', '!coffer', '\ud800', 'x'.repeat(2_049)])(
    'threat 12: the new name %j is refused',
    async (name) => {
      await expect(place.open().write(bare(name, 'x'))).rejects.toThrow(coded('usage'));
      expect(place.items.items.size).toBe(0);
    },
  );

  it.each(['@a', 'ünï', 'a b', '../a', 'a//b', '-a', 'a*'])('the name %j is a name', async (name) => {
    await place.open().write(bare(name, 'x'));
    expect(await textOf(place.open(), name)).toBe('x');
  });

  it('a name that is there goes on being written, whatever it looks like', async () => {
    await place.open().write(bare('plain', 'one'));
    copyItem('plain', { name: 'a\nb' });
    expect((await place.open().write(bare('a\nb', 'two'))).version).toBe(2);
    expect(await textOf(place.open(), 'a\nb')).toBe('two');
  });
});

describe('what is written', () => {
  const familyOf = async () => (await place.open().latestHead('new'))?.family;

  it("is Coffer's own format in a new table", async () => {
    await place.open().write(bare('new', 'x'));
    expect(await familyOf()).toBe('coffer');
  });

  it.each<WrittenFormat>(['credstash', 'credsmash', 'coffer'])(
    'is what the table holds: %s',
    async (format) => {
      await place.open({ format }).write(bare('old', 'x'));
      await place.open().write(bare('new', 'x'));
      expect(await familyOf()).toBe(format);
      expect(await textOf(place.open(), 'new')).toBe('x');
    },
  );

  it("is what the table's settings say, and what the caller says before that", async () => {
    await place.items.create(settingsItem({ format: 'credsmash', undeleteDays: 3 }));
    await place.open().write(bare('new', 'x'));
    expect(await familyOf()).toBe('credsmash');
    await place.open({ format: 'credstash' }).write(bare('new', 'y'));
    expect(await familyOf()).toBe('credstash');
  });

  it('is asked again where it could not be read', async () => {
    const table = place.open();
    place.items.before = (call) => {
      if (call === 'get') throw new AwsError('throttled', 'AWS throttles');
    };
    await expect(table.write(bare('db', 'x'))).rejects.toThrow(coded('rate_limited'));
    place.items.before = () => {};
    expect((await table.write(bare('db', 'x'))).version).toBe(1);
  });

  it.each([
    ['a format that there is not', { format: { S: 'rot13' } }],
    ['a time without end', { undelete_days: { N: '99999999999' } }],
    ['a time that is none', { undelete_days: { S: 'x' } }],
  ])('is refused where the settings say %s', async (_what, changes) => {
    await place.items.create({ ...settingsItem({ format: 'coffer', undeleteDays: 3 }), ...changes });
    await expect(place.open().write(bare('db', 'x'))).rejects.toThrow(coded('integrity', 'settings'));
  });

  it('notes a map in the old formats too', async () => {
    for (const format of ['credstash', 'credsmash', 'coffer'] as const) {
      const table = place.open({ format });
      await table.write({ name: `${format}-map`, bytes: Buffer.from('{"a":"b"}'), shape: 'map' });
      await table.write({ name: `${format}-text`, bytes: Buffer.from('{"a":"b"}'), shape: 'bare' });
      expect((await table.read(`${format}-map`)).shape).toBe('map');
      expect((await table.read(`${format}-text`)).shape).toBe('bare');
    }
  });
});

describe('threat 25: what was tampered with', () => {
  beforeEach(async () => {
    const table = place.open();
    await table.write(bare('db', 'the secret'));
    await table.write(bare('other', 'another'));
  });

  it.each([
    ['moved to another name', () => copyItem('db', { name: 'web' }), 'web', 'wrong_key'],
    [
      'put beside itself as a newer version',
      () => copyItem('db', { version: '0000000000000000009' }),
      'db',
      'integrity',
    ],
    ['put beside itself unpadded', () => copyItem('db', { version: '5' }), 'db', 'integrity'],
    ['of another algorithm', () => change('db', { algorithm: { S: 'aes-gcm' } }), 'db', 'wrong_key'],
    ['of the oldest format', () => change('db', { algorithm: { S: '' } }), 'db', 'integrity'],
    ['of no known algorithm', () => change('db', { algorithm: { S: 'x' } }), 'db', 'integrity'],
    ['of another shape', () => change('db', { shape: { S: 'map' } }), 'db', 'integrity'],
    ['of another time', () => change('db', { created: { N: '5' } }), 'db', 'integrity'],
    ['of an epoch', () => change('db', { epoch: { S: 'e' } }), 'db', 'wrong_key'],
    ['with another wrapped key', () => change('db', { key: { B: Buffer.alloc(64) } }), 'db', 'wrong_key'],
    ['with another ciphertext', () => change('db', { contents: { B: Buffer.alloc(60) } }), 'db', 'integrity'],
    ['with a context', () => change('db', { context_keys: { SS: ['env'] } }), 'db', 'wrong_key'],
  ])('%s is refused', async (_what, tamper, name, code) => {
    tamper();
    await expect(place.open().read(name)).rejects.toThrow(coded(code));
    await expect(place.open().read(name)).rejects.not.toThrow(/the secret/);
  });

  it('ciphertext and key of another name together are refused', async () => {
    const other = only([...place.items.items.values()].filter((item) => item['name']?.S === 'other'));
    const { contents, key } = other;
    if (contents === undefined || key === undefined) throw new Error('the item is not whole');
    change('db', { contents, key });
    await expect(place.open().read('db')).rejects.toThrow(coded('wrong_key'));
  });

  it('a format that was not asked for is refused', async () => {
    await place.open({ format: 'credstash' }).write(bare('weak', 'x'));
    await expect(place.open({ format: 'coffer' }).read('weak')).rejects.toThrow(
      coded('integrity', 'format=coffer'),
    );
  });
});

describe('an encryption context', () => {
  it('is needed again; the keys of one that is forgotten are named, its values never', async () => {
    const context = { env: 'prod-value', tier: 'db-value' };
    await place.open({ context }).write(bare('db', 'x'));
    expect(await textOf(place.open({ context }), 'db')).toBe('x');
    const forgotten = place.open().read('db');
    await expect(forgotten).rejects.toThrow(
      coded('wrong_key', '--context env=… --context tier=… is missing'),
    );
    await expect(forgotten).rejects.not.toThrow(/-value/);
    const wrong = place.open({ context: { env: 'wrong-value', tier: 'db-value' } }).read('db');
    await expect(wrong).rejects.toThrow(coded('wrong_key', 'env=… tier=…'));
    await expect(wrong).rejects.not.toThrow(/-value/);
    expect(JSON.stringify([...place.items.items.values()])).not.toContain('-value');
  });

  it('that is too many is named, and costs no call to KMS', async () => {
    await place.open().write(bare('db', 'x'));
    const asked = place.open({ context: { env: 'prod-value' } }).read('db');
    await expect(asked).rejects.toThrow(coded('wrong_key', 'it was written without env'));
    expect(place.kms.calls['decrypt']).toBeUndefined();
  });

  it('is remembered in the old formats too', async () => {
    await place.open({ format: 'credstash', context: { env: 'prod' } }).write(bare('db', 'x'));
    await expect(place.open().read('db')).rejects.toThrow(coded('wrong_key', '--context env=… is missing'));
  });
});

describe('versions that credstash would misread', () => {
  const put = async (name: string, version: string) => {
    await place.open({ format: 'credstash' }).write(bare('from', `${name} ${version}`));
    copyItem('from', { name, version });
    await place.open().remove('from');
  };

  it('are read by their numbers and reported', async () => {
    await put('old', '2');
    await put('old', '0000000000000000003');
    await put('odd', '0000000000000000007');
    await put('odd', '00000000000000000v5');
    await put('fine', '0000000000000000001');
    const table = place.open();
    expect((await table.read('old')).version).toBe(3);
    expect((await table.read('odd')).version).toBe(7);
    expect(await textOf(table, 'old', 2)).toBe('old 2');
    expect((await table.write(bare('old', 'new'))).version).toBe(4);
    expect((await table.read('old')).version).toBe(4);
    const report = await reportTable(place.items, place.now);
    expect(report).toMatchObject({ names: 3, misread: ['odd', 'old'], unnumbered: ['odd'], weak: [] });
  });

  it('a version that is no number is read where there is no other', async () => {
    await put('odd', '2020-01-02');
    expect(await place.open().read('odd')).toMatchObject({ version: 0, versionText: '2020-01-02' });
    expect((await place.open().write(bare('odd', 'x'))).version).toBe(1);
    expect((await place.open().read('odd')).version).toBe(1);
  });

  it('one that is no number does not hide the latest among thousands', async () => {
    await place.open({ format: 'credstash' }).write(bare('many', 'x'));
    for (let version = 2; version <= 2_000; version++)
      copyItem('many', { version: String(version).padStart(19, '0') });
    copyItem('many', { version: 'zzz' });
    expect((await place.open().read('many')).version).toBe(2_000);
  });
});

describe('deleting', () => {
  it('can be undone for the stated time, and no number comes twice', async () => {
    const table = place.open();
    await table.write(bare('db', 'one'));
    await table.write(bare('db', 'two'));
    await table.delete('db', (await table.history('db')).slice(-1));
    await expect(table.read('db')).rejects.toThrow(coded('not_found', 'until 2026-03-31'));
    expect(await textOf(table, 'db', 1)).toBe('one');
    await table.undelete('db', (await table.history('db')).slice(-1));
    expect(await textOf(table, 'db')).toBe('two');
    await table.delete('db', (await table.history('db')).slice(-1));
    place.now += 31 * 86_400_000;
    await expect(table.undelete('db', (await table.history('db')).slice(-1))).rejects.toThrow(
      coded('not_found'),
    );
    expect((await reportTable(place.items, place.now)).overdue).toEqual(['db']);
    expect((await table.write(bare('db', 'three'))).version).toBe(3);
  });

  it('for good keeps the latest number and no value', async () => {
    const table = place.open();
    await table.write(bare('db', 'one'));
    await table.write(bare('db', 'two'));
    await table.destroy('db', await table.history('db'));
    expect([...place.items.items.values()].some((item) => item['contents'] !== undefined)).toBe(false);
    await expect(table.read('db')).rejects.toThrow(coded('not_found', 'destroyed'));
    expect((await table.write(bare('db', 'three'))).version).toBe(3);
    await table.remove('db');
    expect(await table.history('db')).toEqual([]);
  });

  it('in an old format is refused, with what there is in its place', async () => {
    const table = place.open({ format: 'credstash' });
    await table.write(bare('db', 'one'));
    await expect(table.delete('db', await table.history('db'))).rejects.toThrow(
      coded('unsupported_operation', '--all'),
    );
    expect(await textOf(table, 'db')).toBe('one');
  });

  it('reads only the named items', async () => {
    const table = place.open();
    await table.write(bare('db', 'one'));
    await table.delete('db', await table.history('db'));
    await table.remove('db');
    expect(place.items.calls['scan']).toBe(1); // of the first write, which looks at what an unknown table holds
  });
});

describe('reading all', () => {
  const all = async (table: SecretTable, wanted: (name: string) => boolean = () => true) => {
    const outcomes: Outcome[] = [];
    for await (const outcome of readAll(table, wanted)) outcomes.push(outcome);
    return outcomes;
  };

  it('gives the latest of each, in order, by batches and a call to KMS for each', async () => {
    const table = place.open();
    for (let index = 0; index < 250; index++)
      await table.write(bare(`s${String(index).padStart(3, '0')}`, `v${index}`));
    await table.write(bare('s007', 'new'));
    await table.delete('s008', await table.history('s008'));
    place.items.calls['scan'] = 0;
    const found = await all(table);
    expect(found).toHaveLength(249);
    expect(found.map(({ name }) => name)).toEqual(found.map(({ name }) => name).toSorted());
    expect(found.find(({ name }) => name === 's007')).toMatchObject({ found: { version: 2 } });
    expect(place.items.calls).toMatchObject({ scan: 1, batch: 3 });
    expect(place.kms.calls['decrypt']).toBe(249);
  });

  it('of a table with a shared key takes one call to KMS', async () => {
    await place.items.create(settingsItem({ format: 'coffer', undeleteDays: 30, epochDays: 30 }));
    for (let index = 0; index < 20; index++) await place.open().write(bare(`s${index}`, `v${index}`));
    expect(place.kms.calls['generate']).toBe(1);
    place.kms.calls['decrypt'] = 0;
    expect(await all(place.open())).toHaveLength(20);
    expect(place.kms.calls['decrypt']).toBe(1);
    place.now += 31 * 86_400_000;
    await place.open().write(bare('later', 'x'));
    expect(place.kms.calls['generate']).toBe(2);
    expect(await textOf(place.open(), 'later')).toBe('x');
  });

  it('callers with different contexts never share a key', async () => {
    await place.items.create(settingsItem({ format: 'coffer', undeleteDays: 30, epochDays: 30 }));
    await place.open({ context: { env: 'a' } }).write(bare('a', 'x'));
    await place.open({ context: { env: 'b' } }).write(bare('b', 'y'));
    await place.open({ context: { env: 'b' } }).write(bare('c', 'z'));
    expect(place.kms.calls['generate']).toBe(2);
    expect(await textOf(place.open({ context: { env: 'b' } }), 'c')).toBe('z');
    await expect(place.open({ context: { env: 'a' } }).read('b')).rejects.toThrow(coded('wrong_key'));
  });

  it('threat 25: no secret is written under a shared key that another KMS key wrapped', async () => {
    await place.items.create(settingsItem({ format: 'coffer', undeleteDays: 30, epochDays: 30 }));
    await place.open({}, 'alias/somebody-elses').write(bare('a', 'x'));
    await place.open().write(bare('b', 'y'));
    const epochs = [...place.items.items.values()].filter((item) => item['epoch'] !== undefined);
    const of = (name: string) => epochs.find((item) => item['name']?.S === name)?.['epoch']?.S;
    expect(of('b')).not.toBe(of('a'));
    expect(place.kms.calls['generate']).toBe(2);
  });

  it('threat 25: no secret is written under a shared key of another time, whatever its item says', async () => {
    const settings = settingsItem({ format: 'coffer', undeleteDays: 30, epochDays: 30 });
    await place.items.create(settings);
    await place.open().write(bare('a', 'x'));
    const [id, first] =
      [...place.items.items].find(([, item]) => item['version']?.S?.startsWith('epoch/')) ?? [];
    if (id === undefined || first === undefined) throw new Error('there is no epoch');
    place.now += 31 * 86_400_000;
    const again = {
      ...first,
      created: { N: String(place.now) },
      version: { S: `epoch/${encodeVersion(place.now)}/x` },
    };
    place.items.items.set('again', again);
    await place.open().write(bare('b', 'y'));
    expect(place.kms.calls['generate']).toBe(2);
    // Nor does one whose name was made younger open: KMS was told the other.
    place.items.items.clear();
    await place.items.create(settings);
    const younger = `${place.now}-${'0'.repeat(32)}`;
    place.items.items.set('younger', { ...again, epoch: { S: younger } });
    await place.open().write(bare('c', 'z'));
    expect(place.kms.calls['generate']).toBe(3);
  });

  it('threat 25: who names the format takes no data key that another writer made', async () => {
    await place.items.create(settingsItem({ format: 'coffer', undeleteDays: 30, epochDays: 30 }));
    await place.open().write(bare('a', 'x'));
    const careful = place.open({ format: 'coffer' });
    await careful.write(bare('b', 'y'));
    const written = [...place.items.items.values()].find((item) => item['name']?.S === 'b');
    expect(written?.['epoch']).toBeUndefined();
    expect(await textOf(careful, 'a')).toBe('x');
  });

  it('threat 25: items that share a key cannot be swapped', async () => {
    await place.items.create(settingsItem({ format: 'coffer', undeleteDays: 30, epochDays: 30 }));
    await place.open().write(bare('a', 'x'));
    copyItem('a', { name: 'b' });
    await expect(place.open().read('b')).rejects.toThrow(coded('integrity'));
  });

  it('tells by name what may not be opened, and gives the others', async () => {
    const table = place.open();
    for (let index = 0; index < 30; index++) await table.write(bare(`s${index}`, 'x'));
    place.kms.before = (call, context) => {
      if (call === 'decrypt' && context['coffer:name'] === 's11')
        throw new AwsError('denied', 'AWS denies kms:Decrypt');
    };
    const outcomes = await all(table);
    const failed = outcomes.filter((outcome) => outcome.kind === 'failed');
    expect(outcomes).toHaveLength(30);
    expect(failed.map(({ name }) => name)).toEqual(['s11']);
    expect(failed[0]).toMatchObject({ error: { code: 'permission_denied' } });
  });

  it.each(['scan', 'batch'])('a throttled %s is an error, never a shorter answer', async (call) => {
    const table = place.open();
    await table.write(bare('a', 'x'));
    place.items.before = (each) => {
      if (each === call) throw new AwsError('throttled', 'AWS throttles');
    };
    await expect(all(table)).rejects.toThrow(coded('rate_limited'));
  });

  it('a throttled call to KMS is an error too', async () => {
    const table = place.open();
    await table.write(bare('a', 'x'));
    place.kms.before = () => {
      throw new AwsError('throttled', 'AWS throttles');
    };
    await expect(all(table)).rejects.toThrow(coded('rate_limited'));
  });

  it('what went meanwhile is left out, what was replaced is given', async () => {
    const table = place.open();
    await table.write(bare('gone', 'x'));
    await table.write(bare('kept', 'x'));
    place.items.before = (call) => {
      if (call === 'batch') place.items.items.delete(JSON.stringify(['gone', '0000000000000000001']));
    };
    expect((await all(table)).map(({ name }) => name)).toEqual(['kept']);
  });
});

describe('what other writers may put into a table', () => {
  it('a number past all of ours is the latest, and nothing is written behind it', async () => {
    const table = place.open({ format: 'credstash' });
    await table.write(bare('db', 'small'));
    copyItem('db', { version: '1700000000000000000' });
    await table.writeVersion(bare('db', 'next'), 2);
    const latest = await table.latest('db');
    expect(latest?.['version']?.S).toBe('1700000000000000000');
    const newest = (await table.history('db')).at(-1);
    expect(newest?.versionText).toBe('1700000000000000000');
    await expect(table.write(bare('db', 'x'))).rejects.toThrow(
      coded('unsupported_operation', 'version 1700000000000000000'),
    );
    expect(await reportTable(place.items, place.now)).toMatchObject({ misread: [], unnumbered: [] });
  });

  it('one item of an unknown format keeps nobody from writing; a table of nothing else is written by nobody', async () => {
    await place.open({ format: 'credstash' }).write(bare('strange', 'x'));
    change('strange', { algorithm: { S: 'rot13' } });
    await expect(place.open().write(bare('db', 'x'))).rejects.toThrow(
      coded('integrity', 'strange version 1'),
    );
    await place.open({ format: 'credstash' }).write(bare('known', 'x'));
    await place.open().write(bare('db', 'x'));
    expect((await place.open().history('db'))[0]?.family).toBe('credstash');
  });

  it('a version that is padded otherwise is found by its number', async () => {
    const table = place.open({ format: 'credstash' });
    await table.write(bare('db', 'one'));
    copyItem('db', { version: '007' });
    expect(await textOf(table, 'db', 7)).toBe('one');
    expect((await table.write(bare('db', 'eight'))).version).toBe(8);
  });

  it.each<Item>([
    { deleted: { S: 'x' } },
    { destroyed: { S: 'x' } },
    { deleted: { N: '1' }, restore_until: { S: 'x' } },
    { created: { N: '-1' } },
    { digest: { N: '1' } },
    { comment: { N: '1' } },
  ])('one malformed item %j ends no list, and is named when it is opened', async (marks) => {
    const table = place.open();
    await table.write(bare('good', 'x'));
    await table.write(bare('bad', 'x'));
    change('bad', marks);
    const names: string[] = [];
    for await (const head of place.open().heads()) names.push(head.name);
    expect(names.toSorted()).toEqual(['bad', 'good']);
    expect((await reportTable(place.items, place.now)).names).toBe(2);
    const outcomes: Outcome[] = [];
    for await (const outcome of readAll(place.open(), () => true)) outcomes.push(outcome);
    expect(outcomes.find(({ name }) => name === 'good')?.kind).toBe('found');
    if (marks['digest'] === undefined) {
      expect(outcomes.find(({ name }) => name === 'bad')).toMatchObject({
        kind: 'failed',
        error: { code: 'integrity', message: expect.stringContaining('bad version 1') },
      });
    }
  });

  it('threat 25: a comment is kept, and bound to its item', async () => {
    const table = place.open();
    await table.write({ ...bare('db', 'one'), comment: 'of the old cluster' });
    expect((await table.history('db'))[0]?.comment).toBe('of the old cluster');
    expect(await textOf(table, 'db')).toBe('one');
    change('db', { comment: { S: 'of the new one' } });
    await expect(table.read('db')).rejects.toThrow(coded('integrity'));
  });
});

it('threat 16: no message of a failure holds a secret, a key or a context value', async () => {
  const canary = 'canary-5e1f';
  const context = { env: `${canary}-context` };
  await place.open({ context }).write(bare('db', canary));
  const messages: string[] = [];
  const collect = async (table: SecretTable) => {
    await table.read('db').catch((error: Error) => messages.push(`${error.message} ${String(error.cause)}`));
  };
  await collect(place.open());
  await collect(place.open({ context: { env: `${canary}-wrong` } }));
  change('db', { contents: { B: Buffer.from(canary.repeat(9)) } });
  await collect(place.open({ context }));
  change('db', { key: { B: Buffer.from(canary) } });
  await collect(place.open({ context }));
  expect(messages).toHaveLength(4);
  expect(messages.join('\n')).not.toContain(canary);
});
