import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Around } from '../../../test/fakes/fake-provider.ts';
import { type RotationNode, RotationPlace, Silence } from '../../../test/fakes/rotation-place.ts';
import { rotationProviders } from '../../../test/fakes/rotation-scenarios.ts';
import { RotationWatch, unfinished } from '../../../test/fakes/rotation-watch.ts';
import { CofferError } from '../../errors.ts';
import { RateLimited } from '../../service-user/provider.ts';
import type { Application } from './application.ts';

const addresses = ['fake:one/a', 'fake:two/a', 'fake:three/a'];
const kinds = [['password'], ['client'], ['password', 'client']] as const;
const failures = {
  before: new CofferError('unavailable', 'no connection'),
  refused: new CofferError('permission_denied', 'it answered 403'),
  limited: new RateLimited('it answered 429', 30_000),
  silent: new Silence(),
};
type Failure = keyof typeof failures | 'after';

type Event =
  | { readonly do: 'time'; readonly seconds: number }
  | { readonly do: 'clock'; readonly seconds: number }
  | { readonly do: 'targets'; readonly addresses: readonly string[] }
  | { readonly do: 'request'; readonly kinds: (typeof kinds)[number]; readonly emergency: boolean }
  | { readonly do: 'active'; readonly active: boolean }
  | { readonly do: 'paused'; readonly paused: boolean }
  | { readonly do: 'crash'; readonly step: number }
  | { readonly do: 'fail'; readonly call: number; readonly how: Failure };

const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ do: fc.constant('time' as const), seconds: fc.integer({ min: 1, max: 4_000 }) }),
  fc.record({ do: fc.constant('clock' as const), seconds: fc.integer({ min: -90_000, max: 90_000 }) }),
  fc.record({ do: fc.constant('targets' as const), addresses: fc.subarray(addresses) }),
  fc.record({
    do: fc.constant('request' as const),
    kinds: fc.constantFrom(...kinds),
    emergency: fc.boolean(),
  }),
  fc.record({ do: fc.constant('active' as const), active: fc.boolean() }),
  fc.record({ do: fc.constant('paused' as const), paused: fc.boolean() }),
  fc.record({ do: fc.constant('crash' as const), step: fc.integer({ min: 1, max: 40 }) }),
  fc.record({
    do: fc.constant('fail' as const),
    call: fc.integer({ min: 1, max: 20 }),
    how: fc.constantFrom<Failure>('before', 'after', 'refused', 'limited', 'silent'),
  }),
);

/** One life of an application, with whatever may befall it. */
class Life {
  readonly place: RotationPlace;
  readonly watch: RotationWatch;
  #steps = 0;
  #dies = Number.POSITIVE_INFINITY;
  #calls = 0;
  readonly #failing = new Map<number, Failure>();
  #requests = 0;
  #node: RotationNode;

  constructor(place: RotationPlace) {
    this.place = place;
    this.watch = new RotationWatch(place, 'pear', 0);
    this.watch.allowDisabled();
    this.#node = this.#anotherNode();
  }

  async befall(happening: Event): Promise<void> {
    switch (happening.do) {
      case 'time':
        return this.goOn(happening.seconds);
      case 'clock':
        return this.place.clock.set(happening.seconds);
      case 'targets':
        return this.change({ targets: happening.addresses.map((address) => ({ address, entityId: '' })) });
      case 'request': {
        this.#requests++;
        return this.change({ request: { ...happening, count: this.#requests } });
      }
      case 'active':
        return this.change({
          active: happening.active,
          inactiveSince: happening.active ? null : this.place.clock.now(),
        });
      case 'paused':
        return this.change({ paused: happening.paused });
      case 'crash':
        this.#dies = this.#steps + happening.step;
        return;
      case 'fail':
        this.#failing.set(this.#calls + happening.call, happening.how);
    }
  }

  change(change: Partial<Application>): Promise<void> {
    return this.place.want('pear', change);
  }

  async goOn(seconds: number): Promise<void> {
    const until = this.place.clock.now() + seconds * 1_000;
    for (;;) {
      try {
        return await this.place.goOn(this.#node, Math.max(1, (until - this.place.clock.now()) / 1_000));
      } catch (error) {
        if (this.#steps < this.#dies) throw error;
        this.#dies = Number.POSITIVE_INFINITY;
        this.#node = this.#anotherNode();
      }
    }
  }

  heal(): void {
    this.#failing.clear();
    this.#dies = Number.POSITIVE_INFINITY;
  }

  #anotherNode(): RotationNode {
    return this.place.node({
      around: (name, effect) => this.#step(() => this.#call(name, effect)),
      committing: (effect) => this.#step(effect),
    });
  }

  async #step<T>(effect: () => Promise<T>): Promise<T> {
    this.#live();
    const answer = await effect();
    this.#live();
    return answer;
  }

  #live(): void {
    this.#steps++;
    if (this.#steps >= this.#dies) throw new CofferError('unavailable', 'the process is no more');
  }

  readonly #call: Around = async (name, effect) => {
    const how = this.#failing.get(++this.#calls);
    if (how !== undefined && how !== 'after') throw failures[how];
    const answer = await this.watch.around(name, effect);
    if (how === 'after') throw new CofferError('unavailable', 'it answered 500');
    return answer;
  };
}

it.each(Object.keys(rotationProviders))(
  'whatever befalls an application at a provider %s, its targets hold what works, and in the end all is in order',
  async (name) => {
    const traits = rotationProviders[name];
    if (traits === undefined) throw new Error('no such provider');
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 25 }), async (events) => {
        const life = new Life(await RotationPlace.make(traits));
        await life.change({});
        await life.goOn(10);
        for (const happening of events) await life.befall(happening);
        expect(life.watch.found).toEqual([]);
        life.heal();
        const targets = addresses.slice(0, 2).map((address) => ({ address, entityId: '' }));
        await life.change({ active: true, inactiveSince: null, paused: false, targets });
        await life.goOn(12_000);
        await life.befall({ do: 'request', kinds: ['password', 'client'], emergency: false });
        await life.goOn(6_000);
        expect(life.watch.found).toEqual([]);
        expect(await unfinished(life.place, 'pear')).toEqual([]);
      }),
      { numRuns: 40 },
    );
  },
);
