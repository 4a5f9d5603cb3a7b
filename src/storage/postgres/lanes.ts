/**
 * Connections that small reads share: each is written to at once, and answers come in order (pipelining), so that a reader never
 * waits for a free connection. A second one is opened when the first has much under way.
 */
import { CofferError } from '../../errors.ts';
import { failureOf, isCut, isTimeout, stateOf } from './failure.ts';
import type { RawRow, Statement, Value } from './messages.ts';
import type { Session } from './session.ts';

const mostLanes = 4;
/** Statements under way on every lane before another one is opened. */
const busy = 2;

class Lane {
  readonly session: Promise<Session>;
  /** How many were opened before it. */
  readonly number: number;
  underWay = 0;

  constructor(session: Promise<Session>, number: number) {
    this.session = session;
    this.number = number;
  }
}

export class Lanes {
  readonly #open: () => Promise<Session>;
  readonly #lanes = new Set<Lane>();
  #opened = 0;
  #closed = false;

  constructor(open: () => Promise<Session>) {
    this.#open = open;
  }

  /**
   * Rejects with a labelled error. What a cut connection took along is asked once more: reading twice is harmless. Connections that
   * were there before may all have gone the same way, and do not count.
   */
  async read(statement: Statement, values: readonly Value[]): Promise<readonly RawRow[]> {
    const before = this.#opened;
    for (let again = false; ; ) {
      if (this.#closed) throw new CofferError('unavailable', 'the store is closed');
      const lane = this.#pick();
      lane.underWay += 1;
      let session: Session | undefined;
      try {
        session = await lane.session;
        return await session.rows(statement, values);
      } catch (error) {
        // After its deadline asking again would only wait as long.
        const cut = session !== undefined && isCut(stateOf(error)) && !isTimeout(error);
        if (cut) session?.drop();
        if (session?.usable !== true) this.#lanes.delete(lane);
        if (again || !cut) throw failureOf(error);
        again = lane.number >= before;
      } finally {
        lane.underWay -= 1;
      }
    }
  }

  /** What is under way ends; what is asked from now on is asked of new connections. */
  renew(): void {
    for (const { session } of this.#lanes) {
      session.then(
        (opened) => opened.close(),
        () => undefined,
      );
    }
    this.#lanes.clear();
  }

  /** What is under way ends first. */
  async close(): Promise<void> {
    this.#closed = true;
    const closing = [...this.#lanes].map(async ({ session }) => (await session).close());
    await Promise.allSettled(closing);
  }

  #pick(): Lane {
    let least: Lane | undefined;
    for (const lane of this.#lanes) if (least === undefined || lane.underWay < least.underWay) least = lane;
    if (least !== undefined && (least.underWay < busy || this.#lanes.size >= mostLanes)) return least;
    const lane = new Lane(this.#open(), this.#opened);
    this.#opened += 1;
    // Who waits for it is told; nobody else needs to be.
    lane.session.catch(() => undefined);
    this.#lanes.add(lane);
    return lane;
  }
}
