import { describe, expect, it } from 'vitest';
import type { FakeTraits } from '../../../test/fakes/fake-provider.ts';
import { RotationPlace } from '../../../test/fakes/rotation-place.ts';
import {
  beginScenario,
  rotationProviders,
  type Scenario,
  scenarios,
  wrongAtEnd,
} from '../../../test/fakes/rotation-scenarios.ts';
import { CofferError } from '../../errors.ts';

const ended = 'the process is no more';

/** A process that ends at its n-th step: each commit and each call outside has one before its effect and one after. */
class Process {
  readonly #last: number;
  steps = 0;

  constructor(last: number) {
    this.#last = last;
  }

  async step<T>(effect: () => Promise<T>): Promise<T> {
    this.#pass();
    const result = await effect();
    this.#pass();
    return result;
  }

  #pass(): void {
    this.steps++;
    if (this.steps >= this.#last) throw new CofferError('unavailable', ended);
  }
}

/** One run in which a process ends at a step, and another takes over. Answers how many steps the first made, and what was wrong. */
async function run(traits: FakeTraits, scenario: Scenario, last: number) {
  const place = await RotationPlace.make(traits);
  const watch = await beginScenario(place, scenario);
  const begun = place.clock.now();
  const process = new Process(last);
  const mortal = place.node({
    around: (name, effect) => process.step(() => watch.around(name, effect)),
    committing: (effect) => process.step(effect),
  });
  await place.goOn(mortal, scenario.seconds).catch(() => undefined);
  const left = scenario.seconds - (place.clock.now() - begun) / 1_000;
  // Whoever takes over begins anew where it has to, and has an overlap to wait out then.
  await place.goOn(place.node({ around: watch.around }), left + 1_000);
  // Going on is no trial and error: nobody is told of a failure.
  const told = place.notices.map(({ fields }) => fields['reason'] ?? '').filter((reason) => reason !== ended);
  return { steps: process.steps, wrong: [...told, ...(await wrongAtEnd(place, scenario, watch))] };
}

describe.each(Object.keys(rotationProviders))(
  'at a provider %s, a process that ends at any step of',
  (name) => {
    const traits = rotationProviders[name];
    it.each(scenarios)('$name leaves nobody without a credential, and nothing behind', async (scenario) => {
      if (traits === undefined) throw new Error('no such provider');
      const clean = await run(traits, scenario, Number.POSITIVE_INFINITY);
      expect(clean.wrong).toEqual([]);
      expect(clean.steps).toBeGreaterThan(6);
      for (let step = 1; step <= clean.steps; step++) {
        const { wrong } = await run(traits, scenario, step);
        expect(wrong, `step ${step} of ${clean.steps}`).toEqual([]);
      }
    });
  },
);
