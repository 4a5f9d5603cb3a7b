/** What `sys/loggers` and `sys/monitor` may do with the program's log. */

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevelName = (typeof logLevels)[number];

export interface LogControl {
  /** Names of those who speak in the log, sorted. */
  readonly components: readonly string[];
  /** Of a component, which is one of `components`. */
  levelOf(component: string): LogLevelName;
  /** Undefined: what the configuration says. Without a component, of all of them. */
  setLevel(level: LogLevelName | undefined, component?: string): void;
  /** Lines of JSON, each with its line break, from a level on. */
  watch(level: LogLevelName, listener: (line: string) => void): Disposable;
}

/** Of a program that keeps no log. */
export const noLogs: LogControl = {
  components: [],
  levelOf: () => 'info',
  setLevel() {},
  watch: () => ({ [Symbol.dispose]() {} }),
};
