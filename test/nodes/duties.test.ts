/** What must happen once happens once, moves when its holder dies or hangs, and is refused to a holder whose time is over. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { endpoint } from '../../src/core/endpoint.ts';
import type { JobType } from '../../src/core/job/job.ts';
import type { View } from '../../src/core/view.ts';
import type { EngineType } from '../../src/engine/engine.ts';
import type { CofferNode } from '../../src/main/node.ts';
import { ask, expiryOf, finishDuties, finishJobs, keysOf, type Place } from '../fakes/client.ts';
import { HandClock } from '../fakes/hand-clock.ts';
import { leasedType, Outside } from '../fakes/leased-engine.ts';
import { stores } from './stores.ts';

/** Something that waits until the test lets it go on. */
class Pause {
  #resume: () => void = () => undefined;
  #reach: () => void = () => undefined;
  readonly reached = new Promise<void>((resolve) => {
    this.#reach = resolve;
  });
  readonly #over = new Promise<void>((resolve) => {
    this.#resume = resolve;
  });

  wait(): Promise<void> {
    this.#reach();
    return this.#over;
  }

  end(): void {
    this.#resume();
  }
}

/** An engine whose due work writes into its own records, and can be paused before it does. */
function noting(pauses: Pause[], notes: string[]): EngineType {
  const ring = endpoint({
    pattern: 'ring/:name',
    help: 'Asks to be called at once.',
    fields: {},
    operations: {
      update: {
        summary: 'Ask',
        handle: async ({ view, params, clock }) => {
          await view.commit([], [], [{ at: clock.now(), name: params['name'] ?? '' }]);
          return undefined;
        },
      },
    },
  });
  const onDue = async (name: string, view: View) => {
    await pauses.shift()?.wait();
    await view.commit([{ path: `note/${name}`, value: Buffer.from('noted') }]);
    notes.push(name);
  };
  return {
    type: 'noting',
    summary: 'notes what was due',
    parseOptions: (options) => options,
    create: () => ({ endpoints: [ring], onDue }),
  };
}

describe.each(stores)('duties of nodes over $name', ({ make }) => {
  let place: Place;
  let outside: Outside;
  let pauses: Pause[];
  let notes: string[];
  let calls: string[];
  let one: CofferNode;
  let two: CofferNode;
  /** Of the first node; the second goes by the place's. */
  let own: HandClock;

  /** Touches the outside in each of its steps. */
  const touching: JobType = {
    type: 'touching',
    step: async ({ at = 0 }, context) => {
      const step = Number(at);
      await pauses.shift()?.wait();
      await context.outside(async () => calls.push(`step ${step}`));
      const progress = { done: step + 1, total: 3 };
      return { state: { at: step + 1 }, progress, ...(step === 2 ? { result: {} } : {}) };
    },
  };

  beforeEach(async () => {
    outside = new Outside();
    [pauses, notes, calls] = [[], [], []];
    place = await make({ engines: [leasedType(outside), noting(pauses, notes)], jobTypes: [touching] });
    own = new HandClock(place.clock.now());
    one = await place.node(undefined, { clock: own });
    two = await place.node();
    await ask(one, 'update', 'sys/mounts/leased', { type: 'leased' });
    await ask(one, 'update', 'sys/mounts/noting', { type: 'noting' });
  });
  afterEach(() => place.remove());

  function jump(seconds: number): void {
    own.jump(seconds);
    place.clock.jump(seconds);
  }

  it('each thing that is due is ended once, by however many nodes at once', async () => {
    const nodes = [one, two, await place.node(), await place.node()];
    for (let made = 0; made < 20; made++) {
      await ask(nodes[made % 4] ?? one, 'read', 'leased/creds/app', { ttl: 60 });
    }
    jump(60);
    await Promise.all(nodes.map((node) => expiryOf(node).run()));
    await finishDuties(two, place.clock);
    expect([...outside.revocations.values()]).toEqual(Array(20).fill(1));
  });

  it('a holder that hangs is waited out, and the next one repeats what it had begun', async () => {
    await ask(one, 'read', 'leased/creds/app', { ttl: 60 });
    jump(60);
    const pause = new Pause();
    outside.beforeRevoke = () => pause.wait();
    const hanging = expiryOf(one).run();
    await pause.reached;
    outside.beforeRevoke = undefined;
    expect(await expiryOf(two).run()).toBe(0);
    jump(29);
    expect(await expiryOf(two).run()).toBe(0);
    expect(outside.working).toHaveLength(1);
    jump(1);
    expect(await expiryOf(two).run()).toBe(1);
    expect(outside.working).toEqual([]);
    pause.end();
    await hanging;
    expect(await keysOf(place.storage, 'due/')).toEqual([]);
  });

  it('threat 18: a stale holder’s writes are refused at the store, in engines’ own records too', async () => {
    await ask(one, 'update', 'noting/ring/a');
    jump(1);
    const pause = new Pause();
    pauses.push(pause);
    const stale = expiryOf(one).run();
    await pause.reached;
    await expiryOf(two).run();
    jump(30);
    await finishDuties(two, place.clock);
    expect(notes).toEqual(['a']);
    const mounts = async () => {
      const page = await place.storage.range('mount/', { limit: 1_000 });
      return page.items.map(({ key, revision }) => `${key} ${revision}`);
    };
    const before = await mounts();
    pause.end();
    await stale;
    expect(notes).toEqual(['a']);
    expect(await mounts()).toEqual(before);
  });

  it('threat 18: a stale holder touches nothing outside: neither by its lock’s time nor by the store’s record', async () => {
    const { core } = one.state;
    const begun = await core?.jobs.begin(
      { type: 'touching', state: {}, subject: 'outside' },
      { token: null, displayName: 'test' },
    );
    expect(begun).toBeDefined();
    const pause = new Pause();
    pauses.push(pause);
    const stale = core?.jobDuty.run();
    await pause.reached;
    await finishJobs(two);
    // Only the others' time goes on: by its own clock the holder has the lock yet. The store knows better.
    place.clock.jump(30);
    await finishJobs(two);
    expect(calls).toEqual(['step 0', 'step 1', 'step 2']);
    pause.end();
    await stale?.catch(() => undefined);
    expect(calls).toEqual(['step 0', 'step 1', 'step 2']);
  });

  it('a holder that stopped in order is not waited for', async () => {
    await ask(one, 'read', 'leased/creds/app', { ttl: 60 });
    jump(60);
    await expiryOf(one).run();
    await ask(two, 'read', 'leased/creds/app', { ttl: 60 });
    await one.state.drop();
    place.clock.jump(60);
    expect(await expiryOf(two).run()).toBeGreaterThan(0);
    expect(outside.working).toEqual([]);
  });

  it('a node whose clock is an hour ahead takes no duty from one that is at work', async () => {
    const ahead = await place.node(undefined, { clock: new HandClock(place.clock.now() + 3_600_000) });
    await ask(one, 'read', 'leased/creds/app', { ttl: 60 });
    jump(60);
    const pause = new Pause();
    outside.beforeRevoke = () => pause.wait();
    const working = expiryOf(one).run();
    await pause.reached;
    const begun = outside.attempts;
    expect(await expiryOf(ahead).run()).toBe(0);
    expect(outside.attempts).toBe(begun);
    pause.end();
    expect(await working).toBe(1);
    expect([...outside.revocations.values()]).toEqual([1]);
  });
});
