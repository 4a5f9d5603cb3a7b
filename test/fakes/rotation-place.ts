/**
 * Applications with a store, a provider and targets that tests hold in their hands; nodes with a machine each come and go. What the duty for work outside
 * does is done here by hand: entries that are due are looked at, one after the other.
 */
import { Barrier } from '../../src/barrier/barrier.ts';
import type { BarrierStore } from '../../src/barrier/store.ts';
import { parseDue } from '../../src/core/due.ts';
import { MountView } from '../../src/core/mount/view.ts';
import type { Notice } from '../../src/core/notices.ts';
import type { View } from '../../src/core/view.ts';
import { systemRandom } from '../../src/crypto/random.ts';
import type { EngineEnvironment, EngineEvent, OutsideTurn } from '../../src/engine/engine.ts';
import {
  type Application,
  applicationPath,
  decodeApplication,
  encodeApplication,
  lookEntry,
} from '../../src/engine/service-users/application.ts';
import { decodeHistory, type HistoryEntry, historyFolder } from '../../src/engine/service-users/history.ts';
import { Machine } from '../../src/engine/service-users/machine.ts';
import {
  encodeSettings,
  type MountSettings,
  settingsPath,
  standardSettings,
} from '../../src/engine/service-users/mount-config.ts';
import { encodeReader, type Reader, readerFolder } from '../../src/engine/service-users/reader.ts';
import {
  type ApplicationState,
  decodeState,
  noState,
  statePath,
} from '../../src/engine/service-users/state.ts';
import { CofferError } from '../../src/errors.ts';
import { MemoryStorage } from '../../src/storage/memory/memory.ts';
import type { Expectation, Storage } from '../../src/storage/storage.ts';
import { type Around, FakeProvider, type FakeTraits } from './fake-provider.ts';
import { FakeTargets, type Spy } from './fake-target.ts';
import { HandClock } from './hand-clock.ts';

export const mountUuid = '99999999-8888-4777-8666-555555555555';

export const plainTraits: FakeTraits = {
  password: 'retire',
  client: 'commit',
  most: 5,
  takesProposed: true,
};

export interface NodeOptions {
  /** Around each call of the provider and of targets. */
  readonly around?: Around;
  /** Around each commit. */
  readonly committing?: <T>(effect: () => Promise<T>) => Promise<T>;
  readonly turn?: OutsideTurn;
  readonly spy?: Spy;
}

export interface RotationNode {
  readonly machine: Machine;
  readonly view: View;
  readonly turn: OutsideTurn;
}

/** What a call that never answers throws: the turn tells it as the duty's does. */
export class Silence extends Error {}

/** Calls at once, as under a lock that never ends. */
export const plainTurn: OutsideTurn = {
  async outside(_milliseconds, call) {
    const ending = new AbortController();
    try {
      return await call(ending.signal);
    } catch (error) {
      if (!(error instanceof Silence)) throw error;
      ending.abort();
      throw new CofferError('unavailable', 'a call to the outside took too long');
    }
  },
};

export class RotationPlace {
  readonly clock = new HandClock();
  readonly provider: FakeProvider;
  readonly targets = new FakeTargets();
  readonly notices: Notice[] = [];
  readonly tallied: EngineEvent[] = [];
  readonly store: BarrierStore;
  readonly view: View;

  private constructor(store: BarrierStore, provider: FakeProvider) {
    this.store = store;
    this.provider = provider;
    this.view = this.#viewOf((effect) => effect());
  }

  static async make(
    traits: FakeTraits = plainTraits,
    storage: Storage = new MemoryStorage(),
    concurrency?: number,
  ): Promise<RotationPlace> {
    const creation = Barrier.create({
      storage,
      random: systemRandom,
      clock: new HandClock(),
      rootKey: Buffer.alloc(32, 1),
      storeId: '11111111-2222-4333-8444-555555555555',
    });
    await storage.commit(creation.writes, creation.expectations);
    return new RotationPlace(creation.barrier, new FakeProvider(traits, concurrency));
  }

  node({ around, committing, turn = plainTurn, spy }: NodeOptions = {}): RotationNode {
    const { clock, notices, tallied } = this;
    const environment: EngineEnvironment = {
      mountPath: 'service-users/',
      mountAccessor: 'service-users_1',
      options: {},
      defaultTtl: 3_600,
      maxTtl: 3_600,
      clock,
      random: systemRandom,
      digest: (text) => text,
      notices: {
        async post(notice) {
          notices.push(notice);
        },
        async demand() {},
      },
      tally: (event) => void tallied.push(event),
    };
    const type = this.targets.type(around, spy);
    const parts = { environment, clock, targets: new Map([[type.scheme, type]]), providers: new Map() };
    const provider = this.provider.open(around);
    const machine = new Machine(parts, { of: async () => provider });
    return { machine, view: committing === undefined ? this.view : this.#viewOf(committing), turn };
  }

  /** What a node sees of the mount. @param fence of its duty */
  viewUnder(fence: Expectation, committing: <T>(effect: () => Promise<T>) => Promise<T>): View {
    return new MountView(this.store, mountUuid, (writes, expectations) =>
      committing(() => this.store.commit(writes, [...expectations, fence])),
    );
  }

  #viewOf(committing: <T>(effect: () => Promise<T>) => Promise<T>): View {
    return new MountView(this.store, mountUuid, (writes, expectations) =>
      committing(() => this.store.commit(writes, expectations)),
    );
  }

  async configure(change: Partial<MountSettings>): Promise<void> {
    const value = encodeSettings({ ...standardSettings, ...change });
    await this.view.commit([{ path: settingsPath, value }]);
  }

  /** Registers an application, or changes one, and has it looked at. */
  async want(id: string, change: Partial<Application> = {}): Promise<void> {
    const path = applicationPath(id);
    const found = await this.view.read(path);
    const before =
      found === undefined ? newApplication(id, this.clock.now()) : decodeApplication(found.open());
    const modifiedAt = Math.max(this.clock.now(), before.modifiedAt + 1);
    await this.view.commit(
      [{ path, value: encodeApplication({ ...before, modifiedAt, ...change }) }],
      [{ path, revision: found?.revision ?? null }],
      [lookEntry(id, this.clock.now())],
    );
  }

  async application(id: string): Promise<Application | undefined> {
    const found = await this.view.read(applicationPath(id));
    return found === undefined ? undefined : decodeApplication(found.open());
  }

  async state(id: string): Promise<ApplicationState> {
    const found = await this.view.read(statePath(id));
    return found === undefined ? noState : decodeState(found.open());
  }

  async history(id: string): Promise<readonly HistoryEntry[]> {
    const { items } = await this.view.range(historyFolder(id), { limit: 1_000 });
    return items.map((item) => decodeHistory(item.open()));
  }

  async report(id: string, reader: Reader): Promise<void> {
    await this.view.commit([{ path: `${readerFolder(id)}${reader.name}`, value: encodeReader(reader) }]);
  }

  /** When entries in the index of due work stand, in milliseconds, in order. */
  async queue(id: string): Promise<readonly number[]> {
    return (await this.#entries()).filter((entry) => entry.id.endsWith(`/app/${id}`)).map(({ at }) => at);
  }

  /** Looks at all that is due now. Answers whether there was anything. Throws what a look throws; its entry stays. */
  async pass({ machine, view, turn }: RotationNode): Promise<boolean> {
    const due = (await this.#entries()).filter(({ at }) => at <= this.clock.now());
    for (const { key, id } of due) {
      await machine.look(id.slice(`${mountUuid}/app/`.length), view, turn);
      await this.store.commit([{ key, value: null }]);
    }
    return due.length > 0;
  }

  /** Lets time go on until the entry that is due next, and looks; at most until `until`. Answers whether there was one. */
  async passNext(node: RotationNode, until: number): Promise<boolean> {
    const next = (await this.#entries())[0]?.at;
    if (next === undefined || next > until) return false;
    if (next > this.clock.now()) this.clock.jump(Math.ceil((next - this.clock.now()) / 1_000));
    return this.pass(node);
  }

  /** Goes on for so many seconds. */
  async goOn(node: RotationNode, seconds: number): Promise<void> {
    const until = this.clock.now() + seconds * 1_000;
    for (let passes = 0; await this.passNext(node, until); passes++) {
      if (passes > 2_000) throw new Error('it does not come to an end');
    }
    if (until > this.clock.now()) this.clock.jump((until - this.clock.now()) / 1_000);
  }

  async #entries() {
    const { items } = await this.store.range('outside/', { limit: 1_000 });
    return items.map(({ key }) => parseDue(key)).toSorted((a, b) => a.at - b.at);
  }
}

export function newApplication(id: string, now: number): Application {
  return {
    id,
    username: `stups_${id}`,
    team: 'hoops',
    name: id,
    subtitle: '',
    active: true,
    inactiveSince: null,
    deleted: false,
    provider: 'fake',
    confidential: true,
    redirectUrl: null,
    scopes: [],
    targets: [
      { address: 'fake:one/a', entityId: '' },
      { address: 'fake:two/a', entityId: '' },
    ],
    kubernetesClusters: [],
    passwordPeriod: null,
    clientPeriod: null,
    overlap: null,
    paused: false,
    request: { count: 0, kinds: [], emergency: false },
    createdAt: now,
    modifiedAt: now,
  };
}
