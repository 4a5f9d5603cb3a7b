/** What may befall an application, for tests that have something go wrong at each step of it. */
import type { FakeTraits } from './fake-provider.ts';
import type { RotationNode, RotationPlace } from './rotation-place.ts';
import { RotationWatch, unfinished } from './rotation-watch.ts';

/** Providers that differ in whatever the machine has to care about. */
export const rotationProviders: Readonly<Record<string, FakeTraits>> = {
  'with both orders': { password: 'retire', client: 'commit', most: 5, takesProposed: true },
  'that makes secrets of its own and keeps two': {
    password: 'retire',
    client: 'retire',
    most: 2,
    takesProposed: false,
  },
  'that ends old ones at once and loses what it disables': {
    password: 'commit',
    client: 'commit',
    most: 3,
    takesProposed: false,
    disablingLoses: true,
  },
};

export interface Scenario {
  readonly name: string;
  /** Seconds for which a credential that was read stays good; 0 where no overlap is promised. */
  readonly overlap: number;
  /** Done in peace before. */
  prepare?(place: RotationPlace, node: RotationNode): Promise<void>;
  /** What a request changes. */
  readonly change: (place: RotationPlace) => Promise<void>;
  /** How long it takes, in seconds. */
  readonly seconds: number;
  /** What is wrong at the end, in words. */
  end?(place: RotationPlace): Promise<readonly string[]>;
}

const one = { address: 'fake:one/a', entityId: '' };
const two = { address: 'fake:two/a', entityId: '' };
const three = { address: 'fake:three/a', entityId: 'entity-1' };

async function rotated(place: RotationPlace, node: RotationNode): Promise<void> {
  await place.want('pear');
  await place.goOn(node, 1_000);
}

async function inactive(place: RotationPlace, node: RotationNode): Promise<void> {
  await rotated(place, node);
  await place.want('pear', { active: false, inactiveSince: place.clock.now() });
  await place.goOn(node, 10);
}

const ask = (emergency: boolean) => (place: RotationPlace) =>
  place.want('pear', { request: { count: 1, kinds: ['password', 'client'], emergency } });

export const scenarios: readonly Scenario[] = [
  { name: 'a first rotation', overlap: 900, change: (place) => place.want('pear'), seconds: 1_000 },
  { name: 'a second rotation', overlap: 900, prepare: rotated, change: async () => {}, seconds: 7_800 },
  { name: 'a rotation on request', overlap: 900, prepare: rotated, change: ask(false), seconds: 1_000 },
  { name: 'an emergency', overlap: 0, prepare: rotated, change: ask(true), seconds: 60 },
  {
    name: 'a new target',
    overlap: 900,
    prepare: rotated,
    change: (place) => place.want('pear', { targets: [one, two, three] }),
    seconds: 60,
  },
  {
    name: 'a removed target',
    overlap: 900,
    prepare: rotated,
    change: (place) => place.want('pear', { targets: [two] }),
    seconds: 60,
  },
  {
    name: 'a deactivation, and the end of its grace',
    overlap: 900,
    prepare: rotated,
    change: (place) => place.want('pear', { active: false, inactiveSince: place.clock.now() }),
    seconds: 90_000,
    end: async (place) => {
      const { user } = await place.state('pear');
      return [
        ...(user === 'deleted' && !place.provider.users.has('stups_pear') ? [] : ['its user is there']),
        ...leftovers(place),
      ];
    },
  },
  {
    name: 'a second active spell',
    overlap: 900,
    prepare: inactive,
    change: (place) => place.want('pear', { active: true, inactiveSince: null }),
    seconds: 1_000,
  },
  {
    name: 'a deletion',
    overlap: 900,
    prepare: rotated,
    change: (place) => place.want('pear', { active: false, deleted: true, inactiveSince: place.clock.now() }),
    // Entries of earlier plans go when their time comes.
    seconds: 8_000,
    end: async (place) => [
      ...((await place.application('pear')) === undefined ? [] : ['it is there']),
      ...((await place.history('pear')).length === 0 ? [] : ['its history is there']),
      ...((await place.queue('pear')).length === 0 ? [] : ['it is queued']),
      ...(place.provider.users.has('stups_pear') ? ['its user is there'] : []),
      ...leftovers(place),
    ],
  },
];

function leftovers(place: RotationPlace): readonly string[] {
  return [...place.targets.shelves].flatMap(([address, shelves]) =>
    shelves.has('pear') ? [`${address} holds its credentials`] : [],
  );
}

/** Watches a place from the scenario's beginning; what is prepared and changed is so. */
export async function beginScenario(place: RotationPlace, scenario: Scenario): Promise<RotationWatch> {
  await scenario.prepare?.(place, place.node());
  const watch = new RotationWatch(place, 'pear', scenario.overlap);
  if (place.provider.traits.disablingLoses === true && scenario.prepare === inactive) watch.excuse();
  await watch.look('the beginning');
  await scenario.change(place);
  return watch;
}

/** All that is wrong at the end, in words. */
export async function wrongAtEnd(
  place: RotationPlace,
  scenario: Scenario,
  watch: RotationWatch,
): Promise<readonly string[]> {
  const end = scenario.end ?? ((at: RotationPlace) => unfinished(at, 'pear'));
  return [...watch.found, ...(await end(place))];
}
