/**
 * The agent: looks again and again at what applications on this host should have, and keeps it so. What fails is told and tried again, sooner
 * and then later, and what was there stays: an application never loses what it has because somebody else is away.
 */
import { timestamp } from '../clock.ts';
import { asCofferError, type CofferError, type ErrorCode } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import type { Logger } from '../log.ts';
import { ApplicationOutput } from './application-output.ts';
import type { Child } from './child.ts';
import type { Output } from './output.ts';
import type { Programs } from './programs.ts';
import { type ReportPlace, report } from './report.ts';
import type { Session } from './session.ts';
import { tell } from './tell.ts';

export interface AgentParts {
  readonly outputs: readonly Output[];
  /** Undefined where no server is configured. */
  readonly session: Session | undefined;
  readonly report: ReportPlace | undefined;
  readonly child: Child | undefined;
  /** Of the child's environment. */
  childSecrets(): ReadonlyMap<string, string> | undefined;
  /** Milliseconds between two rounds. */
  readonly interval: number;
}

export interface AgentSurroundings {
  readonly programs: Programs;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  now(): number;
  /** 0 to 1. */
  jitter(): number;
  /** Rejects when the signal says so. */
  pause(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/** What is known of an output. */
interface Standing {
  readonly output: Output;
  checkedAt: number | undefined;
  changedAt: number | undefined;
  /** A change that nobody was told of yet. */
  untold: boolean;
  /** Telling has failed in this round, and waits for the next one. */
  isPutOff: boolean;
  /** The note of what was told cannot be taken away: what it says is not so. */
  isNoteStuck: boolean;
  error: ErrorCode | undefined;
}

const firstPause = 1_000;
/** Milliseconds that a timer can wait. */
const longestPause = 2_147_483_647;

export class Agent {
  readonly #parts: AgentParts;
  readonly #surroundings: AgentSurroundings;
  readonly #standings: readonly Standing[];
  /** Rounds that failed, one after the other. */
  #failures = 0;
  #nextAt = 0;
  #isFirst = true;
  #wake: () => void = () => undefined;

  constructor(parts: AgentParts, surroundings: AgentSurroundings) {
    this.#parts = parts;
    this.#surroundings = surroundings;
    this.#standings = parts.outputs.map((output) => ({
      output,
      checkedAt: undefined,
      changedAt: undefined,
      untold: false,
      isPutOff: false,
      isNoteStuck: false,
      error: undefined,
    }));
  }

  /** Looks at everything once. Never rejects. @returns what failed, in the order of the outputs */
  async round(): Promise<readonly CofferError[]> {
    if (this.#isFirst) await this.#tellLeft();
    this.#isFirst = false;
    const results = await Promise.all(this.#standings.map((standing) => this.#refresh(standing)));
    const failed = results.filter((error) => error !== undefined);
    this.#failures = failed.length === 0 ? 0 : this.#failures + 1;
    this.#startChild();
    for (const standing of this.#standings) {
      if (!standing.isPutOff) await this.#tell(standing);
      standing.isPutOff = false;
    }
    await this.#report();
    return failed;
  }

  /**
   * Round after round until the signal, or until the child of `[exec]` has ended. @returns the exit code
   */
  async run(signal: AbortSignal): Promise<number> {
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    let code = 0;
    void this.#parts.child?.ended.then((end) => {
      code = end.code;
      over.abort();
    });
    while (!either.aborted) {
      if (this.#now >= this.#nextAt) {
        await this.round();
        this.#nextAt = this.#now + this.#untilNext();
      }
      await this.#parts.session?.keep();
      await this.#wait(either);
    }
    return code;
  }

  /** The next round is now. */
  hurry(): void {
    this.#nextAt = 0;
    this.#wake();
  }

  /** What may be shown: no secret. Times are RFC 3339. */
  describe(): JsonObject {
    const { session } = this.#parts;
    const time = (milliseconds: number | undefined) =>
      milliseconds === undefined ? null : timestamp(milliseconds);
    return {
      login:
        session === undefined
          ? null
          : { accessor: session.state?.accessor ?? null, ends: time(session.state?.endsAt) },
      outputs: this.#standings.map(({ output, checkedAt, changedAt, untold, error }) => ({
        kind: output.kind,
        name: output.name,
        checked: time(checkedAt),
        changed: time(changedAt),
        told: !untold,
        error: error ?? null,
        ...output.describe(),
      })),
    };
  }

  get #now(): number {
    return this.#surroundings.now();
  }

  async #refresh(standing: Standing): Promise<CofferError | undefined> {
    const { output } = standing;
    const { log } = this.#surroundings;
    const about = { kind: output.kind, name: output.name };
    try {
      const isChanged = await output.refresh();
      if (isChanged) {
        standing.changedAt = this.#now;
        standing.untold = output.onChange !== undefined;
        standing.isPutOff = false;
        log.info(output.kind === 'environment' ? 'changed' : 'written', { ...about, ...output.describe() });
      }
      if (standing.error !== undefined) log.info('well again', about);
      standing.checkedAt = this.#now;
      standing.error = undefined;
      return undefined;
    } catch (thrown) {
      const error = asCofferError(thrown);
      standing.error = error.code;
      // It may have failed behind the switch, and then the next look finds nothing to change.
      this.#lookForNote(standing);
      // Messages of ours hold no secret; causes may be anybody's.
      log.warn('not looked at or not written; what was there is kept', {
        ...about,
        code: error.code,
        reason: error.message,
      });
      return error;
    }
  }

  /** Once everything was there: a program that begins without its credentials fails, or goes on without them. */
  #startChild(): void {
    const { child } = this.#parts;
    const secrets = this.#parts.childSecrets();
    if (child === undefined || child.isRunning || secrets === undefined) return;
    if (this.#standings.some(({ checkedAt }) => checkedAt === undefined)) return;
    child.start(secrets);
    this.#childKnows();
  }

  #childKnows(): void {
    for (const standing of this.#standings) {
      if (standing.output.onChange?.kind === 'exec') standing.untold = false;
    }
  }

  /**
   * What an agent before this one wrote, and ended before it told. Before anything else: nobody knows for how long somebody has
   * gone on with what was before, and a source that is away is no reason to wait.
   */
  async #tellLeft(): Promise<void> {
    for (const standing of this.#standings) {
      this.#lookForNote(standing);
      await this.#tell(standing);
    }
  }

  #lookForNote(standing: Standing): void {
    if (!standing.isNoteStuck && standing.output.note?.isThere() === true) standing.untold = true;
  }

  async #tell(standing: Standing): Promise<void> {
    const { output, untold } = standing;
    if (!untold || output.onChange === undefined) return;
    const { programs, pause, log } = this.#surroundings;
    const { child } = this.#parts;
    const childSecrets = () => this.#parts.childSecrets() ?? new Map<string, string>();
    const problem = await tell(output.onChange, { programs, pause, child, childSecrets });
    const about = { kind: output.kind, name: output.name };
    if (problem === undefined) {
      standing.untold = false;
      this.#removeNote(standing);
      // One restart is for all that changed in this round.
      if (output.onChange.kind === 'exec') this.#childKnows();
      log.info('told', about);
      return;
    }
    standing.isPutOff = true;
    log.warn('not told of a change; it is tried again', { ...about, reason: problem });
  }

  #removeNote(standing: Standing): void {
    const { kind, name, note } = standing.output;
    try {
      note?.remove();
      standing.isNoteStuck = false;
    } catch (thrown) {
      standing.isNoteStuck = true;
      const reason = asCofferError(thrown).message;
      this.#surroundings.log.warn('told, and told again at the next start', { kind, name, reason });
    }
  }

  /** Only what the application was told of: until then it may hold what was before. */
  async #report(): Promise<void> {
    const { session, report: place } = this.#parts;
    if (session === undefined || place === undefined) return;
    for (const { output, untold, error } of this.#standings) {
      if (!(output instanceof ApplicationOutput) || untold || error !== undefined) continue;
      await report(session, place, output).catch((thrown: unknown) => {
        const { code } = asCofferError(thrown);
        this.#surroundings.log.warn('version not reported', { name: output.name, code });
      });
    }
  }

  /** Hosts that were started together do not ask together. */
  #untilNext(): number {
    const { interval } = this.#parts;
    const { jitter } = this.#surroundings;
    if (this.#failures === 0) return interval * (0.9 + 0.2 * jitter());
    const backOff = Math.min(interval, firstPause * 2 ** Math.min(this.#failures - 1, 20));
    return backOff * (0.5 + 0.5 * jitter());
  }

  async #wait(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const due = Math.min(this.#nextAt, this.#parts.session?.dueAt ?? Number.POSITIVE_INFINITY);
    const milliseconds = Math.min(Math.max(due - this.#now, 0), longestPause);
    // One of its own, ended by hand: signals that are made of a lasting one would be as many as rounds.
    const over = new AbortController();
    const end = () => over.abort();
    this.#wake = end;
    signal.addEventListener('abort', end, { once: true });
    await this.#surroundings.pause(milliseconds, over.signal).catch(() => undefined);
    signal.removeEventListener('abort', end);
  }
}
