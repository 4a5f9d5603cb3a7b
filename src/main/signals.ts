/** What the system tells a server by signals. */
import { isatty } from 'node:tty';
import type { Logger } from '../log.ts';

/** SIGHUP from the first moment on: one that comes before the server serves would end the process otherwise, and has to wait. */
export class Hangup {
  readonly #atTerminal = isatty(0);
  #waiting = false;
  #act: ((terminalGone: boolean) => void) | undefined;

  constructor() {
    process.on('SIGHUP', () => {
      if (this.#act === undefined) this.#waiting = true;
      else this.#act(this.#terminalGone);
    });
  }

  /** @param act is told whether the terminal is gone that the server was started at */
  use(act: (terminalGone: boolean) => void): void {
    this.#act = act;
    if (this.#waiting) act(this.#terminalGone);
  }

  get #terminalGone(): boolean {
    return this.#atTerminal && !isatty(0);
  }
}

export interface Stoppable {
  close(): Promise<void>;
}

/** Resolves once the server has stopped in order. A second signal ends it at once. */
export function untilStopped(
  server: Stoppable,
  log: Logger,
  hangup: Hangup,
  reload: () => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.off(signal, stop);
      log.info('stopping');
      server.close().then(resolve, reject);
    };
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop);
    hangup.use((terminalGone) => {
      if (terminalGone) stop();
      else reload();
    });
  });
}
