/**
 * Very many applications rotated by the duty, on a store on disk, with a provider and targets of this process that take their time. Told how many
 * applications and where, prints what it measured as JSON.
 */
import { Barrier } from '../src/barrier/barrier.ts';
import type { Clock } from '../src/clock.ts';
import { dueWrite } from '../src/core/due.ts';
import { OutsideDuty } from '../src/core/duty/outside.ts';
import { MountView } from '../src/core/mount/view.ts';
import { systemRandom } from '../src/crypto/random.ts';
import type { EngineEnvironment } from '../src/engine/engine.ts';
import { applicationPath, encodeApplication } from '../src/engine/service-users/application.ts';
import { Machine } from '../src/engine/service-users/machine.ts';
import { standardSettings } from '../src/engine/service-users/mount-config.ts';
import { decodeState, statePath } from '../src/engine/service-users/state.ts';
import { openLmdbStorage } from '../src/storage/lmdb/lmdb.ts';
import { type Around, FakeProvider } from '../test/fakes/fake-provider.ts';
import { FakeTargets } from '../test/fakes/fake-target.ts';
import { newApplication } from '../test/fakes/rotation-place.ts';

interface Wish {
  readonly directory: string;
  readonly applications: number;
  /** Of them so many are rotated one after another. */
  readonly sample: number;
  /** Milliseconds that a call of a target takes. */
  readonly latency: number;
}

const wish = JSON.parse(process.argv[2] ?? '{}') as Wish;
const uuid = '99999999-8888-4777-8666-555555555555';
const providerConcurrency = 16;

/** The system's time, and as much more as was asked for. */
let ahead = 0;
const clock: Clock = {
  now: () => Date.now() + ahead,
  steady: () => performance.now() + ahead,
  after(milliseconds, action) {
    const timer = setTimeout(action, milliseconds);
    timer.unref();
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};

const inside = new Map<string, number>();
const most = new Map<string, number>();
let calls = 0;

const around: Around = async (name, effect) => {
  const address = name.split(' ')[1];
  const target = address?.startsWith('fake:') === true;
  const place = target ? (address?.split('/')[0] ?? '') : 'provider';
  calls++;
  inside.set(place, (inside.get(place) ?? 0) + 1);
  most.set(place, Math.max(most.get(place) ?? 0, inside.get(place) ?? 0));
  // A provider is asked often, and answers sooner.
  await new Promise((resolve) => setTimeout(resolve, target ? wish.latency : wish.latency / 10));
  inside.set(place, (inside.get(place) ?? 0) - 1);
  return effect();
};

const storage = await openLmdbStorage({ path: wish.directory, create: true });
const creation = Barrier.create({
  storage,
  random: systemRandom,
  clock,
  rootKey: Buffer.alloc(32, 1),
  storeId: '11111111-2222-4333-8444-555555555555',
});
await storage.commit(creation.writes, creation.expectations);
const { barrier: store } = creation;

const environment: EngineEnvironment = {
  mountPath: 'service-users/',
  mountAccessor: 'service-users_1',
  options: {},
  defaultTtl: 3_600,
  maxTtl: 3_600,
  clock,
  random: systemRandom,
  digest: (text) => text,
};
const type = new FakeTargets().type(around);
const provider = new FakeProvider(
  { password: 'retire', client: 'commit', most: 5, takesProposed: true },
  providerConcurrency,
).open(around);
const parts = { environment, clock, targets: new Map([[type.scheme, type]]), providers: new Map() };
const machine = new Machine(parts, { of: async () => provider });

const failures: unknown[] = [];
const duty = new OutsideDuty({
  store,
  clock,
  holder: 'bench',
  mayEnd: () => true,
  onError: (error) => failures.push(error),
  handle: (due, fence, turn) => {
    const view = new MountView(store, uuid, (writes, expectations) =>
      store.commit(writes, [...expectations, fence]),
    );
    return machine.look(idOf(due.id), view, turn);
  },
});

function idOf(due: string): string {
  return due.slice(`${uuid}/app/`.length);
}

const view = new MountView(store, uuid, (writes, expectations) => store.commit(writes, expectations));
const ids = Array.from({ length: wish.applications }, (_none, index) => `app-${index}`);

async function register(): Promise<void> {
  for (let from = 0; from < ids.length; from += 20) {
    const some = ids.slice(from, from + 20);
    await view.commit(
      some.map((id) => ({
        path: applicationPath(id),
        value: encodeApplication({ ...newApplication(id, clock.now()), confidential: false }),
      })),
      [],
      some.map((id) => ({ at: clock.now(), name: `app/${id}`, outside: true as const })),
    );
  }
}

/** Passes until nothing is due. Answers milliseconds. */
async function passes(): Promise<number> {
  const begun = performance.now();
  for (;;) {
    const found = await duty.run();
    await duty.settled();
    if (found === 0) return performance.now() - begun;
  }
}

/** Rotates some one after another, as they would be without a duty. */
async function serial(some: readonly string[]): Promise<number> {
  const turn = {
    outside: <T>(_milliseconds: number, call: (signal: AbortSignal) => Promise<T>) =>
      call(new AbortController().signal),
  };
  const begun = performance.now();
  for (const id of some) await machine.look(id, view, turn);
  return performance.now() - begun;
}

async function rotatedSince(time: number): Promise<number> {
  let rotated = 0;
  for (const id of ids) {
    const state = await view.read(statePath(id));
    const at = state === undefined ? null : decodeState(state.open()).kinds.password.rotatedAt;
    if (at !== null && at >= time) rotated++;
  }
  return rotated;
}

function heap(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

function seconds(count: number): void {
  ahead += count * 1_000;
}

await register();
seconds(1);
const first = await passes();
seconds(standardSettings.overlap + 1);
await passes();

const before = heap();
const idlePasses: number[] = [];
for (let index = 0; index < 20; index++) {
  const begun = performance.now();
  await duty.run();
  idlePasses.push(performance.now() - begun);
}
const grown = heap() - before;

// All looked at, with nothing to do for any.
for (let from = 0; from < ids.length; from += 40) {
  const some = ids.slice(from, from + 40);
  await store.commit(
    some.map((id) => dueWrite(clock.now() - 1_000, 'mount', `${uuid}/app/${id}`, 'outside')),
  );
}
const called = calls;
const looked = await passes();
const askedInVain = calls - called;

seconds(standardSettings.passwordPeriod + 1);
const due = clock.now();
const sample = ids.slice(0, wish.sample);
const alone = await serial(sample);
most.clear();
const together = await passes();
const rotated = await rotatedSince(due);
seconds(standardSettings.overlap + 1);
const retiring = await passes();

process.stdout.write(
  `${JSON.stringify({
    first,
    idle: idlePasses.toSorted((a, b) => a - b),
    grown,
    looked,
    askedInVain,
    alone: alone / sample.length,
    together: together / (ids.length - sample.length),
    retiring,
    rotated,
    most: Object.fromEntries(most),
    bounds: { provider: providerConcurrency, target: standardSettings.targetConcurrency },
    failures: failures.length,
  })}\n`,
);
await storage.close();
