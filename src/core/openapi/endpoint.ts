/** `sys/internal/specs/openapi`: the API described for programs, as far as the caller may know of it. */
import { type CoreCall, coreEndpoint } from '../core-call.ts';
import type { Endpoint, Fields, FieldValues, OperationSpec, Reply } from '../endpoint.ts';
import type { AnswerData } from '../request.ts';
import type { CoreRooms } from '../rooms.ts';
import { openApiDocument } from './document.ts';

const fields = {
  context: { type: 'string', help: 'Ends the name of every operation.' },
  generic_mount_paths: { type: 'bool', help: 'Shows a parameter in place of each mount’s path.' },
} as const satisfies Fields;

const everything = (): boolean => true;
const openToAll = (spec: OperationSpec): boolean => spec.login === true;

export function openApiEndpoints(rooms: CoreRooms): readonly Endpoint[] {
  const spec = {
    summary: 'The API as an OpenAPI document',
    login: true,
    useExempt: true,
    plain: true,
    response: {
      openapi: { type: 'string' },
      info: { type: 'object' },
      servers: { type: 'list', items: { url: { type: 'string' } } },
      security: { type: 'any' },
      paths: { type: 'object' },
      components: { type: 'object' },
    },
    handle: async (call: CoreCall<typeof fields>): Promise<Reply> => ({
      data: describe(rooms, call, call.fields),
    }),
  } as const;
  return [
    coreEndpoint({
      pattern: 'internal/specs/openapi',
      help: 'Describes the paths of the mounts that the caller may use; without a token what of sys/ needs none.',
      fields,
      operations: { read: spec, update: spec },
    }),
  ];
}

/** Names of mounts are not for everybody: without a token only what every server has is shown. */
function describe(rooms: CoreRooms, call: CoreCall, wish: FieldValues<typeof fields>): AnswerData {
  const { acl } = call;
  const mounts = rooms.mounts.table.mounts.filter(({ entry }) =>
    acl === undefined ? entry.path === 'sys/' : acl.reaches(entry.path),
  );
  return openApiDocument(mounts, {
    genericMountPaths: wish.generic_mount_paths ?? false,
    context: (wish.context ?? '').slice(0, 100),
    shown: acl === undefined ? openToAll : everything,
  });
}
