/** A mount is disabled, and its server dies by `kill -9` while the records go: the next server leaves none, and nothing else is touched. */
import { afterAll, expect, it } from 'vitest';
import { rootTokenOf } from './kill-rounds.ts';
import { cleanUp, freshPlace, type Place, type ServerProcess, startServer } from './server-process.ts';
import { keysOf } from './store-digest.ts';
import { openWire, textAt, type Wire } from './wire.ts';

afterAll(cleanUp);

const secrets = 800;
const clients = 32;
/** A server is killed once it was seen to be at work; should it have come to its end, another round is tried. */
const mostRounds = 3;
/** Answers of the server between two looks at its store. */
const stride = 50;

async function below(place: Place, uuid: string): Promise<number> {
  return (await keysOf(place.data)).filter((key) => key.startsWith(`mount/${uuid}/`)).length;
}

/** Looks again after each answer of the server, so that it has its turn. */
async function leftOnce(
  place: Place,
  server: ServerProcess,
  uuid: string,
  enough: (left: number) => boolean,
): Promise<number> {
  const wire = openWire(server.address, undefined);
  for (;;) {
    const left = await below(place, uuid);
    if (enough(left)) {
      wire.close();
      return left;
    }
    for (let asked = 0; asked < stride; asked++) await wire.ask('GET', 'sys/health');
  }
}

/** Answers the mount's uuid. */
async function fill(wire: Wire, path: string, count: number): Promise<string> {
  await wire.ask('POST', `sys/mounts/${path}`, { body: { type: 'kv', options: { version: '2' } } });
  let next = 0;
  const client = async () => {
    while (next < count) {
      const answer = await wire.ask('POST', `${path}/data/s${next++}`, { body: { data: { a: 1 } } });
      expect(answer.status).toBe(200);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return textAt((await wire.ask('GET', `sys/mounts/${path}`)).json, 'data', 'uuid');
}

it('threat 18: is purged to the end by the next one, whatever the one before had done', async () => {
  const place = freshPlace();
  let server = await startServer(place, { words: ['--init'] });
  const token = rootTokenOf(place);
  const first = openWire(server.address, token);
  const kept = await fill(first, 'kept', 20);
  first.close();
  const all = await below(place, kept);
  let left = 0;
  for (let round = 0; round < mostRounds && left === 0; round++) {
    const wire = openWire(server.address, token);
    const gone = await fill(wire, 'gone', secrets);
    const before = await below(place, gone);
    expect(before).toBeGreaterThan(secrets);
    expect((await wire.ask('DELETE', 'sys/mounts/gone')).status).toBe(204);
    expect((await wire.ask('GET', 'gone/data/s1')).status).toBe(404);
    left = await leftOnce(place, server, gone, (now) => now < before);
    await server.kill();
    wire.close();
    server = await startServer(place);
    // The dead server's lock has to run out first.
    expect(await leftOnce(place, server, gone, (now) => now === 0)).toBe(0);
  }
  expect(left, 'no server died in the middle').toBeGreaterThan(0);
  const again = openWire(server.address, token);
  expect(await below(place, kept)).toBe(all);
  expect((await again.ask('GET', 'kept/data/s1')).status).toBe(200);
  expect((await again.ask('GET', 'gone/data/s1')).status).toBe(404);
  again.close();
  await server.stop();
});
