/**
 * Whose turn it is to make the key. KMS makes another key for each request, so only one may ask at a time, and who did not get an
 * answer has to be waited for. A turn is a parameter that nobody writes over, `turns/000001` and so on: who made the last one has it.
 * It lasts for a time that its holder counts from before asking for it and everybody else from when they first saw it, so that the
 * holder has stopped when they go on (with clocks of their own; nobody compares them). The next turn looks for a key first.
 */
import type { Clock } from '../../clock.ts';
import { type HomeNames, turnParameter } from '../../config/aws-home.ts';
import { type HomeRooms, settle } from './rooms.ts';

/** Milliseconds after which a holder asks KMS for nothing new; a call takes at most `calls` more. */
const holds = 20_000;
/** Milliseconds after which others go on. */
const outlasts = 60_000;
/** What is left of a turn whose holder surely made no key. */
const ended = 'ended';

export interface Turn {
  readonly number: number;
  /** Whether a key may be asked for still. */
  readonly holds: boolean;
  /** No key came of it, for certain: the next one need not wait. */
  giveUp(): Promise<void>;
}

export class Turns {
  readonly #rooms: HomeRooms;
  /** In each turn's parameter: who it is. */
  readonly #id: string;
  #seen: { readonly number: number; readonly at: number } | undefined;

  constructor(rooms: HomeRooms, id: string) {
    this.#rooms = rooms;
    this.#id = id;
  }

  /** Undefined while somebody else's lasts. @param found the parameters below the folder */
  async take(found: ReadonlyMap<string, string>): Promise<Turn | undefined> {
    const { names, clock } = this.#rooms;
    const last = lastTurn(names, found);
    if (last > 0 && !found.has(`${turnParameter(names, last)}/${ended}`)) {
      if (this.#seen?.number !== last) {
        this.#seen = { number: last, at: elapsed(clock) };
        const [holder = ''] = (found.get(turnParameter(names, last)) ?? '').split(' ', 1);
        this.#rooms.say(
          `somebody else (${holder.slice(0, 40)}) is making the KMS key, or was: waiting up to a minute for it`,
        );
      }
      if (elapsed(clock) - this.#seen.at < outlasts) return undefined;
    }
    return this.#begin(last + 1);
  }

  async #begin(number: number): Promise<Turn | undefined> {
    const { names, clock } = this.#rooms;
    const name = turnParameter(names, number);
    const mine = `${this.#id} ${new Date(clock.now()).toISOString()}`;
    const from = elapsed(clock);
    const standing = await settle(this.#rooms, name, mine, 'Whose turn it was to make the key');
    if (standing !== mine) return undefined;
    return {
      number,
      get holds() {
        return elapsed(clock) - from < holds;
      },
      giveUp: async () => {
        const words = 'No key came of this turn';
        await this.#rooms.parameters.create(`${name}/${ended}`, mine, words);
      },
    };
  }
}

function lastTurn(names: HomeNames, found: ReadonlyMap<string, string>): number {
  const beginning = turnParameter(names, 0).slice(0, -6);
  const numbers = [...found.keys()].flatMap((name) => {
    const [, digits] = /^(\d{6})$/.exec(name.startsWith(beginning) ? name.slice(beginning.length) : '') ?? [];
    return digits === undefined ? [] : [Number(digits)];
  });
  return Math.max(0, ...numbers);
}

function elapsed(clock: Clock): number {
  return clock.steady();
}
