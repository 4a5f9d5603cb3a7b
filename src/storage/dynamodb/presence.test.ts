import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import { askMoto } from '../../../test/fakes/moto-calls.ts';
import { startDynamoLocal } from '../../../test/setup/dynamodb-local.ts';
import { CofferError } from '../../errors.ts';
import { bytes, key } from '../opened-storage.ts';
import { parseDynamoAddress } from './address.ts';
import { type DynamoOptions, openDynamoStorage } from './dynamodb.ts';

const local = await startDynamoLocal();
afterAll(() => local?.close());

describe.skipIf(local === undefined)('who has a store in DynamoDB open', () => {
  if (local === undefined) return;
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });

  async function open(url: string, wish: Partial<DynamoOptions> = {}) {
    const address = parseDynamoAddress(url);
    const storage = await openDynamoStorage({ address, create: true, env: local?.env ?? {}, ...wish });
    ends.push(() => storage.close());
    return storage;
  }

  /** Moves the clock, `step` seconds at a time, until the answer is there. */
  async function meanwhile<T>(answer: Promise<T>, clock: HandClock, step = 1): Promise<T> {
    let done = false;
    const settled = answer.finally(() => {
      done = true;
    });
    settled.catch(() => undefined);
    while (!done) {
      clock.advance(step);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return settled;
  }

  it('is everybody else, while they have it open, and nobody of another store', async () => {
    const [one, other] = [local.url(), local.url()];
    const clock = new HandClock();
    const first = await open(one, { clock });
    const stranger = await open(other, { clock });
    expect(await first.occupants()).toEqual([]);
    const second = await open(one, { clock });
    const seen = [expect.stringMatching(new RegExp(`^process ${process.pid} on `))];
    expect(await meanwhile(first.occupants(), clock)).toEqual(seen);
    expect(await meanwhile(second.occupants(), clock)).toEqual(seen);
    expect(await stranger.occupants()).toEqual([]);
    await second.close();
    expect(await first.occupants()).toEqual([]);
    await first.close();
    await expect(first.occupants()).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('by use: is shown when something is asked for, by no timer, and looks at the gate after a rest', async () => {
    const url = local.url();
    const clock = new HandClock();
    const own = new HandClock();
    const first = await open(url, { clock });
    const gate = { key: key('boot/gone'), refusal: () => new CofferError('store_unusable', 'it has moved') };
    const resting = await open(url, { create: false, rests: true, clock: own, gate });
    expect(own.pending).toBe(0);
    expect(await meanwhile(first.occupants(), clock)).toEqual([]);
    // Frozen for a day: nobody waited for it, and its first word puts it back.
    own.jump(86_400);
    await resting.read(key('core/a'));
    expect(own.pending).toBe(0);
    let done = false;
    const looking = first.occupants().finally(() => {
      done = true;
    });
    while (!done) {
      clock.advance(1);
      own.jump(20);
      await resting.read(key('core/a'));
    }
    expect(await looking).toHaveLength(1);
    // What it would do after a migration it does not begin.
    await first.commit([{ key: key('boot/gone'), value: bytes('away') }]);
    expect(await resting.read(key('core/a'))).toBeUndefined();
    own.jump(20);
    await expect(resting.read(key('core/a'))).rejects.toMatchObject({ code: 'store_unusable' });
    await expect(resting.commit([{ key: key('core/a'), value: bytes('b') }])).rejects.toMatchObject({
      code: 'store_unusable',
    });
  });

  it('by use: makes no table, and says where there is none', async () => {
    const making = open(local.url(), { rests: true });
    await expect(making).rejects.toMatchObject({ code: 'store_unusable' });
  });

  it('is not who died, once that can be told', async () => {
    const url = local.url();
    const clock = new HandClock();
    // Its time stands still, and with it all that it does by itself.
    const dead = await open(url, { clock: new HandClock() });
    const living = await open(url, { clock });
    const first = await open(url, { clock });
    const begun = clock.steady();
    expect(await meanwhile(first.occupants(), clock)).toHaveLength(1);
    expect(clock.steady() - begun).toBeGreaterThanOrEqual(30_000);
    await living.close();
    // It was taken out, and need not be waited for again.
    expect(await first.occupants()).toEqual([]);
    expect(await dead.read(key('a'))).toBeUndefined();
  });

  it('forgets who died, also where nobody asks', async () => {
    const url = local.url();
    const clock = new HandClock();
    await open(url, { clock: new HandClock() });
    await open(url, { clock });
    const TableName = parseDynamoAddress(url).table;
    const items = async () =>
      (
        await askMoto(local, 'DynamoDB_20120810.Scan', {
          TableName,
          FilterExpression: '#r = :o',
          ExpressionAttributeNames: { '#r': 'root' },
          ExpressionAttributeValues: { ':o': { S: 'o' } },
        })
      )['Count'];
    expect(await items()).toBe(2);
    // Twenty minutes of its changes, one after the other.
    await meanwhile(expect.poll(items, { timeout: 25_000, interval: 200 }).toBe(1), clock, 5);
  });

  it('threat 18: who was taken as gone comes back through the gate, and not to a store that has left', async () => {
    const url = local.url();
    const gone = new HandClock();
    const gate = {
      key: key('boot/gate'),
      refusal: (value: Buffer) => new CofferError('store_unusable', `moved: ${value.toString()}`),
    };
    const away = await open(url, { clock: gone, gate });
    const other = await open(url);
    await away.commit([{ key: key('a'), value: bytes('1') }]);
    gone.jump(20);
    expect((await away.read(key('a')))?.value).toEqual(bytes('1'));
    await other.commit([{ key: gate.key, value: bytes('elsewhere') }]);
    // It is seen to be there, and what it does is not hidden from whoever moves the store.
    expect((await away.read(key('a')))?.value).toEqual(bytes('1'));
    gone.jump(20);
    const refused = { code: 'store_unusable', message: 'moved: elsewhere' };
    await expect(away.read(key('a'))).rejects.toMatchObject(refused);
    await expect(away.readMany([key('a'), key('b')])).rejects.toMatchObject(refused);
    await expect(away.children('', { limit: 1 })).rejects.toMatchObject(refused);
    await expect(away.commit([{ key: key('a'), value: bytes('2') }])).rejects.toMatchObject(refused);
    expect((await other.read(key('a')))?.value).toEqual(bytes('1'));
    await other.commit([{ key: gate.key, value: null }]);
    await away.commit([{ key: key('a'), value: bytes('2') }]);
  });
});
