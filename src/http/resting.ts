/**
 * Connections between two requests, the one that has rested longest first. A connection comes and goes with each request, so the
 * order is kept in links of the connections themselves: a `Set` grows a new table every few dozen changes, and each old one holds on
 * to what was in it until the next major collection.
 */

/** What a connection lends to the order. */
export interface Rests<T> {
  resting: boolean;
  restsBefore: T | undefined;
  restsAfter: T | undefined;
}

export class Resting<T extends Rests<T>> {
  #first: T | undefined;
  #last: T | undefined;

  /** The one that has rested longest. */
  get first(): T | undefined {
    return this.#first;
  }

  /** Puts it last, if it is not resting yet. */
  add(connection: T): void {
    if (connection.resting) return;
    connection.resting = true;
    connection.restsBefore = this.#last;
    if (this.#last === undefined) this.#first = connection;
    else this.#last.restsAfter = connection;
    this.#last = connection;
  }

  /** Takes it out, if it is in. */
  delete(connection: T): void {
    if (!connection.resting) return;
    const { restsBefore: before, restsAfter: after } = connection;
    if (before === undefined) this.#first = after;
    else before.restsAfter = after;
    if (after === undefined) this.#last = before;
    else after.restsBefore = before;
    connection.resting = false;
    connection.restsBefore = undefined;
    connection.restsAfter = undefined;
  }
}
