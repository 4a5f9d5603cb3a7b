import { afterEach, describe, expect, it } from 'vitest';
import type { FakeTraits } from '../../../test/fakes/fake-provider.ts';
import { mountUuid, RotationPlace } from '../../../test/fakes/rotation-place.ts';
import {
  beginScenario,
  rotationProviders,
  type Scenario,
  scenarios,
  wrongAtEnd,
} from '../../../test/fakes/rotation-scenarios.ts';
import type { RotationWatch } from '../../../test/fakes/rotation-watch.ts';
import { OutsideDuty } from '../../core/duty/outside.ts';

/** A node that stands still at its n-th step, as a machine does that sleeps: what it was at happens once it wakes. */
class Sleeper {
  readonly #at: number;
  #wake: () => void = () => undefined;
  readonly #sleep = new Promise<void>((resolve) => {
    this.#wake = resolve;
  });
  steps = 0;
  asleep = false;

  constructor(at: number) {
    this.#at = at;
  }

  async step<T>(effect: () => Promise<T>): Promise<T> {
    await this.#pass();
    const result = await effect();
    await this.#pass();
    return result;
  }

  wake(): void {
    this.#wake();
  }

  async #pass(): Promise<void> {
    this.steps++;
    if (this.steps !== this.#at) return;
    this.asleep = true;
    await this.#sleep;
  }
}

const sleepers: Sleeper[] = [];
afterEach(() => {
  for (const sleeper of sleepers.splice(0)) sleeper.wake();
});

/** The real duty, with the machine behind it. */
function dutyOf(place: RotationPlace, holder: string, sleeper: Sleeper, watch: RotationWatch): OutsideDuty {
  const { machine } = place.node({
    around: (name, effect) => sleeper.step(() => watch.around(name, effect)),
  });
  return new OutsideDuty({
    store: place.store,
    clock: place.clock,
    holder,
    mayEnd: () => true,
    onError: (error) => {
      throw error;
    },
    handle: (due, fence, turn) => {
      const view = place.viewUnder(fence, (effect) => sleeper.step(effect));
      return machine.look(due.id.slice(`${mountUuid}/app/`.length), view, turn);
    },
  });
}

async function works(place: RotationPlace, duty: OutsideDuty, seconds: number): Promise<void> {
  const until = place.clock.now() + seconds * 1_000;
  for (;;) {
    await duty.run();
    await duty.settled();
    const [next] = await place.queue('pear');
    if (next === undefined || next > until) break;
    place.clock.jump(Math.max(1, Math.ceil((next - place.clock.now()) / 1_000)));
  }
}

/** A node sleeps at a step, another takes over, and the first wakes in the middle of what is long done. */
async function run(traits: FakeTraits, scenario: Scenario, at: number) {
  const place = await RotationPlace.make(traits);
  const watch = await beginScenario(place, scenario);
  const sleeper = new Sleeper(at);
  sleepers.push(sleeper);
  const first = dutyOf(place, 'a', sleeper, watch);
  const second = dutyOf(place, 'b', new Sleeper(0), watch);
  const working = works(place, first, scenario.seconds);
  let idle = false;
  void working.finally(() => {
    idle = true;
  });
  while (!sleeper.asleep && !idle) await new Promise(setImmediate);
  // Whoever wants a lock watches it for as long as one lasts.
  for (let passes = 0; passes < 3; passes++) {
    await second.run();
    place.clock.jump(16);
  }
  await works(place, second, scenario.seconds + 1_000);
  sleeper.wake();
  await working;
  // What the sleeper did once it woke is mended by the next rotation.
  if ((await place.application('pear'))?.active) {
    await place.want('pear', { request: { count: 9, kinds: ['password', 'client'], emergency: false } });
    place.clock.jump(60);
    await second.run();
    place.clock.jump(60);
    await works(place, second, 2_000);
  }
  return { steps: sleeper.steps, wrong: await wrongAtEnd(place, scenario, watch) };
}

const names = Object.keys(rotationProviders);
const chosen = ['a first rotation', 'a rotation on request', 'an emergency', 'a deletion'];

describe.each(chosen.map((name, index) => ({ name, provider: names[index % names.length] ?? '' })))(
  '$name, at a provider $provider',
  ({ name, provider }) => {
    it('is gone on with by another node, wherever the first one stood still', async () => {
      const traits = rotationProviders[provider];
      const scenario = scenarios.find((one) => one.name === name);
      if (traits === undefined || scenario === undefined) throw new Error('no such scenario');
      const clean = await run(traits, scenario, 0);
      expect(clean.wrong).toEqual([]);
      expect(clean.steps).toBeGreaterThan(10);
      for (let step = 1; step <= clean.steps; step++) {
        const { wrong } = await run(traits, scenario, step);
        expect(wrong, `step ${step} of ${clean.steps}`).toEqual([]);
      }
    });
  },
);
