/** `sys/policies/…` and the older `sys/policy`. */
import { CofferError } from '../../errors.ts';
import { type CoreCall, coreEndpoint } from '../core-call.ts';
import type { Endpoint, Fields, FieldValues, Reply, ResponseSchema } from '../endpoint.ts';
import { listPage, pageFields } from '../list-page.ts';
import type { CoreRooms } from '../rooms.ts';
import { explainEndpoint } from './explain-endpoint.ts';
import { isDeletable, isReserved, parsePolicyName } from './name.ts';
import { resultantEndpoint } from './resultant-endpoint.ts';
import { testEndpoint } from './test-endpoint.ts';
import { whoCanEndpoint } from './who-can-endpoint.ts';

const writeFields = {
  policy: { type: 'any', help: 'The policy as HCL or JSON text, or as a JSON object.' },
  rules: { type: 'any', help: 'Older name of "policy".' },
} as const satisfies Fields;

const keysSchema = { keys: { type: 'list' } } as const satisfies ResponseSchema;
const bothSchema = { ...keysSchema, policies: { type: 'list' } } as const satisfies ResponseSchema;

export function policyEndpoints(rooms: CoreRooms): readonly Endpoint[] {
  return [
    ...listing(rooms),
    one(rooms, 'policies/acl/:name*', 'policy'),
    one(rooms, 'policy/:name*', 'rules'),
    explainEndpoint(rooms),
    testEndpoint(rooms),
    whoCanEndpoint(rooms),
    resultantEndpoint(rooms),
  ];
}

function listing(rooms: CoreRooms): readonly Endpoint[] {
  const list = (pattern: string, both: boolean) => {
    const spec = {
      summary: 'List policies',
      repeatData: both,
      response: both ? bothSchema : keysSchema,
      handle: async (call: CoreCall<typeof pageFields>): Promise<Reply> => {
        const reply = await listPage((page) => rooms.policies.list(page), call.fields);
        return both ? { ...reply, data: { ...reply.data, policies: reply.data?.['keys'] ?? [] } } : reply;
      },
    } as const;
    return coreEndpoint({
      pattern,
      help: 'Lists the names of all policies.',
      fields: pageFields,
      operations: { read: spec, list: spec },
    });
  };
  return [list('policies/acl', false), list('policy', true)];
}

function one(rooms: CoreRooms, pattern: string, member: 'policy' | 'rules'): Endpoint {
  const name = (call: CoreCall) => parsePolicyName(call.params['name'] ?? '');
  const repeatData = member === 'rules';
  return coreEndpoint({
    pattern,
    help: 'Shows, writes or deletes a policy.',
    foldsNames: true,
    fields: writeFields,
    operations: {
      read: {
        summary: 'Show a policy',
        repeatData,
        response: { name: { type: 'string' }, [member]: { type: 'string' } },
        handle: async (call) => {
          const stored = await rooms.policies.read(name(call as CoreCall));
          return stored === undefined ? undefined : { data: { name: stored.name, [member]: stored.text } };
        },
      },
      update: {
        summary: 'Write a policy',
        spendsFirst: true,
        handle: (call) => write(rooms, call.params['name'] ?? '', call.fields),
      },
      delete: {
        summary: 'Delete a policy',
        spendsFirst: true,
        handle: async (call) => {
          const chosen = name(call as CoreCall);
          if (!isDeletable(chosen)) {
            throw new CofferError('invalid_request', `cannot delete "${chosen}" policy`);
          }
          await rooms.policies.delete(chosen);
        },
      },
    },
  });
}

async function write(
  rooms: CoreRooms,
  given: string,
  fields: FieldValues<typeof writeFields>,
): Promise<Reply | undefined> {
  const name = parsePolicyName(given);
  if (isReserved(name)) {
    throw new CofferError('invalid_request', `cannot update "${name}" policy`);
  }
  const body = fields.policy ?? fields.rules;
  const text = typeof body === 'object' && body !== null ? JSON.stringify(body) : body;
  if (typeof text !== 'string' || text === '') {
    throw new CofferError('invalid_request', "'policy' parameter not supplied or empty");
  }
  await rooms.policies.write(name, text);
  const warnings = [
    ...(name === given ? [] : ['policy names are lower case: stored as the lower-case name']),
    ...(fields.policy === undefined ? ['"rules" is an older name: use "policy"'] : []),
  ];
  return warnings.length === 0 ? undefined : { warnings };
}
