/** `sys/jobs`: long work that was asked for. A token sees its own jobs; with `sudo` on the path, everybody's. */
import { timestamp } from '../../clock.ts';
import { CofferError } from '../../errors.ts';
import { type CoreCall, coreEndpoint } from '../core-call.ts';
import type { Endpoint, Fields, ResponseSchema } from '../endpoint.ts';
import { gather, itemsAfter, pageFields } from '../list-page.ts';
import type { CoreRooms } from '../rooms.ts';
import type { JobRecord } from './record.ts';

const jobSchema = {
  id: { type: 'string' },
  type: { type: 'string' },
  subject: { type: 'string', help: 'What it works on.' },
  status: { type: 'string', help: '`running`, `done`, `failed` or `cancelled`.' },
  requested_by: { type: 'string' },
  creation_time: { type: 'string' },
  update_time: { type: 'string' },
  done: { type: 'int', help: 'How much is done, in units of the work itself.' },
  total: { type: 'int', nullable: true, help: 'Null while it is not known.' },
  failures: { type: 'int', help: 'Tries that failed in a row.' },
  problem: { type: 'string', nullable: true },
  result: { type: 'object', nullable: true, members: { '*': { type: 'any' } } },
} as const satisfies ResponseSchema;

/** Ids shown by one listing. */
const mostListed = 1_000;

export function jobEndpoints(rooms: CoreRooms): readonly Endpoint[] {
  return [listing(rooms), single(rooms)];
}

function listing(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'jobs',
    help: 'Long work under way, and what ended in the last seven days.',
    fields: pageFields,
    operations: {
      list: {
        summary: 'List jobs',
        response: {
          keys: { type: 'list' },
          key_info: { type: 'object', members: { '*': { type: 'object' } } },
        },
        handle: async (call) => {
          const all = itemsAfter((page) => rooms.jobs.list(page), { after: call.fields.after });
          const { items, ...rest } = await gather(shownOf(call, all), call.fields, mostListed);
          return {
            data: {
              keys: items.map((job) => job.id),
              key_info: Object.fromEntries(items.map((job) => [job.id, describe(job)])),
            },
            ...rest,
          };
        },
      },
    },
  });
}

async function* shownOf(call: CoreCall, jobs: AsyncIterable<JobRecord>): AsyncGenerator<JobRecord> {
  for await (const job of jobs) if (isShown(call, job)) yield job;
}

function single(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'jobs/:id',
    help: 'One job: how far it is, and what came of it. Deleting cancels it; what is done stays done.',
    fields: { id: { type: 'string', help: 'The job.' } },
    operations: {
      read: {
        summary: 'Show a job',
        response: jobSchema,
        handle: async (call) => {
          const job = await find(rooms, call);
          return job === undefined ? undefined : { data: describe(job) };
        },
      },
      delete: {
        summary: 'Cancel a job',
        spendsFirst: true,
        handle: async (call) => {
          const job = await find(rooms, call);
          if (job === undefined) throw new CofferError('not_found', 'there is no such job');
          await rooms.jobs.cancel(job.id);
          return undefined;
        },
      },
    },
  });
}

/** Somebody else's job is as good as none. */
async function find<F extends Fields>(rooms: CoreRooms, call: CoreCall<F>): Promise<JobRecord | undefined> {
  const record = (await rooms.jobs.read(call.params['id'] ?? ''))?.record;
  return record !== undefined && isShown(call, record) ? record : undefined;
}

function isShown<F extends Fields>(call: CoreCall<F>, job: JobRecord): boolean {
  if (job.requester !== null && job.requester === call.token?.record.id) return true;
  const operation = call.operation === 'list' ? 'list' : call.operation === 'delete' ? 'delete' : 'read';
  return call.acl?.decide({ path: call.path, operation, data: {}, sudo: true }).kind === 'allow';
}

function describe(job: JobRecord) {
  return {
    id: job.id,
    type: job.type,
    subject: job.subject,
    status: job.status,
    requested_by: job.requestedBy,
    creation_time: timestamp(job.createdAt),
    update_time: timestamp(job.updatedAt),
    done: job.done,
    total: job.total,
    failures: job.failures,
    problem: job.problem,
    result: job.result,
  };
}
