import { describe, expect, it } from 'vitest';
import { makeTablePlace, type TablePlace } from '../../test/fakes/credstash-place.ts';
import { systemRandom } from '../crypto/random.ts';
import { aesCtrFormat, aesGcmFormat } from './credsmash-format.ts';
import { credstashFormat } from './credstash-format.ts';
import { DataKeys } from './data-keys.ts';
import { keyOf } from './item.ts';
import { type LatestRule, OldTable, type OldWriting } from './old-table.ts';
import { settingsItem, settingsKey } from './table-settings.ts';
import { encodeVersion } from './version.ts';

function open(place: TablePlace, latest: LatestRule = 'text', context = {}): OldTable {
  const opened = {
    table: place.open({ context }),
    store: place.items,
    keys: new DataKeys(place.kms, 'alias/test'),
  };
  return new OldTable(opened, { random: systemRandom, now: () => place.now, context, latest });
}

const writing = (name: string, version: string, value: string): OldWriting => ({
  name,
  version,
  bytes: Buffer.from(value),
  format: credstashFormat,
});

async function readText(table: OldTable, name: string): Promise<string | undefined> {
  const item = await table.latest(name);
  return item === undefined ? undefined : (await table.open(item)).toString();
}

describe('a table as the old programs take it', () => {
  it('reads in one query and one call to KMS, and writes a version once', async () => {
    const place = makeTablePlace();
    const table = open(place);
    expect(await table.write(writing('a', encodeVersion(1), 'one'))).toBe(true);
    expect(await table.write(writing('a', encodeVersion(1), 'other'))).toBe(false);
    const before = { ...place.items.calls };
    expect(await readText(table, 'a')).toBe('one');
    expect(place.items.calls['query']).toBe((before['query'] ?? 0) + 1);
    expect(place.kms.calls['decrypt']).toBe(1);
  });

  it('has two notions of the latest', async () => {
    const place = makeTablePlace();
    for (const [version, value] of [
      ['2', 'old'],
      [encodeVersion(3), 'new'],
    ] as const) {
      await open(place).write(writing('a', version, value));
    }
    expect(await readText(open(place, 'text'), 'a')).toBe('old');
    expect(await readText(open(place, 'number'), 'a')).toBe('new');
    for (const [rule, version] of [
      ['text', '2'],
      ['number', encodeVersion(3)],
    ] as const) {
      const [item] = await open(place, rule).latestItems();
      expect(item === undefined ? undefined : keyOf(item).version).toBe(version);
    }
  });

  it('reads all of it in one pass, and what is asked for by names', async () => {
    const place = makeTablePlace();
    const table = open(place);
    for (const name of ['c', 'a', 'b']) await table.write(writing(name, encodeVersion(1), name));
    const names = async (wanted?: (name: string) => boolean) =>
      (await table.latestItems(wanted)).map((item) => keyOf(item).name);
    place.items.calls['scan'] = 0;
    expect(await names()).toEqual(['a', 'b', 'c']);
    expect([place.items.calls['scan'], place.items.calls['batch']]).toEqual([1, undefined]);
    expect(await names((name) => name !== 'b')).toEqual(['a', 'c']);
    expect([place.items.calls['scan'], place.items.calls['batch']]).toEqual([2, 1]);
  });

  it('takes data keys of other lengths', async () => {
    const place = makeTablePlace();
    const table = open(place, 'number');
    for (const [format, keyLength] of [
      [aesCtrFormat, 32],
      [aesCtrFormat, 48],
      [aesCtrFormat, undefined],
      [aesGcmFormat, 16],
      [aesGcmFormat, 24],
    ] as const) {
      const name = `${format.family} ${keyLength} ${format === aesGcmFormat}`;
      expect(await table.write({ ...writing(name, encodeVersion(1), name), format, keyLength })).toBe(true);
      expect(await readText(table, name)).toBe(name);
    }
  });

  it("goes on with a table of Coffer's own format", async () => {
    const place = makeTablePlace();
    place.items.items.set(
      JSON.stringify([settingsKey.name, settingsKey.version]),
      settingsItem({ format: 'coffer', undeleteDays: 30, epochDays: 30 }),
    );
    const table = open(place);
    for (const name of ['a', 'b'])
      expect(await table.write(writing(name, encodeVersion(1), name))).toBe(true);
    expect(await table.write(writing('a', encodeVersion(1), 'x'))).toBe(false);
    await expect(table.write(writing('a', 'v5', 'x'))).rejects.toMatchObject({ code: 'usage' });
    place.kms.calls['decrypt'] = 0;
    const items = await table.latestItems();
    expect(items.map((item) => item['algorithm']?.S)).toEqual(['coffer-1', 'coffer-1']);
    expect((await table.openAll(items)).map(String)).toEqual(['a', 'b']);
    // One data key for both.
    expect(place.kms.calls['decrypt']).toBe(1);
    const owner = place.open();
    await owner.delete('a', await owner.history('a'));
    expect(await table.latest('a')).toBeUndefined();
    expect((await table.heads()).map(({ name }) => name)).toEqual(['b']);
    expect((await table.latestItems()).map((item) => keyOf(item).name)).toEqual(['b']);
  });

  it('writes under its context, and opens under no other', async () => {
    const place = makeTablePlace();
    await open(place, 'text', { env: 'prod' }).write(writing('a', encodeVersion(1), 'x'));
    expect(await readText(open(place, 'text', { env: 'prod' }), 'a')).toBe('x');
    await expect(readText(open(place, 'text', { env: 'test' }), 'a')).rejects.toMatchObject({
      code: 'wrong_key',
    });
    await expect(open(place).openAll(await open(place).latestItems())).rejects.toMatchObject({
      code: 'wrong_key',
    });
  });

  it.each(['', '!coffer', 'two\nlines'])('takes no secret named %j', async (name) => {
    const table = open(makeTablePlace());
    await expect(table.write(writing(name, encodeVersion(1), 'x'))).rejects.toMatchObject({ code: 'usage' });
    expect(await table.latest(name)).toBeUndefined();
  });
});
