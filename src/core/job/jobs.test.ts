import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  finishDuties,
  finishJobs,
  makePlace,
  makeToken,
  type Place,
} from '../../../test/fakes/client.ts';
import { failNth, faultyStorage } from '../../../test/fault/storage-fault.ts';
import { CofferError } from '../../errors.ts';
import { parseStorageKey } from '../../storage/storage.ts';
import type { Core } from '../core.ts';
import type { JobType } from './job.ts';

/** Appends a letter to one record, a step at a time: what happens twice or not at all shows. */
const trail = parseStorageKey('core/trail');
let hook: (count: number) => unknown = () => undefined;

const walk: JobType = {
  type: 'walk',
  async step(state, { store }) {
    const count = Number(state['count']);
    await hook(count);
    const before = (await store.read(trail))?.open().toString() ?? '';
    const last = Number(state['steps']) - 1;
    return {
      state: { ...state, count: count + 1 },
      writes: [{ key: trail, value: Buffer.from(`${before}${count};`) }],
      progress: { done: count + 1, total: last + 1 },
      ...(count === last ? { result: { walked: last + 1 } } : {}),
    };
  },
};

let place: Place;
beforeEach(async () => {
  hook = () => undefined;
  place = await makePlace({ jobTypes: [walk] });
});
afterEach(() => place.remove());

function begin(core: Core, steps: number, token: string | null = null): Promise<string> {
  return core.jobs.begin(
    { type: 'walk', subject: 'the trail', state: { count: 0, steps } },
    { token, displayName: 'somebody' },
  );
}

function coreOf(node: Awaited<ReturnType<Place['node']>>): Core {
  const { core } = node.state;
  if (core === undefined) throw new Error('sealed');
  return core;
}

async function trailOf(core: Core): Promise<string> {
  return (await core.store.read(trail))?.open().toString() ?? '';
}

const walked = (steps: number) => Array.from({ length: steps }, (_, count) => `${count};`).join('');

describe('jobs', () => {
  it('are worked on to their end, and say what came of them', async () => {
    const node = await place.node();
    const id = await begin(coreOf(node), 40);
    await finishJobs(node);
    expect(await trailOf(coreOf(node))).toBe(walked(40));
    const { status, data } = await ask(node, 'read', `sys/jobs/${id}`);
    expect(status).toBe(200);
    expect(data).toMatchObject({
      status: 'done',
      done: 40,
      total: 40,
      result: { walked: 40 },
      problem: null,
    });
    expect((await ask(node, 'list', 'sys/jobs')).data['keys']).toEqual([id]);
  });

  it('that fail while they are cancelled do not keep others from their turn', async () => {
    const node = await place.node();
    const core = coreOf(node);
    const ids = await Promise.all([begin(core, 2), begin(core, 2)]);
    let cancelled = '';
    hook = async () => {
      if (cancelled !== '') return;
      [cancelled = ''] = ids.toSorted();
      await core.jobs.cancel(cancelled);
      throw new CofferError('unavailable', 'the step failed');
    };
    await finishJobs(node);
    const states = await Promise.all(
      ids.toSorted().map(async (id) => (await core.jobs.read(id))?.record.status),
    );
    expect(states).toEqual(['cancelled', 'done']);
  });

  it('whose record is damaged keep none of the others, and are shown until somebody cancels them', async () => {
    const node = await place.node();
    const core = coreOf(node);
    const [bad, good] = [await begin(core, 2), await begin(core, 2)];
    const key = parseStorageKey(`core/job/record/${bad}`);
    const record = await place.storage.read(key);
    const value = Buffer.from(record?.value ?? []);
    value[value.length - 1] = (value.at(-1) ?? 0) ^ 1;
    await place.storage.commit([{ key, value }]);
    await finishJobs(node);
    await finishJobs(node);
    expect((await core.jobs.read(good))?.record.status).toBe('done');
    const told = place.log.filter(({ message }) => message === 'a step of a job failed');
    expect(told.map(({ fields }) => fields['type'])).toEqual(['damaged']);
    const listed = (await ask(node, 'list', 'sys/jobs')).data;
    expect(listed['keys']).toHaveLength(2);
    expect((await ask(node, 'read', `sys/jobs/${bad}`)).data).toMatchObject({
      type: 'damaged',
      status: 'failed',
      problem: 'the record of this job cannot be read: it is damaged',
    });
    expect((await ask(node, 'delete', `sys/jobs/${bad}`)).status).toBe(204);
    expect(await core.jobs.active()).toEqual([]);
    await begin(core, 1);
    await finishJobs(node);
  });

  it('take turns', async () => {
    const node = await place.node();
    const core = coreOf(node);
    const ids = await Promise.all([begin(core, 30), begin(core, 30)]);
    await finishJobs(node);
    for (const id of ids) expect((await core.jobs.read(id))?.record.status).toBe('done');
    // The first had not walked to its end when the second began.
    expect((await trailOf(core)).indexOf('0;', 1)).toBeLessThan(walked(30).length);
  });

  it.each(
    [...Array(14).keys()].flatMap((nth) => [[nth + 1, 'before'] as const, [nth + 1, 'after'] as const]),
  )('go on where they were when commit %i fails %s its effect', async (nth, kind) => {
    const healthy = await place.node();
    const id = await begin(coreOf(healthy), 8);
    const plan = failNth('commit', nth, kind);
    let armed = false;
    const ill = await place.node(
      faultyStorage(place.storage, (count, operation) => (armed ? plan(count, operation) : undefined)),
    );
    armed = true;
    await coreOf(ill)
      .jobDuty.run()
      .catch(() => undefined);
    // The one that broke down has to be seen to be silent for as long as its lock lasts, and its pause has to pass.
    await finishJobs(healthy);
    place.clock.jump(60);
    await finishJobs(healthy);
    expect((await coreOf(healthy).jobs.read(id))?.record.status).toBe('done');
    expect(await trailOf(coreOf(healthy))).toBe(walked(8));
  });

  it('are worked on by one node at a time', async () => {
    const [one, two] = [await place.node(), await place.node()];
    await begin(coreOf(one), 50);
    await Promise.all([finishJobs(one), finishJobs(two)]);
    await finishJobs(two);
    expect(await trailOf(coreOf(one))).toBe(walked(50));
  });

  it('are left to the successor by a holder whose lock ran out', async () => {
    const [one, two] = [await place.node(), await place.node()];
    await begin(coreOf(one), 10);
    let released = () => {};
    const paused = new Promise<void>((resolve) => {
      released = resolve;
    });
    let reached = () => {};
    const there = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const slow = coreOf(one).store.read.bind(coreOf(one).store);
    let first = true;
    coreOf(one).store.read = async (key) => {
      if (key === trail && first) {
        first = false;
        reached();
        await paused;
      }
      return slow(key);
    };
    const holder = finishJobs(one);
    await there;
    place.clock.jump(120);
    await finishJobs(two);
    released();
    await holder.catch(() => undefined);
    expect(await trailOf(coreOf(two))).toBe(walked(10));
  });

  it('wait longer after each failure, and go on by themselves', async () => {
    const node = await place.node();
    let failures = 2;
    hook = (count) => {
      if (count === 3 && failures-- > 0) throw new CofferError('unavailable', 'the moon is in the way');
    };
    const id = await begin(coreOf(node), 5);
    await finishJobs(node);
    expect((await ask(node, 'read', `sys/jobs/${id}`)).data).toMatchObject({
      status: 'running',
      done: 3,
      failures: 1,
      problem: 'the moon is in the way',
    });
    place.clock.jump(2);
    await finishJobs(node);
    expect((await coreOf(node).jobs.read(id))?.record.failures).toBe(2);
    place.clock.jump(3);
    await finishJobs(node);
    expect((await coreOf(node).jobs.read(id))?.record.failures).toBe(2);
    place.clock.jump(1);
    await finishJobs(node);
    expect((await coreOf(node).jobs.read(id))?.record).toMatchObject({ status: 'done', failures: 0 });
  });

  it('end as failed where trying again will not help, and after very many tries', async () => {
    const node = await place.node();
    hook = () => {
      throw new CofferError('permission_denied', 'the right was taken away');
    };
    const denied = await begin(coreOf(node), 5);
    await finishJobs(node);
    expect((await coreOf(node).jobs.read(denied))?.record).toMatchObject({
      status: 'failed',
      problem: 'the right was taken away',
    });
    hook = () => {
      throw new Error('a fault of ours');
    };
    const broken = await begin(coreOf(node), 5);
    for (let tries = 0; tries < 24; tries++) {
      place.clock.jump(600);
      await finishJobs(node);
    }
    const { status, problem } = (await coreOf(node).jobs.read(broken))?.record ?? {};
    expect({ status, problem }).toEqual({ status: 'failed', problem: 'internal error' });
  });

  it('stop where they are when cancelled', async () => {
    const node = await place.node();
    const id = await begin(coreOf(node), 30);
    hook = (count) => (count === 5 ? ask(node, 'delete', `sys/jobs/${id}`) : undefined);
    await finishJobs(node);
    const record = (await coreOf(node).jobs.read(id))?.record;
    expect(record?.status).toBe('cancelled');
    expect(await trailOf(coreOf(node))).toBe(walked(record?.done ?? -1));
    expect(record?.done).toBe(5);
    expect((await ask(node, 'delete', `sys/jobs/${id}`)).status).toBe(204);
  });

  it('are forgotten a week after their end', async () => {
    const node = await place.node();
    const id = await begin(coreOf(node), 2);
    await finishJobs(node);
    place.clock.jump(6 * 86_400);
    await finishDuties(node, place.clock);
    expect((await ask(node, 'read', `sys/jobs/${id}`)).status).toBe(200);
    place.clock.jump(86_400);
    await finishDuties(node, place.clock);
    expect((await ask(node, 'read', `sys/jobs/${id}`)).status).toBe(404);
  });

  it('are refused where a hundred are under way', async () => {
    const node = await place.node();
    for (let count = 0; count < 100; count++) await begin(coreOf(node), 1, `token-${count}`);
    await expect(begin(coreOf(node), 1, 'another')).rejects.toMatchObject({ code: 'rate_limited' });
  });

  it('threat 13: of others are as good as absent, by each route', async () => {
    const node = await place.node();
    const [owner, other] = [
      await makeToken(node, { policies: ['default'] }),
      await makeToken(node, { policies: ['default'] }),
    ];
    const id = await begin(coreOf(node), 3, coreOf(node).tokens.idOf(owner));
    hook = () => {
      throw new CofferError('unavailable', 'later');
    };
    await finishJobs(node);
    expect((await ask(node, 'read', `sys/jobs/${id}`, {}, other)).status).toBe(404);
    expect((await ask(node, 'delete', `sys/jobs/${id}`, {}, other)).status).toBe(404);
    expect((await ask(node, 'list', 'sys/jobs', {}, other)).status).toBe(404);
    expect((await ask(node, 'read', `sys/jobs/${id}`, {}, owner)).data['status']).toBe('running');
    expect((await ask(node, 'list', 'sys/jobs', {}, owner)).data['keys']).toEqual([id]);
    expect((await ask(node, 'delete', `sys/jobs/${id}`, {}, owner)).status).toBe(204);
    expect((await ask(node, 'read', `sys/jobs/${id}`)).data['status']).toBe('cancelled');
  });

  it.each(['', '..', 'x'.repeat(900), '00000000-0000-0000-0000-000000000000'])(
    'say so when there is none: %j',
    async (id) => {
      const node = await place.node();
      expect(await coreOf(node).jobs.read(id)).toBeUndefined();
    },
  );
});
