import { describe, expect, it } from 'vitest';
import type { Around, FakeTraits } from '../../../test/fakes/fake-provider.ts';
import { RotationPlace, Silence } from '../../../test/fakes/rotation-place.ts';
import {
  beginScenario,
  rotationProviders,
  type Scenario,
  scenarios,
  wrongAtEnd,
} from '../../../test/fakes/rotation-scenarios.ts';
import type { RotationWatch } from '../../../test/fakes/rotation-watch.ts';
import { CofferError } from '../../errors.ts';
import { RateLimited } from '../../service-user/provider.ts';

type Effect = () => Promise<unknown>;

/** What may come of a call, besides an answer to what was done. */
const faults: Readonly<
  Record<string, (effect: Effect, name: string, later: Effect[], watch: RotationWatch) => Promise<unknown>>
> = {
  'fails before its effect': async () => {
    throw new CofferError('unavailable', 'no connection');
  },
  'fails after its effect': async (effect) => {
    await effect();
    throw new CofferError('unavailable', 'it answered 500');
  },
  'answers something that cannot be read': async (effect) => {
    await effect();
    throw new SyntaxError('Unexpected token < in JSON');
  },
  'is refused': async () => {
    throw new CofferError('permission_denied', 'it answered 403');
  },
  'is one too many': async () => {
    throw new RateLimited('it answered 429', 60_000);
  },
  'is never answered': async () => {
    throw new Silence();
  },
  'is never answered, and has its effect later': async (effect, _name, later) => {
    later.push(effect);
    throw new Silence();
  },
  'is made twice of one': async (effect) => {
    await effect();
    return effect();
  },
  'is answered, and forgotten': async (effect, name, _later, watch) => {
    const [verb, kind] = name.split(' ');
    // Nobody could ever tell: what reads a target is not asked.
    if (verb === 'deliver' || verb === 'remove' || verb === 'disable' || verb === 'delete') return effect();
    if (verb === 'verify') return 'refused';
    if (verb === 'ensure') watch.excuse();
    return { kind, generation: 1, id: 'nobody', secret: 'lost', reference: '' };
  },
};

/** One run in which the `at`-th call outside meets with a fault. Answers how many calls there were, and what was wrong. */
async function run(traits: FakeTraits, scenario: Scenario, at: number, fault: string) {
  const place = await RotationPlace.make(traits);
  const watch = await beginScenario(place, scenario);
  const later: Effect[] = [];
  let calls = 0;
  const around: Around = async (name, effect) => {
    calls++;
    for (const late of calls > at + 1 ? later.splice(0) : []) await late().catch(() => undefined);
    const faulty = calls === at ? faults[fault] : undefined;
    const answer = faulty === undefined ? await effect() : await faulty(effect, name, later, watch);
    await watch.look(name);
    return answer as Awaited<ReturnType<typeof effect>>;
  };
  const node = place.node({ around });
  await place.goOn(node, scenario.seconds);
  const made = calls;
  await place.goOn(node, 4_000);
  // What was lost unseen is found by the next rotation.
  if (fault === 'is answered, and forgotten' && (await place.application('pear'))?.active) {
    await place.want('pear', { request: { count: 9, kinds: ['password', 'client'], emergency: false } });
    await place.goOn(node, 3_000);
  }
  return { calls: made, wrong: await wrongAtEnd(place, scenario, watch) };
}

const names = Object.keys(rotationProviders);

describe.each(
  scenarios.map((scenario, index) => ({
    scenario,
    name: scenario.name,
    provider: names[index % names.length] ?? '',
  })),
)('during $name, at a provider $provider, a call that', ({ scenario, provider }) => {
  const traits = rotationProviders[provider];
  it.each(Object.keys(faults))('%s leaves nobody without a credential, and nothing behind', async (fault) => {
    if (traits === undefined) throw new Error('no such provider');
    const clean = await run(traits, scenario, 0, fault);
    expect(clean.wrong).toEqual([]);
    expect(clean.calls).toBeGreaterThan(0);
    for (let at = 1; at <= clean.calls; at++) {
      const { wrong } = await run(traits, scenario, at, fault);
      expect(wrong, `call ${at} of ${clean.calls}`).toEqual([]);
    }
  });
});
