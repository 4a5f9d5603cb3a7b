/** `sys/policies/who-can`: who may do a thing. */
import { CofferError } from '../../errors.ts';
import { coreEndpoint } from '../core-call.ts';
import type { Endpoint, Fields, ResponseSchema } from '../endpoint.ts';
import type { CoreRooms } from '../rooms.ts';
import { parametersField, parseQuestion, questionFields } from './question.ts';
import { type Section, sections, whoCan } from './who-can.ts';

const whoCanFields = {
  ...questionFields,
  ...parametersField,
  include: { type: 'list', help: `Any of ${sections.join(', ')}; all of them unless told.` },
  limit: { type: 'int', help: 'How many to look at for one answer, at most 1000; 500 unless told.' },
  after: { type: 'string', help: 'The `next` of the answer before.' },
} as const satisfies Fields;

const way = {
  rule: { type: 'string', help: 'Pattern of the rule that allows it.' },
  needs_approval: { type: 'bool', help: 'Others must approve of it each time.' },
} as const satisfies ResponseSchema;

const whoCanSchema = {
  policies: {
    type: 'list',
    help: 'Policies that allow it by themselves.',
    items: { name: { type: 'string' }, ...way },
  },
  roles: {
    type: 'list',
    help: 'Roles and users of auth methods whose logins may.',
    items: {
      mount: { type: 'string' },
      type: { type: 'string' },
      name: { type: 'string' },
      policies: { type: 'list' },
      ...way,
    },
  },
  tokens: {
    type: 'list',
    help: 'Tokens that may, by their accessors.',
    items: {
      accessor: { type: 'string' },
      display_name: { type: 'string' },
      policies: { type: 'list' },
      ...way,
    },
  },
  next: { type: 'string', nullable: true, help: 'Where the next answer goes on; null at the end.' },
} as const satisfies ResponseSchema;

const mostAtOnce = 1_000;

export function whoCanEndpoint(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'policies/who-can',
    help: 'Finds policies, roles, users and tokens that may do a thing. Networks and uses of tokens are not looked at.',
    fields: whoCanFields,
    operations: {
      update: {
        summary: 'Find who may do a thing',
        sudo: true,
        response: whoCanSchema,
        handle: async ({ fields }) => {
          const most = fields.limit ?? 500;
          if (most < 1 || most > mostAtOnce) {
            throw new CofferError('invalid_request', `limit is 1 to ${mostAtOnce}`);
          }
          const question = parseQuestion(fields.path, fields.operation, fields.parameters);
          const include = (fields.include ?? sections).map(parseSection);
          return { data: { ...(await whoCan(rooms, question, { include, most, after: fields.after })) } };
        },
      },
    },
  });
}

function parseSection(text: string): Section {
  const section = sections.find((known) => known === text);
  if (section !== undefined) return section;
  throw new CofferError('invalid_request', `include has only ${sections.join(', ')}`);
}
