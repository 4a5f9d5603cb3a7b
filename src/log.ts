/**
 * The program's log: a constant message plus fields, JSON lines for programs, short lines at a terminal. Values that came from
 * callers have no place in it; a `Secret` prints as redacted by itself.
 */
import pino from 'pino';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export const logLevels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** The program's own, whose level can change. */
export interface LevelledLogger extends Logger {
  setLevel(level: LogLevel): void;
}

export type LogFields = Readonly<Record<string, unknown>>;

/** `write` gets whole lines. */
export function openLogger(options: {
  readonly level: LogLevel;
  readonly terminal: boolean;
  readonly write: (line: string) => void;
}): LevelledLogger {
  const destination = options.terminal
    ? { write: (line: string) => options.write(readable(line)) }
    : { write: options.write };
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: describeError, cause: describeError },
    },
    destination,
  );
  const at = (level: LogLevel) => (message: string, fields?: LogFields) =>
    logger[level](fields ?? {}, message);
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    setLevel(level) {
      logger.level = level;
    },
  };
}

/** An error's kind, place and causes: what a person debugs by. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return typeof error === 'object' ? 'not an error object' : error;
  const code = 'code' in error ? error.code : undefined;
  return {
    name: error.name,
    code,
    message: error.message,
    stack: error.stack,
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  };
}

function readable(line: string): string {
  const { time, level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const rest = Object.entries(fields).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return `${[String(time).slice(11, 19), String(level).toUpperCase().padEnd(5), String(msg), ...rest].join(' ')}\n`;
}
