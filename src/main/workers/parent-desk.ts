/** What the parent does for its workers: counts for them together, and carries words from one to the others. */
import type { Clock } from '../../clock.ts';
import { Nobodies } from '../../core/lockout/nobodies.ts';
import { Measures } from '../../core/quota/measures.ts';
import { CofferError } from '../../errors.ts';
import type { LevelledLogger, LogLevel } from '../../log.ts';
import type { Desk, Member } from './fleet.ts';
import type { Answers, Listeners } from './line.ts';
import { ConnectionPool } from './pool.ts';
import type { LevelChange, LimitsOfNow, Tidings } from './protocol.ts';
import { isRead, Watches } from './watches.ts';

export interface DeskOptions {
  readonly workers: number;
  readonly clock: Clock;
  readonly log: LevelledLogger;
  readonly limits: LimitsOfNow;
  readonly reload: () => void;
}

/** Names without an account that are remembered for all mounts together. */
const rememberedNames = 16_384;
/** Milliseconds that the worker has for a request that it answers for another. */
const longestRequest = 95_000;

export class ParentDesk implements Desk {
  readonly #options: DeskOptions;
  readonly #serving: () => readonly Member[];
  readonly #pool: ConnectionPool;
  readonly #measures = new Measures();
  readonly #nobodies = new Nobodies(rememberedNames);
  readonly #watches = new Watches();
  #watchOfOwn: Disposable | undefined;
  #levels: readonly LevelChange[] = [];
  #home: number | undefined;

  /** @param serving the workers that serve now, by number */
  constructor(options: DeskOptions, serving: () => readonly Member[]) {
    this.#options = options;
    this.#serving = serving;
    this.#pool = new ConnectionPool(options.limits, options.workers);
  }

  /** What a worker that starts now has to catch up with. */
  get levels(): readonly LevelChange[] {
    return this.#levels;
  }

  /** The configuration sets them anew. */
  forgetLevels(): void {
    this.#levels = [];
  }

  answers(number: number): Answers {
    const { clock, reload } = this.#options;
    return {
      ping: () => null,
      connection: (asked) => this.#pool.ask(number, asked),
      take: ({ key, rate, blockFor }) => this.#measures.take(key, rate, blockFor, clock.steady()),
      nobodyLocked: ({ key, origin }) => this.#nobodies.isLocked(key, origin, clock.now()),
      nobodyFails: ({ key, origin, settings }) => this.#nobodies.fail(key, origin, clock.now(), settings),
      others: ({ kind, body, patience }) =>
        this.#askOthers(number, ({ line }) => line.ask(kind, body as never, patience)),
      home: (sent) => {
        const home = this.#serving().find(({ number: each }) => each === this.#home);
        if (home === undefined) throw new CofferError('unavailable', 'no other worker serves yet');
        return home.line.ask('home', sent, longestRequest);
      },
      reload: () => {
        reload();
        return null;
      },
    };
  }

  listeners(number: number): Listeners {
    return {
      released: (released) => this.#pool.release(number, released),
      nobodyForgotten: (key) => this.#nobodies.forget(key),
      charged: (origins) => this.#tellOthers(number, 'charged', origins),
      given: (prefixes) => this.#tellOthers(number, 'given', prefixes),
      level: (change) => {
        this.#levels = change.component === undefined ? [change] : [...this.#levels, change].slice(-64);
        this.#tellOthers(number, 'level', change);
      },
      watch: (level) => this.#watch(number, level),
      line: (line) => this.#pass(number, line),
    };
  }

  changed(): void {
    const serving = this.#serving();
    // It stays where it is while it can: what people are handing in there is nowhere else.
    if (!serving.some(({ number }) => number === this.#home)) this.#home = serving[0]?.number;
    if (this.#home === undefined) return;
    for (const { line } of serving) line.tell('homeIs', this.#home);
    this.#tellWatches();
  }

  ended(number: number): void {
    this.#pool.forget(number);
    this.#watches.forget(number);
    this.#watch(number, null);
  }

  #others(number: number): readonly Member[] {
    return this.#serving().filter((member) => member.number !== number);
  }

  #tellOthers<K extends keyof Tidings>(number: number, kind: K, body: Tidings[K]): void {
    for (const { line } of this.#others(number)) line.tell(kind, body);
  }

  /** Who does not answer is left out: it may have been stopped, and will be replaced. */
  async #askOthers(number: number, ask: (member: Member) => Promise<unknown>): Promise<readonly unknown[]> {
    const settled = await Promise.allSettled(this.#others(number).map(ask));
    return settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  }

  #watch(number: number, level: LogLevel | null): void {
    this.#watches.set(number, level);
    this.#tellWatches();
    this.#watchOfOwn?.[Symbol.dispose]();
    const least = this.#watches.leastBeside(0);
    this.#watchOfOwn =
      least === null
        ? undefined
        : this.#options.log.watch(least, (text, rank) => this.#pass(0, { level: rank, text }));
  }

  /** To each worker the least level that others want of it. */
  #tellWatches(): void {
    for (const { number, line } of this.#serving()) {
      const least = this.#watches.leastBeside(number);
      if (this.#watches.isNews(number, least)) line.tell('watch', least);
    }
  }

  #pass(number: number, line: Tidings['line']): void {
    for (const member of this.#others(number)) {
      if (isRead(this.#watches.of(member.number), line.level)) member.line.tell('line', line);
    }
  }
}
