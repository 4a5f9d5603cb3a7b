/**
 * The program's log: a constant message plus fields, JSON lines for programs, short lines for people. Every line has `time` (RFC 3339),
 * `level` and `msg`; `component` says which room speaks, `request_id` of which request. Values that came from callers have no
 * place in it; and what slips in is not shown: a `Secret` prints as redacted by itself, anything in the form of a token is cut
 * out of the finished line, and errors that quote what they could not read are shown without their text.
 */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export const logLevels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** Who speaks in the log. */
export const logComponents = ['audit', 'backup', 'core', 'http', 'request', 'storage'] as const;
export type LogComponent = (typeof logComponents)[number];

/** The program's own, whose levels can change. */
export interface LevelledLogger extends Logger {
  /** The least level of what is logged, of components that have none of their own. */
  readonly level: LogLevel;
  /** Components with levels of their own keep them. */
  setLevel(level: LogLevel): void;
  levelOf(component: LogComponent): LogLevel;
  /** Undefined has the component follow the others again. */
  setLevelOf(component: LogComponent, level: LogLevel | undefined): void;
  /** Whether a line would go anywhere: for those that would have to make it first. */
  isWanted(level: LogLevel, component: LogComponent): boolean;
  /** Every line from a level on, as JSON, whether it is logged or not. Disposing ends it. */
  watch(level: LogLevel, listener: (line: string, level: LogLevel) => void): Disposable;
}

export type LogFields = Readonly<Record<string, unknown>>;

interface Watcher {
  readonly rank: number;
  readonly listener: (line: string, level: LogLevel) => void;
}

/** `write` gets whole lines. */
export function openLogger(options: {
  readonly level: LogLevel;
  readonly terminal: boolean;
  readonly write: (line: string) => void;
  /** On every line. */
  readonly fields?: LogFields | undefined;
}): LevelledLogger {
  const shown = options.terminal ? readable : (line: string) => line;
  return new ComponentLogger(options.level, shown, options.write, options.fields);
}

class ComponentLogger implements LevelledLogger {
  readonly #shown: (line: string) => string;
  readonly #write: (line: string) => void;
  readonly #fields: LogFields;
  readonly #watchers = new Set<Watcher>();
  readonly #own = new Map<string, LogLevel>();
  #level: LogLevel;

  constructor(
    level: LogLevel,
    shown: (line: string) => string,
    write: (line: string) => void,
    fields: LogFields = {},
  ) {
    this.#level = level;
    this.#shown = shown;
    this.#write = write;
    this.#fields = fields;
  }

  debug(message: string, fields?: LogFields): void {
    this.#line('debug', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#line('info', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#line('warn', message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#line('error', message, fields);
  }

  get level(): LogLevel {
    return this.#level;
  }

  setLevel(level: LogLevel): void {
    this.#level = level;
  }

  levelOf(component: string): LogLevel {
    return this.#own.get(component) ?? this.#level;
  }

  setLevelOf(component: LogComponent, level: LogLevel | undefined): void {
    if (level === undefined) this.#own.delete(component);
    else this.#own.set(component, level);
  }

  isWanted(level: LogLevel, component: string): boolean {
    return ranks[level] >= ranks[this.levelOf(component)] || this.#isWatched(ranks[level]);
  }

  watch(level: LogLevel, listener: (line: string, level: LogLevel) => void): Disposable {
    const watcher = { rank: ranks[level], listener };
    this.#watchers.add(watcher);
    return { [Symbol.dispose]: () => void this.#watchers.delete(watcher) };
  }

  #isWatched(rank: number): boolean {
    for (const watcher of this.#watchers) if (rank >= watcher.rank) return true;
    return false;
  }

  #line(level: LogLevel, message: string, fields: LogFields = {}): void {
    const component = fields['component'];
    const rank = ranks[level];
    const isLogged = rank >= ranks[typeof component === 'string' ? this.levelOf(component) : this.#level];
    if (!isLogged && !this.#isWatched(rank)) return;
    const line = lineOf(level, message, { ...this.#fields, ...fields });
    if (isLogged) this.#write(withoutTokens(this.#shown(line)));
    for (const watcher of this.#watchers) {
      if (rank >= watcher.rank) watcher.listener(withoutTokens(line), level);
    }
  }
}

const ranks = { debug: 0, info: 1, warn: 2, error: 3 } as const satisfies Record<LogLevel, number>;

/** The same log, with the name of a room on each line that does not say another. */
export function componentLog(log: Logger, component: string): Logger {
  const at = (level: LogLevel) => (message: string, fields?: LogFields) =>
    log[level](message, { component, ...fields });
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function lineOf(level: LogLevel, message: string, fields: LogFields): string {
  let line = `{"level":"${level}","time":"${new Date().toISOString()}"`;
  for (const [name, value] of Object.entries(fields)) {
    const json = value === undefined ? undefined : jsonOf(name, value);
    if (json !== undefined) line += `,${JSON.stringify(name)}:${json}`;
  }
  return `${line},"msg":${JSON.stringify(message)}}\n`;
}

/** A field that is no JSON costs nobody the line, or the work that it tells of. */
function jsonOf(name: string, value: unknown): string | undefined {
  try {
    const shown = name === 'error' || name === 'cause' ? describeError(value) : value;
    return JSON.stringify(shown, (_name, inner: unknown) =>
      typeof inner === 'bigint' ? String(inner) : inner,
    );
  } catch {
    return '"not shown: it cannot be written as JSON"';
  }
}

/** Tokens of ours and of Vault's kind begin so. */
function withoutTokens(line: string): string {
  return line.includes('hv') ? line.replace(/\bhv[sbr]\.[A-Za-z0-9_-]{4,}/g, '[token]') : line;
}

/** An error's kind, place and causes: what a person debugs by. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return typeof error === 'object' ? 'not an error object' : error;
  const code = 'code' in error ? error.code : undefined;
  const told = quotesInput(error, code)
    ? { message: 'not shown: it quotes what was read', stack: placesOf(error) }
    : { message: error.message, stack: error.stack };
  return {
    name: error.name,
    code,
    ...told,
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  };
}

/** What V8 says of JSON it cannot read, and Node of an argument it does not take, has the text or the value in it. */
function quotesInput(error: Error, code: unknown): boolean {
  return error instanceof SyntaxError || (typeof code === 'string' && code.startsWith('ERR_INVALID_'));
}

function placesOf({ stack = '' }: Error): string {
  return stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .join('\n');
}

function readable(line: string): string {
  const { time, level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const rest = Object.entries(fields).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return `${[String(time).slice(11, 19), String(level).toUpperCase().padEnd(5), String(msg), ...rest].join(' ')}\n`;
}
