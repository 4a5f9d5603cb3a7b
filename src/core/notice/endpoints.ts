/** `sys/notifiers`: who is told of what, and what could not be told. */
import { CofferError } from '../../errors.ts';
import { type CoreCall, coreEndpoint } from '../core-call.ts';
import type { Endpoint, Fields, FieldValues, Reply, ResponseSchema } from '../endpoint.ts';
import { listPage, pageFields } from '../list-page.ts';
import type { AnswerData } from '../request.ts';
import type { CoreRooms } from '../rooms.ts';
import { DeadLetters } from './dead-letters.ts';
import { parseKinds } from './kinds.ts';
import type { ActiveNotifier, WantedNotifier } from './notifiers.ts';
import type { NotifierRecord } from './record.ts';

const notifierFields = {
  type: { type: 'string', help: 'webhook, sns or smtp; needed for a new one.' },
  kinds: {
    type: 'list',
    help: 'Which kinds of notices it wants: words such as credentials.issued or credentials.*; all of them (*) unless told.',
  },
  description: { type: 'string', help: 'For people.' },
  options: { type: 'pairs', help: 'The type’s own. Given, they replace all of them.' },
  secret: {
    type: 'string',
    sensitive: true,
    help: 'A key or a password, where the type takes one. Never shown again; kept only while type and options stay as they are.',
  },
} as const satisfies Fields;

/** What is at the path of one notifier. */
const healthMembers = {
  type: { type: 'string' },
  kinds: { type: 'list' },
  configured: { type: 'bool', help: 'It is in this server’s own configuration.' },
  state: { type: 'string', help: 'working or failing, on this node.' },
  problem: { type: 'string', help: 'Why it fails; empty where it works.' },
} as const satisfies ResponseSchema;

const notifierSchema = {
  name: { type: 'string' },
  ...healthMembers,
  description: { type: 'string' },
  options: { type: 'pairs' },
  has_secret: { type: 'bool' },
  waiting: { type: 'int', help: 'Notices that wait for it; counted up to 1,000.' },
  dead_letters: { type: 'int', help: 'Notices that are not tried any more.' },
} as const satisfies ResponseSchema;

const letterSchema = {
  id: { type: 'string' },
  time: { type: 'string', help: 'When it happened.' },
  kind: { type: 'string' },
  subject: { type: 'string' },
  fields: { type: 'pairs' },
  failures: { type: 'int' },
  problem: { type: 'string', help: 'Why the last delivery failed.' },
} as const satisfies ResponseSchema;

/** Waiting notices that an answer counts. */
const mostCounted = 1_000;

export function notifierEndpoints(rooms: CoreRooms): readonly Endpoint[] {
  return [listing(rooms), one(rooms), test(rooms), deadLetters(rooms), deadLetter(rooms)];
}

function listing(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'notifiers',
    help: 'Lists the notifiers: those of the store, and those of this server’s own configuration.',
    fields: {},
    operations: {
      list: {
        summary: 'List notifiers',
        sudo: true,
        response: {
          keys: { type: 'list' },
          key_info: { type: 'object', members: { '*': { type: 'object', members: healthMembers } } },
        },
        handle: async () => {
          const all = rooms.notices.notifiers.all.toSorted((a, b) => (a.name < b.name ? -1 : 1));
          const info: Record<string, AnswerData> = Object.create(null);
          for (const each of all) info[each.name] = health(rooms, each);
          return all.length === 0
            ? undefined
            : { data: { keys: all.map(({ name }) => name), key_info: info } };
        },
      },
    },
  });
}

function one(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'notifiers/:name',
    help: 'Shows, writes or removes a notifier.',
    fields: notifierFields,
    operations: {
      read: {
        summary: 'Show a notifier',
        sudo: true,
        response: notifierSchema,
        handle: async (call) => {
          const found = rooms.notices.notifiers.named(nameOf(call));
          return found === undefined ? undefined : { data: await shown(rooms, found) };
        },
      },
      update: {
        summary: 'Write a notifier',
        sudo: true,
        spendsFirst: true,
        handle: async (call) => {
          const name = nameOf(call);
          const before = rooms.notices.notifiers.named(name)?.record;
          await rooms.notices.notifiers.write(wanted(name, call.fields, before));
          return undefined;
        },
      },
      delete: {
        summary: 'Remove a notifier, and what waits for it',
        sudo: true,
        spendsFirst: true,
        handle: async (call) => void (await rooms.notices.notifiers.remove(nameOf(call))),
      },
    },
  });
}

/** What is not given stays, but a secret goes nowhere that it was not given for. */
function wanted(
  name: string,
  fields: FieldValues<typeof notifierFields>,
  before: NotifierRecord | undefined,
): WantedNotifier {
  const type = fields.type ?? before?.type ?? '';
  if (type === '') {
    throw new CofferError('invalid_request', 'Field validation failed: missing field "type"');
  }
  const description = fields.description ?? before?.description ?? '';
  if (description.length > 1_000) throw new CofferError('invalid_request', 'description is too long');
  const options = boundedOptions(fields.options ?? (type === before?.type ? before.options : {}));
  const same = before !== undefined && before.type === type && sameOptions(before.options, options);
  const secret = fields.secret ?? (same ? before.secret : '');
  if (secret.length > 4_096) throw new CofferError('invalid_request', 'secret is too long');
  return {
    name,
    type,
    kinds: parseKinds(fields.kinds ?? before?.kinds ?? ['*']),
    description,
    options,
    secret,
  };
}

function boundedOptions(options: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const size = Object.entries(options).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (size > 32_768) throw new CofferError('invalid_request', 'options are too long');
  return { ...options };
}

function sameOptions(one: WantedNotifier['options'], other: WantedNotifier['options']): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}

function test(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'notifiers/:name/test',
    help: 'Sends a notice of the kind notifier.test now, and says whether it was accepted.',
    fields: {},
    operations: {
      update: {
        summary: 'Try a notifier out',
        sudo: true,
        spendsFirst: true,
        handle: async (call) => void (await rooms.notices.test(nameOf(call))),
      },
    },
  });
}

function deadLetters(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'notifiers/:name/dead-letters',
    help: 'Lists the notices that a notifier did not accept however often it was asked, the oldest first.',
    fields: pageFields,
    operations: {
      list: {
        summary: 'List notices that could not be told',
        sudo: true,
        response: { keys: { type: 'list' } },
        handle: async (call) => {
          const notifier = rooms.notices.notifiers.named(nameOf(call));
          if (notifier === undefined) return undefined;
          return listPage((page) => lettersOf(rooms).ids(notifier, page), call.fields);
        },
      },
    },
  });
}

function deadLetter(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'notifiers/:name/dead-letters/:id',
    help: 'Shows a notice that could not be told, puts it up again, or drops it.',
    fields: {},
    operations: {
      read: {
        summary: 'Show a notice that could not be told',
        sudo: true,
        response: letterSchema,
        handle: async (call): Promise<Reply | undefined> => {
          const notifier = rooms.notices.notifiers.named(nameOf(call));
          if (notifier === undefined) return undefined;
          const found = await lettersOf(rooms).read(notifier, call.params['id'] ?? '');
          if (found === undefined) return undefined;
          const { letter, failures, problem } = found;
          const { id, at, kind, subject, fields } = letter;
          const time = new Date(at).toISOString();
          return { data: { id, time, kind, subject, fields: { ...fields }, failures, problem } };
        },
      },
      update: {
        summary: 'Send a notice again',
        sudo: true,
        spendsFirst: true,
        handle: async (call) => {
          const notifier = existing(rooms, call);
          if (await lettersOf(rooms).resend(notifier, call.params['id'] ?? '')) return undefined;
          throw new CofferError('not_found', 'there is no such notice among the dead letters');
        },
      },
      delete: {
        summary: 'Drop a notice',
        sudo: true,
        spendsFirst: true,
        handle: async (call) =>
          void (await lettersOf(rooms).drop(existing(rooms, call), call.params['id'] ?? '')),
      },
    },
  });
}

function lettersOf({ store, clock, notices }: CoreRooms): DeadLetters {
  return new DeadLetters(store, clock, notices);
}

function existing(rooms: CoreRooms, call: CoreCall): ActiveNotifier {
  const found = rooms.notices.notifiers.named(nameOf(call));
  if (found === undefined) throw new CofferError('not_found', 'there is no such notifier');
  return found;
}

/** Throws `invalid_request`. */
function nameOf({ params }: Pick<CoreCall, 'params'>): string {
  const name = params['name'] ?? '';
  if (/^[a-z0-9][a-z0-9._-]{0,63}$/.test(name)) return name;
  throw new CofferError(
    'invalid_request',
    'a notifier’s name has up to 64 lower-case letters, digits, ".", "_" and "-"',
  );
}

async function shown(rooms: CoreRooms, notifier: ActiveNotifier): Promise<AnswerData> {
  const { name, record } = notifier;
  const [waiting, dead] = await Promise.all([
    rooms.notices.lane(notifier).count(mostCounted),
    lettersOf(rooms).count(notifier),
  ]);
  return {
    name,
    ...health(rooms, notifier),
    description: record?.description ?? '',
    options: { ...record?.options },
    has_secret: record !== undefined && record.secret !== '',
    waiting,
    dead_letters: dead,
  };
}

function health(rooms: CoreRooms, notifier: ActiveNotifier) {
  const { type, kinds, record } = notifier;
  const { state, problem } = rooms.notices.lane(notifier).health();
  return { type, kinds: [...kinds], configured: record === undefined, state, problem };
}
