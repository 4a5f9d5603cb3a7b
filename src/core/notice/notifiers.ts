/**
 * The notifiers of a store, on this node: those that are in the store, and those of this node's own configuration. They are read again
 * when the epoch says that they have changed, so that asking who wants a notice reads nothing.
 */
import type { BarrierStore } from '../../barrier/store.ts';
import type { Clock } from '../../clock.ts';
import { type Random, randomBase62 } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import type { ConfiguredNotifier, NotifierType, OpenNotifier } from '../../notifier/notifier.ts';
import type { Revision } from '../../storage/storage.ts';
import { bumpEpoch } from '../epoch.ts';
import { allItems } from '../pages.ts';
import { retryOnConflict } from '../retry.ts';
import { wants } from './kinds.ts';
import {
  decodeGone,
  decodeNotifier,
  encodeGone,
  encodeNotifier,
  goneKey,
  gonePrefix,
  type NotifierRecord,
  notifierKey,
  notifierPrefix,
} from './record.ts';

/** The kinds that a server offers, and the notifiers that its configuration has. */
export interface NotifierKinds {
  readonly types: ReadonlyMap<string, NotifierType>;
  readonly configured: readonly ConfiguredNotifier[];
}

export interface NotifiersOptions extends NotifierKinds {
  readonly store: BarrierStore;
  readonly clock: Clock;
  readonly random: Random;
}

/** One that notices are put up for. */
export interface ActiveNotifier {
  /** What its letters are kept under. */
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly kinds: readonly string[];
  /** Undefined for one of the configuration. */
  readonly record: NotifierRecord | undefined;
  /** Opened once. Throws `invalid_request` where what is stored is not, or no longer, to be honoured by this node. */
  open(): OpenNotifier;
  close(): void;
}

export type WantedNotifier = Omit<NotifierRecord, 'id'>;

/** Their letters go into one commit with what they tell of. */
export const mostNotifiers = 16;

/** One that was removed. */
export interface GoneNotifier {
  readonly id: string;
  /** When, in milliseconds. */
  readonly at: number;
}

interface Loaded {
  readonly revision: Revision;
  readonly active: ActiveNotifier;
}

export class Notifiers {
  readonly #options: NotifiersOptions;
  readonly #configured: readonly ActiveNotifier[];
  #stored: readonly Loaded[] = [];
  #all: readonly ActiveNotifier[];
  #gone: readonly GoneNotifier[] = [];
  #loading: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: NotifiersOptions) {
    this.#options = options;
    this.#configured = options.configured.map((each) => configured(each, options.clock));
    this.#all = this.#configured;
  }

  /** As of the last `load`; those of the configuration first. */
  get all(): readonly ActiveNotifier[] {
    return this.#all;
  }

  /** Removed ones whose letters may still be there. */
  get gone(): readonly GoneNotifier[] {
    return this.#gone;
  }

  named(name: string): ActiveNotifier | undefined {
    return this.#all.find((each) => each.name === name);
  }

  wanting(kind: string): readonly ActiveNotifier[] {
    return this.#all.length === 0 ? this.#all : this.#all.filter(({ kinds }) => wants(kinds, kind));
  }

  /** One after the other: what was read earlier must not come to lie on top. */
  load(): Promise<void> {
    const loading = this.#loading.catch(() => undefined).then(() => this.#load());
    this.#loading = loading;
    return loading;
  }

  async #load(): Promise<void> {
    const { store } = this.#options;
    const [records, gone] = await Promise.all([
      allItems((page) => store.range(notifierPrefix, page)),
      allItems((page) => store.range(gonePrefix, page)),
    ]);
    if (this.#closed) return;
    const before = this.#stored;
    this.#stored = records.map(
      (sealed) =>
        before.find(
          ({ active, revision }) => revision === sealed.revision && sealed.key === keyOf(active),
        ) ?? {
          revision: sealed.revision,
          active: this.#active(decodeNotifier(sealed.open())),
        },
    );
    for (const each of before) if (!this.#stored.includes(each)) each.active.close();
    const own = new Set(this.#configured.map(({ name }) => name));
    const others = this.#stored.map(({ active }) => active).filter(({ name }) => !own.has(name));
    this.#all = [...this.#configured, ...others];
    this.#gone = gone.map((each) => ({
      id: each.key.slice(gonePrefix.length),
      at: decodeGone(each.open()).at,
    }));
  }

  /**
   * Writes a notifier as a whole. Throws `invalid_request` for settings that its type refuses, for a name that the configuration has,
   * and where there are too many; then nothing has changed.
   */
  async write(wanted: WantedNotifier): Promise<void> {
    const { store, random } = this.#options;
    this.#open(wanted).close();
    await retryOnConflict(async () => {
      const bump = await bumpEpoch(store, 'system');
      await this.load();
      if (this.#configured.some(({ name }) => name === wanted.name)) throw ofConfiguration();
      const known = this.#stored.find(({ active }) => active.name === wanted.name);
      if (known === undefined && this.#all.length >= mostNotifiers) {
        throw new CofferError('invalid_request', `there are at most ${mostNotifiers} notifiers`);
      }
      const id = known?.active.id ?? randomBase62(random, 16);
      const write = { key: notifierKey(wanted.name), value: encodeNotifier({ ...wanted, id }) };
      await store.commit([write, bump.write], [bump.expectation]);
    });
    await this.load();
  }

  /** Removing what is not there is fine. Throws `invalid_request` for one of the configuration. */
  async remove(name: string): Promise<void> {
    const { store, clock } = this.#options;
    if (this.#configured.some((each) => each.name === name)) throw ofConfiguration();
    await retryOnConflict(async () => {
      const bump = await bumpEpoch(store, 'system');
      const sealed = await store.read(notifierKey(name));
      if (sealed === undefined) return;
      const { id } = decodeNotifier(sealed.open());
      await store.commit(
        [
          { key: notifierKey(name), value: null },
          { key: goneKey(id), value: encodeGone(clock.now()) },
          bump.write,
        ],
        [bump.expectation],
      );
    });
    await this.load();
  }

  close(): void {
    this.#closed = true;
    for (const each of this.#all) each.close();
  }

  #active(record: NotifierRecord): ActiveNotifier {
    const { id, name, type, kinds } = record;
    return { id, name, type, kinds, record, ...openedOnce(() => this.#open(record)) };
  }

  #open({ type, options, secret }: WantedNotifier): OpenNotifier {
    const { types, clock } = this.#options;
    const found = types.get(type);
    if (found === undefined) {
      const known = [...types.keys()].join(', ');
      throw new CofferError('invalid_request', `unknown type of notifier; known are ${known}`);
    }
    if (found.secret === undefined && secret !== '') {
      throw new CofferError('invalid_request', 'this kind of notifier takes no secret');
    }
    return found.open({ options, secret }, clock);
  }
}

function configured(each: ConfiguredNotifier, clock: Clock): ActiveNotifier {
  const { name, type, kinds } = each;
  // No id of the store has a full stop.
  return {
    id: `configured.${name}`,
    name,
    type,
    kinds,
    record: undefined,
    ...openedOnce(() => each.open(clock)),
  };
}

function openedOnce(open: () => OpenNotifier): Pick<ActiveNotifier, 'open' | 'close'> {
  let opened: OpenNotifier | undefined;
  return {
    open() {
      opened ??= open();
      return opened;
    },
    close() {
      opened?.close();
      opened = undefined;
    },
  };
}

function keyOf({ name }: ActiveNotifier): string {
  return notifierKey(name);
}

function ofConfiguration(): CofferError {
  return new CofferError(
    'invalid_request',
    'a notifier of this name is in the server’s own configuration, and only there it can be changed',
  );
}
