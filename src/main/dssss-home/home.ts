/** What `coffer server --dssss` sets up once its store is open, and what it says of that. */
import { callerIdentity } from '../../aws/caller.ts';
import { type Clock, systemClock } from '../../clock.ts';
import type { Core } from '../../core/core.ts';
import { asCofferError } from '../../errors.ts';
import { type DssssPlaces, usualPlaces } from '../../http/dialect/dssss/dssss.ts';
import { componentLog, type Logger } from '../../log.ts';
import type { CofferNode } from '../node.ts';
import { inOwnSession } from '../own-session.ts';
import { type DssssRules, type DssssWish, everyRole, setUpDssss } from './set-up.ts';
import type { DssssWords } from './start.ts';

export interface DssssHome extends Disposable {
  /** For people, with the end of its line. */
  readonly words: string;
}

export interface HomeRooms {
  readonly node: CofferNode;
  readonly log: Logger;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock?: Clock;
}

/** A store that --aws made has secrets with lists at `secret/`, and one such mount is enough. */
const placesAtAws: DssssPlaces = { ...usualPlaces, secrets: 'secret' };

/** Milliseconds between looks at a store that is sealed yet, and between tries that fail. */
const betweenLooks = 1_000;
const betweenTries = 30_000;

/**
 * Sets up at once where the store is open, and else as soon as it is. Throws `usage` where something else is in the way; that AWS cannot
 * be asked is thrown too. Later nobody waits for it: then it is logged and tried again.
 */
export async function openDssssHome(given: DssssWords, rooms: HomeRooms): Promise<DssssHome> {
  const { node } = rooms;
  const wish = wishOf(given, rooms);
  if (node.state.core !== undefined) {
    const words = shown(await setUp(node.state.core, wish, rooms));
    return { words, [Symbol.dispose]: () => undefined };
  }
  const watch = new Watch(wish, rooms);
  return {
    words: 'What clients of dssss need is set up once the store is open.\n',
    [Symbol.dispose]: () => watch.stop(),
  };
}

function wishOf(given: DssssWords, { env }: HomeRooms): DssssWish {
  const said = (list: readonly string[] = []) => (list.length === 0 ? undefined : list);
  return {
    places: given.aws === true ? placesAtAws : usualPlaces,
    distinguished: said(given.distinguished),
    writers: said(given['write-role']),
    listers: said(given['list-role']),
    account: async () => (await callerIdentity({ env })).account,
  };
}

async function setUp(
  core: Core,
  wish: DssssWish,
  { node, log, clock = systemClock }: HomeRooms,
): Promise<DssssRules> {
  const session = { node, core, name: 'server-set-up', clock };
  const rules = await inOwnSession(session, (own) => setUpDssss(own, wish));
  componentLog(log, 'core').info('clients of dssss are served', { ...rules });
  return rules;
}

/** Looks again and again until the store is open and all is set up. */
class Watch {
  readonly #wish: DssssWish;
  readonly #rooms: HomeRooms;
  #timer: Disposable | undefined;
  #stopped = false;

  constructor(wish: DssssWish, rooms: HomeRooms) {
    this.#wish = wish;
    this.#rooms = rooms;
    this.#later(betweenLooks);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.[Symbol.dispose]();
  }

  #later(milliseconds: number): void {
    if (this.#stopped) return;
    const { clock = systemClock } = this.#rooms;
    this.#timer = clock.after(milliseconds, () => void this.#look());
  }

  async #look(): Promise<void> {
    const { core } = this.#rooms.node.state;
    if (core === undefined) {
      this.#later(betweenLooks);
      return;
    }
    try {
      await setUp(core, this.#wish, this.#rooms);
    } catch (error) {
      const { message } = asCofferError(error);
      componentLog(this.#rooms.log, 'core').error(
        'what clients of dssss need cannot be set up; it is tried again',
        { problem: message },
      );
      this.#later(betweenTries);
    }
  }
}

function shown({ account, distinguished, writers, listers }: DssssRules): string {
  const roles = (list: readonly string[]) =>
    list.map((each) => (each === everyRole ? `every role of account ${account}` : each)).join(', ');
  const lines = [
    `Clients of dssss are served; roles are those of account ${account}.`,
    `  may create new names:  ${roles(writers) || 'only who administers'}`,
    `  may list every name:   ${roles(listers) || 'only who administers'}; others list what they may read`,
    `  administer:            ${roles(distinguished)}`,
    '  Nobody overwrites or takes a deleted name but who administers; a value is for the roles that its secret lists.',
  ];
  return `${lines.join('\n')}\n`;
}
