/**
 * Notices, from where something happened to whoever wants to know: put up in the store for each notifier, told by one node, taken out
 * once they were accepted. Delivered at least once: a letter has one id however often it comes.
 */
import type { PlainWrite } from '../../barrier/store.ts';
import { randomUuid } from '../../crypto/random.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import type { Letter } from '../../notifier/notifier.ts';
import type { ProcessIdentity } from '../audit/process-identity.ts';
import { DutyLock, dutyKey } from '../duty/lock.ts';
import type { Meter } from '../meter.ts';
import type { Notice, Notices } from '../notices.ts';
import { isRefusal } from './kinds.ts';
import { Lane, type LaneOptions, mostWaiting } from './lane.ts';
import { makeLetter } from './letter.ts';
import { type ActiveNotifier, Notifiers, type NotifiersOptions } from './notifiers.ts';
import { deadPrefix, encodeWaiting, goneKey, waitingKey, waitingPrefix } from './record.ts';

/** Refusals are taken while fewer letters wait than this: nobody without rights fills an outbox up. */
const mostRefusals = mostWaiting / 2;
/** Milliseconds for which a demanded letter is left to whoever demanded it; longer than that takes. */
const ownTime = 60_000;
/** Milliseconds for which requests that began before a notifier was removed may put up letters for it. */
const lingering = 300_000;
/** Keys taken out in one commit. */
const pageOfGone = 60;

export interface OutboxOptions extends NotifiersOptions {
  /** The one that this node is in. */
  readonly process: ProcessIdentity;
  /** Whether letters are told as soon as they are put up; if not, by `run` alone, or by other nodes. */
  readonly byItself: boolean;
  readonly tally: Meter['tally'];
  readonly log: LaneOptions['log'];
}

/** A notice for a commit of its caller's. */
export interface PreparedNotice {
  /** None where nobody wants it. */
  readonly writes: readonly PlainWrite[];
  /** To be called once they are committed. */
  sent(): void;
}

export const nothingToTell: PreparedNotice = { writes: [], sent: () => undefined };

export class Outbox implements Notices {
  readonly notifiers: Notifiers;
  readonly #options: OutboxOptions;
  readonly #holder: string;
  readonly #lanes = new Map<string, Lane>();
  readonly #goneLock: DutyLock;
  #stopped = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.notifiers = new Notifiers(options);
    this.#holder = randomUuid(options.random);
    this.#goneLock = this.#lock('notices-gone');
  }

  /**
   * The notice as writes for the commit that it tells of: it is there if and only if that is. `make` is asked only where somebody wants
   * it.
   *
   * @throws CofferError `unavailable` where the outbox of a notifier is full; refusals are left out there instead
   */
  async prepare(kind: string, make: () => Notice): Promise<PreparedNotice> {
    const wanting = this.notifiers.wanting(kind);
    return wanting.length === 0 ? nothingToTell : this.#prepared(this.#letter(make()), wanting);
  }

  /** See `Notices`. */
  async post(notice: Notice): Promise<void> {
    const { writes, sent } = await this.prepare(notice.kind, () => notice);
    if (writes.length === 0) return;
    await this.#options.store.commit(writes);
    sent();
  }

  /** See `Notices`. */
  async demand(notice: Notice, names: readonly string[]): Promise<void> {
    if (names.length === 0) return this.post(notice);
    const { store, clock, tally } = this.#options;
    const told = [...new Set(names)].map((name) => this.#named(name));
    const letter = this.#letter(notice);
    const others = this.notifiers.wanting(notice.kind).filter((each) => !told.includes(each));
    const after = await this.#prepared(letter, others);
    // In the store first: if this node ends on the way, another tells it.
    const value = encodeWaiting({ letter, failures: 0, problem: '' });
    const keys = told.map(({ id }) => waitingKey(id, clock.now() + ownTime, letter.id));
    const taken = keys.map((key) => ({ key, value: null }));
    await store.commit(keys.map((key) => ({ key, value })));
    const outcomes = await Promise.allSettled(told.map((each) => this.lane(each).demand(letter)));
    const failed = outcomes.findIndex(({ status }) => status === 'rejected');
    if (failed >= 0) {
      tally('notice_refused');
      // What it would tell of does not happen. Where this cannot be written down either, it is told all the same.
      await store.commit(taken).catch(() => undefined);
      throw refused(told[failed], outcomes[failed]);
    }
    await store.commit([...taken, ...after.writes]);
    for (const _ of told) tally('notice_delivered');
    after.sent();
  }

  /** A notice for one notifier, to see whether it comes through; nothing is kept of it. Throws as `demand` does. */
  async test(name: string): Promise<void> {
    const found = this.#named(name);
    const letter = this.#letter({
      kind: 'notifier.test',
      subject: 'A notice to see whether notices come through',
      fields: { notifier: name },
    });
    const [outcome] = await Promise.allSettled([this.lane(found).demand(letter)]);
    if (outcome?.status === 'rejected') throw refused(found, outcome);
  }

  /** The lane of a notifier, one for each id. */
  lane({ id }: Pick<ActiveNotifier, 'id'>): Lane {
    const known = this.#lanes.get(id);
    if (known !== undefined) return known;
    const { store, clock, byItself, tally, log } = this.#options;
    const lane = new Lane({
      store,
      clock,
      id,
      notifier: () => this.notifiers.all.find((each) => each.id === id),
      lock: this.#lock(laneLock(id)),
      byItself,
      tally,
      log,
    });
    this.#lanes.set(id, lane);
    return lane;
  }

  #lock(name: string): DutyLock {
    const { store, clock, process } = this.#options;
    return new DutyLock(store, clock, name, this.#holder, process);
  }

  /** Whether something was due in the last pass that somebody else was telling, or seemed to. */
  get waits(): boolean {
    return [...this.#lanes.values()].some((lane) => lane.waits);
  }

  /** Tells what is due, all notifiers side by side; resolves once nothing is, or none could. */
  async run(): Promise<void> {
    if (this.#stopped) return;
    const { all, gone } = this.notifiers;
    if (gone.length > 0) await this.#clear();
    await Promise.all(all.map((each) => this.lane(each).run()));
  }

  /** Begins nothing more; resolves when nothing is being told any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#lanes.values()].map((lane) => lane.stop()));
    this.notifiers.close();
  }

  #letter(notice: Notice): Letter {
    return makeLetter(notice, this.#options.clock.now(), this.#options.random);
  }

  async #prepared(letter: Letter, wanting: readonly ActiveNotifier[]): Promise<PreparedNotice> {
    const { clock, tally } = this.#options;
    const refusal = isRefusal(letter);
    const value = encodeWaiting({ letter, failures: 0, problem: '' });
    const lanes: Lane[] = [];
    const writes: PlainWrite[] = [];
    for (const each of wanting) {
      const lane = this.lane(each);
      if (await lane.hasRoom(refusal ? mostRefusals : mostWaiting)) {
        lanes.push(lane);
        writes.push({ key: waitingKey(each.id, clock.now(), letter.id), value });
      } else if (refusal) tally('notice_dropped');
      else throw full(each);
    }
    return {
      writes,
      sent() {
        for (const lane of lanes) lane.noted();
        for (const _ of lanes) tally('notice_posted');
      },
    };
  }

  #named(name: string): ActiveNotifier {
    const found = this.notifiers.named(name);
    if (found !== undefined) return found;
    throw new CofferError('invalid_request', `there is no notifier "${name.slice(0, 80)}"`);
  }

  /** Takes out what waited for notifiers that are gone. */
  async #clear(): Promise<void> {
    const { store, clock } = this.#options;
    const held = await this.#goneLock.acquire();
    if (held === undefined) return;
    try {
      let ended = false;
      for (const { id, at } of this.notifiers.gone) {
        for (const prefix of [waitingPrefix(id), deadPrefix(id)]) {
          for (;;) {
            await held.extend();
            const { items } = await store.range(prefix, { limit: pageOfGone });
            if (items.length === 0) break;
            await store.commit(
              items.map(({ key }) => ({ key, value: null })),
              [held.expectation()],
            );
          }
        }
        if (clock.now() - at < lingering) continue;
        const last = [goneKey(id), dutyKey(laneLock(id))].map((key) => ({ key, value: null }));
        await store.commit(last, [held.expectation()]);
        ended = true;
      }
      if (ended) await this.notifiers.load();
    } finally {
      await held.release();
    }
  }
}

/** The lock of one notifier's lane. */
function laneLock(id: string): string {
  return `notices-${id}`;
}

function refused(
  notifier: ActiveNotifier | undefined,
  outcome: PromiseSettledResult<void> | undefined,
): CofferError {
  const cause: unknown = outcome?.status === 'rejected' ? outcome.reason : undefined;
  const { message } = asCofferError(cause);
  const name = notifier?.name ?? '';
  return new CofferError('unavailable', `the notifier "${name}" did not accept the notice: ${message}`, {
    cause,
  });
}

function full({ name }: ActiveNotifier): CofferError {
  return new CofferError(
    'unavailable',
    `${mostWaiting} notices wait for the notifier "${name}", and no more are taken until it accepts some`,
  );
}
