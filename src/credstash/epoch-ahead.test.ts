import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { makeTablePlace, type TablePlace } from '../../test/fakes/credstash-place.ts';
import { AwsError } from '../aws/aws-error.ts';
import { systemRandom } from '../crypto/random.ts';
import { DataKeys } from './data-keys.ts';
import { type EncryptionContext, parseContext } from './encryption-context.ts';
import { epochPrefix, newestEpoch } from './epoch-ahead.ts';
import { ownName } from './item.ts';
import { OldTable } from './old-table.ts';
import { openTable } from './open-table.ts';
import { readAll } from './read-all.ts';
import { SecretTable } from './secret-table.ts';
import { parseTableAddress } from './table-address.ts';
import { settingsItem } from './table-settings.ts';
import { encodeVersion } from './version.ts';

const day = 86_400_000;

interface Opened extends Disposable {
  readonly table: SecretTable;
  readonly old: OldTable;
}

function open(place: TablePlace, context: EncryptionContext = {}): Opened {
  const keys = new DataKeys(place.kms, 'alias/test');
  const parts = { store: place.items, keys, random: systemRandom, now: () => place.now };
  const table = new SecretTable(parts, { context });
  const surroundings = { random: systemRandom, now: () => place.now, context, latest: 'text' as const };
  const old = new OldTable({ table, store: place.items, keys }, surroundings);
  return { table, old, [Symbol.dispose]: () => table[Symbol.dispose]() };
}

/** A table that shares keys for a day, with secrets that say when they were written. */
async function sharingPlace(days: readonly (readonly string[])[], context = {}): Promise<TablePlace> {
  const place = makeTablePlace();
  await place.items.create(settingsItem({ format: 'coffer', undeleteDays: 30, epochDays: 1 }));
  for (const names of days) {
    using opened = open(place, context);
    for (const name of names) {
      await opened.table.write({ name, bytes: Buffer.from(`${name}'s`), shape: 'bare' });
    }
    place.now += 2 * day;
  }
  for (const calls of [place.items.calls, place.kms.calls]) for (const call in calls) delete calls[call];
  place.kms.contexts.length = 0;
  return place;
}

async function allOf({ old }: Opened, wanted?: (name: string) => boolean): Promise<string> {
  return (await old.openAll(await old.latestItems(wanted))).join();
}

async function outcomesOf({ table }: Opened, wanted = (_name: string) => true): Promise<string> {
  const told: string[] = [];
  for await (const outcome of readAll(table, wanted)) {
    told.push(outcome.kind === 'found' ? `${outcome.found.bytes}` : outcome.error.message);
  }
  return told.join();
}

const epochs = (place: TablePlace) => place.kms.contexts.map((context) => context['coffer:epoch']);

describe('the key that items share', () => {
  it('is asked for while all items are still on their way', async () => {
    const place = await sharingPlace([['a', 'b']]);
    using opened = open(place);
    // The scan waits for KMS to be asked, which it would never be otherwise.
    const asked = new Promise<void>((resolve) => {
      place.kms.before = () => resolve();
    });
    place.items.before = (call) => (call === 'scan' ? asked : undefined);
    expect(await allOf(opened)).toBe("a's,b's");
    expect(place.kms.calls['decrypt']).toBe(1);
    expect(place.items.calls).toEqual({ scan: 1, query: 1 });
  });

  it('is asked for once items of some names are known, beside their batch', async () => {
    const place = await sharingPlace([['a', 'b']]);
    for (const read of [allOf, outcomesOf]) {
      using opened = open(place);
      const asked = new Promise<void>((resolve) => {
        place.kms.before = () => resolve();
      });
      place.items.before = (call) => (call === 'batch' ? asked : undefined);
      delete place.kms.calls['decrypt'];
      expect(await read(opened, (name) => name === 'a')).toBe("a's");
      expect(place.kms.calls['decrypt']).toBe(1);
    }
  });

  it('is asked for where somebody takes it, and no other is', async () => {
    const place = await sharingPlace([['a'], ['b']]);
    for (const read of [allOf, outcomesOf]) {
      for (const [wanted, many] of [
        [['a'], 1],
        [['b'], 1],
        [['a', 'b'], 2],
        [['c'], 0],
      ] as const) {
        using opened = open(place);
        place.kms.contexts.length = 0;
        await read(opened, (name) => (wanted as readonly string[]).includes(name));
        expect([wanted, new Set(epochs(place)).size, epochs(place).length]).toEqual([wanted, many, many]);
      }
    }
  });

  it('is never asked for of a table that shares none, nor of one whose epochs are of other contexts', async () => {
    const plain = makeTablePlace();
    using written = open(plain);
    await written.table.write({ name: 'a', bytes: Buffer.from('1'), shape: 'bare' });
    await written.old.latestItems();
    expect(plain.kms.calls).toEqual({ generate: 1 });

    const ended = await sharingPlace([['a']]);
    await ended.items.remove({ name: ownName, version: 'settings' });
    await ended.items.create(settingsItem({ format: 'coffer', undeleteDays: 30 }));
    const other = await sharingPlace([['a']], { env: 'prod' });
    for (const place of [ended, other]) {
      using opened = open(place);
      await opened.old.latestItems();
      expect(place.kms.calls).toEqual({});
    }
  });

  it('is looked up by nobody whose safe names an old format', async () => {
    const place = await sharingPlace([['a']]);
    using table = place.open({ format: 'credstash' });
    await table.keyAhead().ask();
    expect(place.items.calls).toEqual({});
  });
});

describe('what goes wrong with it', () => {
  it('keeps nobody from reading who may not look it up', async () => {
    const place = await sharingPlace([['a', 'b']]);
    place.items.before = (call) => {
      if (call === 'query') throw new AwsError('denied', 'AWS refuses dynamodb:Query on table t');
    };
    for (const read of [allOf, outcomesOf]) {
      using opened = open(place);
      expect(await read(opened)).toBe("a's,b's");
    }
  });

  it('is told of the secret, by the error of its own call', async () => {
    const place = await sharingPlace([['a']], { env: 'prod' });
    using opened = open(place, parseContext(['env=dev']));
    await expect(allOf(opened)).rejects.toThrow(/data key of a version 1: the encryption context is another/);
    expect(await outcomesOf(opened)).toMatch(/data key of a version 1/);
  });

  it('is asked for again by the secret, where the first call failed', async () => {
    const place = await sharingPlace([['a', 'b']]);
    using opened = open(place);
    const failed = new Promise<void>((resolve) => {
      place.kms.before = () => {
        place.kms.before = () => {};
        resolve();
        throw new AwsError('throttled', 'AWS throttles kms:Decrypt');
      };
    });
    place.items.before = (call) => (call === 'scan' ? failed : undefined);
    expect(await allOf(opened)).toBe("a's,b's");
    expect(place.kms.calls['decrypt']).toBe(2);
  });

  it.each([
    ['no bytes', { epoch: { S: '1-x' }, key: { S: 'x' } }],
    ['nothing at all', {}],
    ['what KMS never wrapped', { epoch: { S: '9-x' }, key: { B: Buffer.alloc(80) } }],
  ])('serves nobody whom somebody slipped an epoch with %s', async (_what, members) => {
    const place = await sharingPlace([['a']]);
    const version = `${epochPrefix}${encodeVersion(place.now + day)}/slipped`;
    await place.items.create({ name: { S: ownName }, version: { S: version }, ...members });
    for (const read of [allOf, outcomesOf]) {
      using opened = open(place);
      expect(await read(opened)).toBe("a's");
    }
  });

  it('asks for nothing once the table is closed', async () => {
    const place = await sharingPlace([['a']]);
    const opened = open(place);
    const ahead = opened.table.keyAhead();
    opened[Symbol.dispose]();
    await ahead.ask();
    expect(place.kms.calls).toEqual({});
  });
});

describe('a table of AWS', () => {
  const ends: (() => void)[] = [];
  afterEach(() => {
    for (const end of ends.splice(0)) end();
  });

  it('asks for nothing more that was asked ahead, once it is closed', async () => {
    let queries = 0;
    let come = () => {};
    const query = new Promise<void>((resolve) => {
      come = resolve;
    });
    // No query is ever answered.
    const server = createServer(() => {
      queries++;
      come();
    });
    ends.push(
      () => server.close(),
      () => server.closeAllConnections(),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const env = { AWS_ACCESS_KEY_ID: 'AKIASAMPLE', AWS_SECRET_ACCESS_KEY: 's', AWS_ENDPOINT_URL: endpoint };
    const address = parseTableAddress('credstash://table?region=eu-central-1');
    const { table, store } = openTable(address, [], { env, now: Date.now });
    const newest = newestEpoch(store, {});
    await query;
    table[Symbol.dispose]();
    expect(await newest).toBeUndefined();
    expect(queries).toBe(1);
  });
});
