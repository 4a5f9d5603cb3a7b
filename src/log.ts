/**
 * The program's log: a constant message plus fields, JSON lines for programs, short lines for people. Every line has `time` (RFC 3339),
 * `level` and `msg`; `component` says which room speaks, `request_id` of which request. Values that came from callers have no
 * place in it; and what slips in is not shown: a `Secret` prints as redacted by itself, anything in the form of a token is cut
 * out of the finished line, and errors that quote what they could not read are shown without their text.
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
  readonly level: LogLevel;
  setLevel(level: LogLevel): void;
}

export type LogFields = Readonly<Record<string, unknown>>;

/** `write` gets whole lines. */
export function openLogger(options: {
  readonly level: LogLevel;
  readonly terminal: boolean;
  readonly write: (line: string) => void;
}): LevelledLogger {
  const shown = options.terminal ? readable : (line: string) => line;
  const destination = { write: (line: string) => options.write(withoutTokens(shown(line))) };
  const logger = pino(
    {
      level: options.level,
      base: null,
      formatters: { level: (label) => ({ level: label }) },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
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
    get level() {
      return logger.level as LogLevel;
    },
    setLevel(level) {
      logger.level = level;
    },
  };
}

/** The same log, with the name of a room on each line that does not say another. */
export function componentLog(log: Logger, component: string): Logger {
  const at = (level: LogLevel) => (message: string, fields?: LogFields) =>
    log[level](message, { component, ...fields });
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
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
