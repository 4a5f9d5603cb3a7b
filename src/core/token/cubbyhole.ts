/** `cubbyhole/`: a place of each token's own, which dies with it. Nobody else can read it, root neither. */

import type { Engine } from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';
import { type CoreCall, coreEndpoint } from '../core-call.ts';
import type { Reply } from '../endpoint.ts';
import { allItems } from '../pages.ts';
import { RawJson } from '../request.ts';
import type { CoreRooms } from '../rooms.ts';
import { parseStored } from '../stored-json.ts';
import type { TokenId } from './record.ts';

/** Values are JSON objects; one is a record, so it has its size. */
const longestValue = 250 * 1024;

/** A wrapping token reads what is wrapped under this name, as older clients do. */
const wrappedName = 'response';

export function cubbyholeEngine(rooms: CoreRooms): Engine {
  return {
    endpoints: [
      coreEndpoint({
        pattern: ':path*',
        help: 'Reads, writes, deletes and lists what this token alone can see.',
        fields: {},
        openFields: true,
        exists: async (call) => (await call.view.read(ownPath(call))) !== undefined,
        operations: {
          read: {
            summary: 'Read',
            response: { '*': { type: 'any', sensitive: true } },
            handle: (call) => read(rooms, call),
          },
          list: { summary: 'List', response: { keys: { type: 'list' } }, handle: list },
          update: { summary: 'Write', handle: write },
          delete: { summary: 'Delete', handle: remove },
        },
      }),
    ],
  };
}

/** Where a token's records lie in the view of the mount. */
export function cubbyholeFolder(token: TokenId): string {
  return `${token}/`;
}

function ownFolder(call: CoreCall): string {
  if (call.token === undefined) throw new CofferError('permission_denied', 'permission denied');
  if (call.token.record.type === 'batch') {
    throw new CofferError(
      'invalid_request',
      'cubbyhole operations are only supported by "service" type tokens',
    );
  }
  return cubbyholeFolder(call.token.record.id);
}

function ownPath(call: CoreCall): string {
  const path = call.params['path'] ?? '';
  if (path === '' || path.endsWith('/')) throw new CofferError('invalid_request', 'a name is needed');
  return ownFolder(call) + path;
}

async function read(rooms: CoreRooms, call: CoreCall): Promise<Reply | undefined> {
  const wrapped = call.token === undefined ? undefined : rooms.wrappings.wrappedBy(call.token);
  if (wrapped !== undefined && call.params['path'] === wrappedName) {
    return {
      data: { [wrappedName]: await rooms.wrappings.text(wrapped) },
      warnings: ["Reading from 'cubbyhole/response' is deprecated. Please use sys/wrapping/unwrap instead."],
    };
  }
  const record = await call.view.read(ownPath(call));
  if (record === undefined) return undefined;
  const members = parseStored<Record<string, string>>(record.open());
  return {
    data: Object.fromEntries(Object.entries(members).map(([name, text]) => [name, new RawJson(text)])),
  };
}

/** Each member is kept as the text it had, so that it comes back as it was sent. */
async function write(call: CoreCall): Promise<undefined> {
  const entries = Object.entries(call.data);
  if (entries.length === 0) throw new CofferError('invalid_request', 'missing data fields');
  const members = Object.fromEntries(entries.map(([name, value]) => [name, JSON.stringify(value)]));
  const value = Buffer.from(JSON.stringify(members));
  if (value.length > longestValue) {
    throw new CofferError('payload_too_large', `a cubbyhole’s value has at most ${longestValue} bytes`);
  }
  await call.view.commit([{ path: ownPath(call), value }]);
  return undefined;
}

async function remove(call: CoreCall): Promise<undefined> {
  await call.view.commit([{ path: ownPath(call), value: null }]);
  return undefined;
}

async function list(call: CoreCall): Promise<Reply> {
  const folder = ownFolder(call) + (call.params['path'] ?? '');
  return { data: { keys: await allItems((page) => call.view.children(folder, page)) } };
}
