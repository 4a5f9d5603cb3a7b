/** What a request of the server costs in calls of the agent: each is a way to Consul's leader and back. */
import { afterEach, expect, it } from 'vitest';
import { ask, makePlace } from '../../../test/fakes/client.ts';
import { ConsulAgentFake } from '../../../test/fakes/consul-agent.ts';
import { bytes, key } from '../opened-storage.ts';
import { parseConsulPlace } from './address.ts';
import { openConsulStorage } from './consul.ts';

const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

async function open() {
  const agent = await ConsulAgentFake.start();
  const env = { CONSUL_HTTP_ADDR: `127.0.0.1:${agent.port}` };
  const place = parseConsulPlace('consul:coffer');
  const storage = await openConsulStorage({ place, env, create: true });
  cleanUps.push(
    () => storage.close(),
    () => agent.close(),
  );
  const count = async (action: () => Promise<unknown>): Promise<number> => {
    const before = agent.requests.length;
    await action();
    return agent.requests.length - before;
  };
  return { agent, storage, count };
}

it('a read, a multi-get and a commit are one call each, expectations or none', async () => {
  const { storage, count } = await open();
  const keys = Array.from({ length: 64 }, (_, index) => key(`k${index}`));
  const writes = keys.map((each) => ({ key: each, value: bytes('1') }));
  expect(
    await count(() =>
      storage.commit(
        writes,
        keys.map((each) => ({ key: each, revision: null })),
      ),
    ),
  ).toBe(1);
  expect(await count(() => storage.read(key('k1')))).toBe(1);
  expect(await count(() => storage.readMany(keys))).toBe(1);
  const [found] = await storage.readMany([key('k1')]);
  const expectations = [{ key: key('k1'), revision: found?.revision ?? null }];
  expect(await count(() => storage.commit([{ key: key('k2'), value: null }], expectations))).toBe(1);
  expect(await count(() => storage.commit([], expectations))).toBe(1);
  expect(
    await count(() =>
      storage
        .commit([{ key: key('k2'), value: bytes('2') }], [{ key: key('k1'), revision: null }])
        .catch(() => undefined),
    ),
  ).toBe(1);
  // One that looks whether the store is still there goes beside each list.
  expect(await count(() => storage.children('', { limit: 10 }))).toBe(2);
  expect(await count(() => storage.range('', { limit: 64 }))).toBe(3);
});

it('a secret is read in two calls, at first in four at most; a write costs one commit more', async () => {
  const { storage, count } = await open();
  const place = await makePlace({ storage, silent: true });
  cleanUps.unshift(() => place.remove());
  const node = await place.node();
  const write = () => ask(node, 'update', 'secret/data/a', { data: { word: 'one' } });
  const read = () => ask(node, 'read', 'secret/data/a');
  expect((await write()).status).toBe(200);
  const other = await place.node();
  expect(await count(() => ask(other, 'read', 'secret/data/a'))).toBeLessThanOrEqual(4);
  expect(await count(() => ask(other, 'read', 'secret/data/a'))).toBeLessThanOrEqual(2);
  await read();
  expect(await count(read)).toBeLessThanOrEqual(2);
  expect(await count(write)).toBeLessThanOrEqual(4);
});
