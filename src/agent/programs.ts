/** Programs that the agent starts and tells, handed in: where they are started is not here. */

export interface RunningProgram {
  /** Its exit code, or 128 and the number of the signal; never rejects. */
  readonly ended: Promise<ProgramEnd>;
  kill(signal: NodeJS.Signals): void;
}

export type ProgramEnd =
  | { readonly kind: 'ended'; readonly code: number }
  /** It was never there. */
  | { readonly kind: 'failed'; readonly code: 126 | 127 };

export interface Programs {
  /**
   * Starts a program without a shell, with our streams, and our environment but for what proves who we are.
   *
   * @param secrets variables besides
   */
  start(command: readonly string[], secrets: ReadonlyMap<string, string>): RunningProgram;
  /**
   * Sends a signal to the process whose number a file holds.
   *
   * @returns `absent` where there is no such file or process, and nobody to be told; words for what else keeps it from being sent
   */
  signal(name: NodeJS.Signals, pidFile: string): 'sent' | 'absent' | { readonly problem: string };
}
