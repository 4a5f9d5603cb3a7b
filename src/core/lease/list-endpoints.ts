/** Lists of leases: by path, and the dead letters. */
import { CofferError } from '../../errors.ts';
import { type CoreCall, coreEndpoint } from '../core-call.ts';
import type { Endpoint, Fields, Reply, ResponseSchema } from '../endpoint.ts';
import { gather, itemsAfter, listPage, pageFields } from '../list-page.ts';
import { everyItem } from '../pages.ts';
import type { CoreRooms } from '../rooms.ts';
import { reachOf } from './reach.ts';
import type { LeaseRecord } from './record.ts';

const typeField = {
  type: { type: 'string', help: 'Only "irrevocable" is known.', required: true, query: true },
} as const satisfies Fields;

const countSchema = {
  lease_count: { type: 'int' },
  counts: { type: 'object', help: 'How many, by mount accessor.', members: { '*': { type: 'int' } } },
} as const satisfies ResponseSchema;

const givenUpSchema = {
  ...countSchema,
  leases: { type: 'list', items: { lease_id: { type: 'string' }, mount_accessor: { type: 'string' } } },
} as const satisfies ResponseSchema;

/** Dead letters that one answer shows where the caller sets no limit. */
const mostShown = 1_000;

export function leaseListEndpoints(rooms: CoreRooms): readonly Endpoint[] {
  return [byPath(rooms), givenUp(rooms), count(rooms), tidy()];
}

function byPath(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'leases/lookup/:prefix*',
    help: 'Lists leases below a path. Those that a mount had before it was moved are below its path of then.',
    fields: pageFields,
    operations: {
      list: {
        summary: 'List leases below a path',
        sudo: true,
        response: { keys: { type: 'list' } },
        handle: async (call) => {
          const prefix = call.params['prefix'] ?? '';
          const { warnings = [], ...found } = await listPage(
            (page) => rooms.leases.list(prefix, page),
            call.fields,
          );
          const all = [...warnings, ...(await earlier(rooms, prefix))];
          return all.length === 0 ? found : { ...found, warnings: all };
        },
      },
    },
  });
}

/** Where else to look for leases of what is at a path now. */
async function earlier(rooms: CoreRooms, prefix: string): Promise<readonly string[]> {
  if (prefix === '') return [];
  const [, ...former] = reachOf(prefix, rooms.mounts.table.mounts);
  const paths: string[] = [];
  for (const { prefix: path, mount } of former) {
    if (mount !== undefined && (await rooms.leases.mayBeBelow(path, mount))) paths.push(path);
  }
  if (paths.length === 0) return [];
  return [`a mount here was moved: leases made before are listed below ${paths.join(', ')}`];
}

/** The dead letters: what a person must look at. A force-revoke, or fixing the cause and revoking, takes one off the list. */
function givenUp(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'leases',
    help: 'Lists leases whose revocation failed so often that it is not tried any more.',
    fields: { ...typeField, ...pageFields },
    operations: {
      read: {
        summary: 'List leases that could not be revoked',
        sudo: true,
        response: givenUpSchema,
        handle: async (call): Promise<Reply> => {
          checkType(call);
          const all = itemsAfter((page) => rooms.leases.givenUp(page), call.fields);
          const { items, ...rest } = await gather(all, call.fields, mostShown);
          const accessors = new Accessors(rooms);
          const leases = [];
          for (const lease of items) {
            leases.push({ lease_id: lease.id, mount_accessor: await accessors.count(lease) });
          }
          return { data: { lease_count: items.length, counts: accessors.counts, leases }, ...rest };
        },
      },
    },
  });
}

function count(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'leases/count',
    help: 'Counts leases whose revocation failed so often that it is not tried any more.',
    fields: typeField,
    operations: {
      read: {
        summary: 'Count leases that could not be revoked',
        response: countSchema,
        handle: async (call): Promise<Reply> => {
          checkType(call);
          const accessors = new Accessors(rooms);
          let all = 0;
          for await (const lease of everyItem((page) => rooms.leases.givenUp(page))) {
            await accessors.count(lease);
            all += 1;
          }
          return { data: { lease_count: all, counts: accessors.counts } };
        },
      },
    },
  });
}

function checkType({ fields }: CoreCall<typeof typeField>): void {
  if (fields.type !== 'irrevocable') {
    throw new CofferError('invalid_request', 'type must be "irrevocable"');
  }
}

/** How many leases each mount has. Disabled mounts are known for as long as they have any. */
class Accessors {
  readonly counts: Record<string, number> = Object.create(null);
  readonly #rooms: CoreRooms;
  readonly #known = new Map<string, string>();

  constructor(rooms: CoreRooms) {
    this.#rooms = rooms;
  }

  /** Answers the mount's accessor. */
  async count({ mount }: LeaseRecord): Promise<string> {
    const accessor = this.#known.get(mount) ?? (await this.#rooms.mounts.find(mount))?.entry.accessor ?? '';
    this.#known.set(mount, accessor);
    this.counts[accessor] = (this.counts[accessor] ?? 0) + 1;
    return accessor;
  }
}

/** Older clients ask for it. A lease goes in one commit with all that points to it. */
function tidy(): Endpoint {
  return coreEndpoint({
    pattern: 'leases/tidy',
    help: 'Does nothing: a lease that has ended leaves nothing behind.',
    fields: {},
    operations: {
      update: {
        summary: 'Tidy up leases',
        handle: async () => ({
          status: 202,
          warnings: ['There is nothing to tidy up: a lease that has ended leaves nothing behind.'],
        }),
      },
    },
  });
}
