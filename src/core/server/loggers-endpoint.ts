/** `sys/loggers`: how much is logged by whom, until the server ends. */
import { CofferError } from '../../errors.ts';
import { coreEndpoint } from '../core-call.ts';
import type { Endpoint, ResponseSchema } from '../endpoint.ts';
import type { LogControl, LogLevelName } from './log-control.ts';

const fields = {
  level: { type: 'string', help: 'trace or debug, info or notice, warn or warning, err or error.' },
} as const;

const schema = { '*': { type: 'string', help: 'Its level.' } } as const satisfies ResponseSchema;

export function loggersEndpoints(logs: LogControl): readonly Endpoint[] {
  return [allLoggers(logs), oneLogger(logs)];
}

function allLoggers(logs: LogControl): Endpoint {
  return coreEndpoint({
    pattern: 'loggers',
    help: 'Shows, sets or resets how much is logged, on this node and until it ends.',
    fields,
    operations: {
      read: {
        summary: 'Show the levels of all loggers',
        sudo: true,
        response: schema,
        handle: async () => ({
          data: Object.fromEntries(logs.components.map((name) => [name, logs.levelOf(name)])),
        }),
      },
      update: {
        summary: 'Set the level of all loggers',
        sudo: true,
        spendsFirst: true,
        handle: async (call) => logs.setLevel(parseLevel(call.fields.level)) as undefined,
      },
      delete: {
        summary: 'Reset the level of all loggers',
        sudo: true,
        spendsFirst: true,
        handle: async () => logs.setLevel(undefined) as undefined,
      },
    },
  });
}

function oneLogger(logs: LogControl): Endpoint {
  const named = (name = ''): string => {
    if (logs.components.includes(name)) return name;
    throw new CofferError('not_found', `there is no such logger; there are ${logs.components.join(', ')}`);
  };
  return coreEndpoint({
    pattern: 'loggers/:name',
    help: 'Shows, sets or resets how much one part of the server logs.',
    fields,
    operations: {
      read: {
        summary: 'Show the level of a logger',
        sudo: true,
        response: schema,
        handle: async ({ params }) => {
          const name = named(params['name']);
          return { data: { [name]: logs.levelOf(name) } };
        },
      },
      update: {
        summary: 'Set the level of a logger',
        sudo: true,
        spendsFirst: true,
        handle: async ({ params, fields: { level } }) =>
          logs.setLevel(parseLevel(level), named(params['name'])) as undefined,
      },
      delete: {
        summary: 'Reset the level of a logger',
        sudo: true,
        spendsFirst: true,
        handle: async ({ params }) => logs.setLevel(undefined, named(params['name'])) as undefined,
      },
    },
  });
}

const levels: Readonly<Record<string, LogLevelName>> = {
  trace: 'debug',
  debug: 'debug',
  info: 'info',
  notice: 'info',
  warn: 'warn',
  warning: 'warn',
  err: 'error',
  error: 'error',
};

/** Vault's words for levels. Throws `invalid_request`. */
export function parseLevel(text: string | undefined): LogLevelName {
  const level = text === undefined || !Object.hasOwn(levels, text) ? undefined : levels[text];
  if (level !== undefined) return level;
  throw new CofferError('invalid_request', `level is one of ${Object.keys(levels).join(', ')}`);
}
