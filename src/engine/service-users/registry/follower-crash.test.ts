/** A follower that ends between any two commits, told of or not: the next node takes over whatever it left, once. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { keysOf } from '../../../../test/fakes/client.ts';
import { Kio, kioApplication } from '../../../../test/fakes/kio.ts';
import { makeServicePlace, type ServicePlace } from '../../../../test/fakes/service-place.ts';
import { type Fault, faultyStorage } from '../../../../test/fault/storage-fault.ts';
import type { JsonObject } from '../../../json.ts';
import type { CofferNode } from '../../../main/node.ts';

let kio: Kio;
const places: ServicePlace[] = [];
beforeEach(async () => {
  kio = await new Kio().open();
});
afterEach(async () => {
  await kio.close();
  await Promise.all(places.splice(0).map(({ place }) => place.remove()));
});

const id = (n: number) => `app-${n}`;

async function outside({ state: { core } }: CofferNode): Promise<void> {
  await core?.outside.run();
  await core?.outside.settled();
}

/** Of twelve applications five are lost, held and confirmed; one is new, one has changed. */
async function begun(): Promise<ServicePlace> {
  const at = await makeServicePlace({ silent: true });
  places.push(at);
  kio.applications = Array.from({ length: 12 }, (_, n) => kioApplication(id(n)));
  const config = { registry: 'kio', registry_url: kio.url, paused: true };
  expect((await at.ask('update', 'config', config)).status).toBe(204);
  at.place.clock.jump(1);
  await at.outside();
  kio.applications = kio.applications.slice(5);
  at.place.clock.jump(11);
  await at.outside();
  expect((await at.ask('update', 'shrink', { confirm: 5 })).status).toBe(204);
  const [changed, ...rest] = kio.applications;
  kio.applications = [{ ...changed, team_id: 'others' } as JsonObject, ...rest, kioApplication('new')];
  return at;
}

/** From the n-th commit on nothing is kept; `kind` says whether that one was. Answers whether there was one. */
async function crashAt(
  at: ServicePlace,
  n: number,
  kind: Fault['kind'] & ('before' | 'after'),
): Promise<boolean> {
  let armed = false;
  let commits = 0;
  const storage = faultyStorage(at.place.storage, (_count, operation) => {
    if (!armed || operation !== 'commit') return undefined;
    commits += 1;
    if (commits < n) return undefined;
    return { kind: commits === n ? kind : 'before' };
  });
  const node = await at.place.node(storage);
  armed = true;
  at.place.clock.jump(1);
  await outside(node).catch(() => undefined);
  return commits >= n;
}

it.each(['before', 'after'] as const)(
  'takes everything over, whichever commit was the last (%s)',
  async (kind) => {
    let reached = true;
    for (let n = 1; reached; n += 3) {
      const at = await begun();
      reached = await crashAt(at, n, kind);
      // Longer than the lock of the one that is gone, as whoever comes next watches it.
      for (let round = 0; round < 5; round++) {
        at.place.clock.advance(61);
        await outside(at.node);
      }
      const { data } = await at.ask('read', 'status');
      const info = data['key_info'] as Record<string, JsonObject>;
      const active = Object.keys(info).filter((one) => info[one]?.['active'] === true);
      expect(active.toSorted(), `commit ${n}`).toEqual(
        ['new', ...Array.from({ length: 7 }, (_, more) => id(more + 5))].toSorted(),
      );
      expect((await at.ask('read', `apps/${id(5)}`)).data['team']).toBe('others');
      expect((await at.ask('read', 'shrink')).data).toMatchObject({ count: 0 });
      expect(data['registry']).toMatchObject({ problem: null, held: 0 });
      const left = await keysOf(at.place.storage, 'mount/');
      expect(left.filter((key) => key.includes('registry/held') || key.includes('registry/lost'))).toEqual(
        [],
      );
      const told = (await at.ask('read', `apps/${id(0)}/history`)).data['entries'] as readonly JsonObject[];
      const retired = told.filter(({ detail }) => detail === 'active by its registry');
      expect(retired, `commit ${n}`).toHaveLength(1);
      await at.place.remove();
      places.pop();
    }
  },
  120_000,
);
