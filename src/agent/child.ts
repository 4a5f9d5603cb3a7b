/** The program of `[exec]`: started once everything that it needs is there, restarted or told of a change, and its end is the agent's. */
import type { Logger } from '../log.ts';
import type { ProgramEnd, Programs, RunningProgram } from './programs.ts';
import type { ExecSettings } from './settings.ts';

export interface ChildSurroundings {
  readonly programs: Programs;
  readonly log: Logger;
  pause(milliseconds: number, signal: AbortSignal): Promise<void>;
}

export class Child {
  readonly #settings: ExecSettings;
  readonly #surroundings: ChildSurroundings;
  #running: RunningProgram | undefined;
  #isRestarting = false;
  #isEnding = false;
  #end: (end: ProgramEnd) => void = () => undefined;
  /** Resolves when it has ended by itself, or by a signal that was for it. */
  readonly ended: Promise<ProgramEnd>;

  constructor(settings: ExecSettings, surroundings: ChildSurroundings) {
    this.#settings = settings;
    this.#surroundings = surroundings;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  start(secrets: ReadonlyMap<string, string>): void {
    const running = this.#surroundings.programs.start(this.#settings.command, secrets);
    this.#running = running;
    this.#surroundings.log.info('program started');
    void running.ended.then((end) => {
      if (this.#running === running && !this.#isRestarting) this.#end(end);
    });
  }

  /** Resolves once the program is told, or runs again. */
  async changed(secrets: ReadonlyMap<string, string>): Promise<void> {
    const { onChange } = this.#settings;
    const running = this.#running;
    if (running === undefined) return;
    if (onChange.kind === 'signal') return running.kill(onChange.signal);
    this.#isRestarting = true;
    try {
      const end = await this.#stop(running);
      if (this.#isEnding) this.#end(end);
      else this.start(secrets);
    } finally {
      this.#isRestarting = false;
    }
  }

  /** Passes a signal on. One that usually ends programs is not answered with a new start. */
  kill(signal: NodeJS.Signals): void {
    if (signal === 'SIGTERM' || signal === 'SIGINT') this.#isEnding = true;
    this.#running?.kill(signal);
  }

  async #stop(running: RunningProgram): Promise<ProgramEnd> {
    const over = new AbortController();
    running.kill('SIGTERM');
    const late = this.#surroundings.pause(this.#settings.stopAfter, over.signal).then(
      () => running.kill('SIGKILL'),
      () => undefined,
    );
    const end = await running.ended;
    over.abort();
    await late;
    return end;
  }
}
