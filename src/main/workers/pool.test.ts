import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { LimitSettings } from '../../config/settings.ts';
import type { CommonConnections } from '../../http/connection.ts';
import { openTestListener, type RawClient, type TestListener } from '../../http/listener.fixture.ts';
import { ConnectionPool, sharesOf } from './pool.ts';

function limitsOf(connections: number, connectionsPerAddress: number): LimitSettings {
  return { connections, connectionsPerAddress } as LimitSettings;
}

describe('shares and pool', () => {
  it('are together never more than the limits, whatever workers ask, release and lose', () => {
    const step = fc.record({
      worker: fc.integer({ min: 1, max: 4 }),
      act: fc.constantFrom('ask' as const, 'release' as const, 'end' as const),
      client: fc.constantFrom(undefined, 'a', 'b'),
      total: fc.boolean(),
    });
    const property = fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 40 }),
      fc.array(step, { maxLength: 200 }),
      (all, ofOne, steps) => {
        const limits = limitsOf(all, ofOne);
        const pool = new ConnectionPool(() => limits, 4);
        const { ofClient, ofAll } = sharesOf(limits, 4);
        const held = new Map<number, { total: number; a: number; b: number }>();
        for (const { worker, act, client, total } of steps) {
          const own = held.get(worker) ?? { total: 0, a: 0, b: 0 };
          const ask = { listener: 0, client, total };
          const has = (!total || own.total > 0) && (client === undefined || own[client as 'a' | 'b'] > 0);
          const sign = act === 'ask' ? (pool.ask(worker, ask) === 'granted' ? 1 : 0) : has ? -1 : 0;
          if (act === 'end') {
            pool.forget(worker);
            held.delete(worker);
            continue;
          }
          if (act === 'release' && has) pool.release(worker, ask);
          held.set(worker, {
            total: own.total + (total ? sign : 0),
            a: own.a + (client === 'a' ? sign : 0),
            b: own.b + (client === 'b' ? sign : 0),
          });
          const sum = (of: 'total' | 'a' | 'b') => [...held.values()].reduce((so, one) => so + one[of], 0);
          expect(sum('total') + 4 * ofAll).toBeLessThanOrEqual(Math.max(all, 4 * ofAll));
          for (const each of ['a', 'b'] as const) expect(sum(each) + 4 * ofClient).toBeLessThanOrEqual(ofOne);
        }
      },
    );
    fc.assert(property);
  });
});

describe('two listeners over one pool', () => {
  let open: TestListener[] = [];
  afterEach(async () => {
    for (const each of open) await each[Symbol.asyncDispose]();
    open = [];
  });

  async function openTwo(limits: LimitSettings): Promise<readonly [TestListener, TestListener]> {
    const pool = new ConnectionPool(() => limits, 2);
    const common = (worker: number): CommonConnections => ({
      shares: (now) => sharesOf(now, 2),
      ask: async (client, total) => pool.ask(worker, { listener: 0, client, total }),
      release: (client, total) => pool.release(worker, { listener: 0, client, total }),
    });
    const one = await openTestListener({ limits, common: common(1) });
    const two = await openTestListener({ limits, common: common(2) });
    open = [one, two];
    return [one, two];
  }

  /** Those that are answered; the others are closed by the server. */
  async function answered(listener: TestListener, count: number): Promise<readonly RawClient[]> {
    const clients = await Promise.all(Array.from({ length: count }, () => listener.connect()));
    const told = await Promise.all(
      clients.map(async (client) => {
        client.send('GET /v1/a HTTP/1.1\r\nhost: a\r\n\r\n');
        return client.answer().then(
          () => client,
          () => undefined,
        );
      }),
    );
    return told.filter((client) => client !== undefined);
  }

  it('let in as many of one client as the limit says, and again when some have gone', async () => {
    const [one, two] = await openTwo(limitsOf(100, 16));
    // One of the two shares is the other's.
    const first = await answered(one, 20);
    expect(first).toHaveLength(15);
    expect(await answered(two, 5)).toHaveLength(1);
    expect(one.logged).toEqual(['warn connection refused: too many {"remoteAddress":"127.0.0.1"}']);
    for (const client of first.slice(0, 10)) client.destroy();
    while (one.listener.usage().connections > 5) await new Promise((resolve) => setImmediate(resolve));
    expect(await answered(two, 20)).toHaveLength(10);
  });

  it('are exact where the limit is small', async () => {
    const [one, two] = await openTwo(limitsOf(100, 5));
    const lists = await Promise.all([answered(one, 8), answered(two, 8)]);
    expect(lists.flat()).toHaveLength(5);
  });

  it('give up the connection that has rested longest for a new one', async () => {
    const [one] = await openTwo(limitsOf(4, 100));
    expect(await answered(one, 3)).toHaveLength(3);
    // Several at once, and each has its answer.
    expect(await answered(one, 2)).toHaveLength(2);
    expect(one.listener.usage().connections).toBe(3);
  });
});
