/** `sys/capabilities…`: what a token may do on which path, answered by the decision's own rules. */
import { CofferError } from '../../errors.ts';
import { type CoreCall, coreEndpoint } from '../core-call.ts';
import type { Endpoint, Fields, FieldValues, Reply } from '../endpoint.ts';
import { parseApiPath } from '../path.ts';
import type { Acl } from '../policy/acl.ts';
import type { AnswerData } from '../request.ts';
import type { CoreRooms } from '../rooms.ts';
import { liveByAccessor, liveByText } from './live.ts';
import { accessorField, tokenField } from './name-fields.ts';
import type { ReadToken } from './reader.ts';

const mostPaths = 1_000;

const pathsField = {
  paths: { type: 'list', help: 'Paths below /v1/.', aliases: ['path'] },
} as const satisfies Fields;

export function capabilityEndpoints(rooms: CoreRooms): readonly Endpoint[] {
  return [
    capabilities(
      'capabilities-self',
      'Lists what the token that asks may do on each path.',
      {},
      async (call) => call.acl,
    ),
    capabilities('capabilities', 'Lists what a token may do on each path.', tokenField, async (call) => {
      const text = String(call.fields['token']);
      const token = text === call.tokenText ? call.token : await liveByText(rooms, text);
      if (token === undefined) throw new CofferError('invalid_request', 'invalid token');
      return aclOf(rooms, token);
    }),
    capabilities(
      'capabilities-accessor',
      'Lists what the token with an accessor may do on each path.',
      accessorField,
      async (call) => aclOf(rooms, await liveByAccessor(rooms, String(call.fields['accessor']))),
    ),
  ];
}

function capabilities(
  pattern: string,
  help: string,
  fields: Fields,
  aclFor: (call: CoreCall) => Promise<Acl | undefined>,
): Endpoint {
  return coreEndpoint({
    pattern,
    help,
    fields: { ...fields, ...pathsField },
    operations: {
      update: {
        summary: 'What may be done on paths',
        repeatData: true,
        response: { '*': { type: 'list' } },
        handle: async (call) => {
          const { paths } = call.fields as FieldValues<typeof pathsField>;
          return answer(checked(paths), await aclFor(call));
        },
      },
    },
  });
}

/** What the policies of the token and of its entity say now, as the road has them compiled for its requests. */
function aclOf(rooms: CoreRooms, token: ReadToken): Promise<Acl> {
  return rooms.policies.aclOf(token, rooms.epoch().policies);
}

function checked(paths: readonly string[] | undefined): readonly string[] {
  if (paths === undefined || paths.length === 0) {
    throw new CofferError('invalid_request', 'paths must be supplied');
  }
  if (paths.length > mostPaths) {
    throw new CofferError('invalid_request', `at most ${mostPaths} paths can be asked at once`);
  }
  return paths;
}

function answer(paths: readonly string[], acl: Acl | undefined): Reply {
  const data: Record<string, AnswerData[string]> = Object.create(null);
  for (const path of paths) {
    data[path] = acl?.capabilities(parseApiPath(path.replace(/^\//, ''))) ?? ['deny'];
  }
  const [only] = paths;
  if (paths.length === 1 && only !== undefined) data['capabilities'] = data[only] ?? ['deny'];
  return { data };
}
