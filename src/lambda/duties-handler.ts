/**
 * The duties' function: what a server does by itself, in slices that a scheduler asks for. It answers no request, and the public
 * function does none of this.
 */
import type { Clock } from '../clock.ts';
import { CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import type { Invocation } from './invocation.ts';

/** `due` is for each minute; `tidy`, once a day, removes what nodes and functions that died have left, which takes a minute of watching. */
const duties = ['due', 'tidy'] as const;
export type Duty = (typeof duties)[number];

export interface Slice {
  readonly duty: Duty;
  /** Milliseconds for beginning further work: what is begun then has time to end. */
  readonly time: number;
}

export interface DutiesOptions {
  readonly clock: Clock;
  /** Works, and has left the store as if it had never been there when it resolves. */
  readonly work: (slice: Slice) => Promise<void>;
}

export type DutiesHandler = (event: unknown, invocation: Invocation) => Promise<JsonObject>;

const source = 'coffer.duties';
/** Milliseconds that a slice may take to its end: a call to the outside lasts as long as a lock, and then there is something to write. */
const farewell = 45_000;
/** Milliseconds that a scheduler may be late, as Amazon's is up to a minute. */
const mostLate = 120_000;
/** Milliseconds that clocks may differ by. */
const tolerated = 10_000;

/**
 * The scheduler's time is the second opinion that ending things needs: it is far from our clock only where that is wrong, or where an
 * event has waited so long that another has come since. Either way nothing is done. Rejects with `invalid_request` for everything that
 * is no word of the scheduler, HTTP requests among them.
 */
export function dutiesHandler({ clock, work }: DutiesOptions): DutiesHandler {
  return async (event, invocation) => {
    const { duty, time } = parseEvent(event);
    const late = clock.now() - time;
    if (late > mostLate || late < -tolerated) {
      throw new CofferError(
        'unavailable',
        `nothing was done: by this function's clock the event is ${Math.round(late / 1_000)} seconds old`,
      );
    }
    const left = invocation.getRemainingTimeInMillis();
    await work({ duty, time: left > 2 * farewell ? left - farewell : left / 2 });
    return { duty, done: true };
  };
}

function parseEvent(event: unknown): { readonly duty: Duty; readonly time: number } {
  if (!isJsonObject(event) || Object.keys(event).toSorted().join() !== 'duty,source,time') throw noWord();
  const duty = duties.find((each) => each === event['duty']);
  const { time } = event;
  const form = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z$/;
  const moment = typeof time === 'string' && form.test(time) ? Date.parse(time) : Number.NaN;
  if (event['source'] !== source || duty === undefined || Number.isNaN(moment)) throw noWord();
  return { duty, time: moment };
}

function noWord(): CofferError {
  return new CofferError(
    'invalid_request',
    'this function works on duties, and the event is no word of their scheduler',
  );
}
