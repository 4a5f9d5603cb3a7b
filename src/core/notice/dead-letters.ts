/** Letters that a notifier did not accept however often it was asked: for a person to see, and to send again or drop. */
import type { BarrierStore } from '../../barrier/store.ts';
import type { Clock } from '../../clock.ts';
import { type Page, type PageRequest, storageLimits } from '../../storage/storage.ts';
import { retryOnConflict } from '../retry.ts';
import type { ActiveNotifier } from './notifiers.ts';
import type { Outbox } from './outbox.ts';
import {
  deadKey,
  deadPrefix,
  decodeWaiting,
  encodeWaiting,
  type WaitingLetter,
  waitingKey,
} from './record.ts';

export class DeadLetters {
  readonly #store: BarrierStore;
  readonly #clock: Clock;
  readonly #outbox: Outbox;

  constructor(store: BarrierStore, clock: Clock, outbox: Outbox) {
    this.#store = store;
    this.#clock = clock;
    this.#outbox = outbox;
  }

  /** Ids, the oldest first. */
  ids({ id }: ActiveNotifier, page: PageRequest): Promise<Page<string>> {
    return this.#store.children(deadPrefix(id), page);
  }

  async count({ id }: ActiveNotifier): Promise<number> {
    return (await this.#store.children(deadPrefix(id), { limit: storageLimits.pageItems })).items.length;
  }

  async read({ id }: ActiveNotifier, letter: string): Promise<WaitingLetter | undefined> {
    if (!isLetterId(letter)) return undefined;
    const sealed = await this.#store.read(deadKey(id, letter));
    return sealed === undefined ? undefined : decodeWaiting(sealed.open());
  }

  /** Puts a letter up again, as if it were new. Answers whether there was one. */
  async resend(notifier: ActiveNotifier, letter: string): Promise<boolean> {
    if (!isLetterId(letter)) return false;
    const key = deadKey(notifier.id, letter);
    const done = await retryOnConflict(async () => {
      const sealed = await this.#store.read(key);
      if (sealed === undefined) return false;
      const again = encodeWaiting({ ...decodeWaiting(sealed.open()), failures: 0 });
      await this.#store.commit(
        [
          { key, value: null },
          { key: waitingKey(notifier.id, this.#clock.now(), letter), value: again },
        ],
        [{ key, revision: sealed.revision }],
      );
      return true;
    });
    if (done) this.#outbox.lane(notifier).noted();
    return done;
  }

  /** Dropping what is not there is fine. */
  async drop({ id }: ActiveNotifier, letter: string): Promise<void> {
    if (isLetterId(letter)) await this.#store.commit([{ key: deadKey(id, letter), value: null }]);
  }
}

function isLetterId(text: string): boolean {
  return /^\d{13}-[0-9A-Za-z]{16}$/.test(text);
}
