/** Moves, copies, deletes and restores of a server: `sys/secrets/…`, done at once or as a job that is asked after. */
import type { Client } from '../client/client.ts';
import { ApiError } from '../client/wire-error.ts';
import { CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import { isUnknown } from './kv-find.ts';
import { dataOf, type Safe } from './safe.ts';
import type { JobStatus, MoveOrder, Mover } from './secret-safe.ts';

export function kvMover(safe: Safe): Mover {
  return {
    async start(order) {
      const data = await send(safe, order);
      const id = data['job_id'];
      if (typeof id !== 'string' || id === '') return { kind: 'done', result: data };
      return { kind: 'job', id, status: () => jobStatus(safe.client, id) };
    },
  };
}

async function send({ client, mount }: Safe, order: MoveOrder): Promise<JsonObject> {
  const { verb, recursive, dryRun } = order;
  const body = { ...what(mount, order), recursive, dry_run: dryRun };
  try {
    return dataOf((await client.request('POST', `sys/secrets/${verb}`, { body })).body);
  } catch (error) {
    if (!(error instanceof ApiError) || !isUnknown(error)) throw error;
    // Of a mount that is no kv the server knows more to say.
    const mine = `the server does not know how to ${verb} secrets`;
    const message = error.code === 'unsupported_operation' ? error.message : mine;
    throw new CofferError('unsupported_operation', message, { cause: error });
  }
}

function what(mount: string, { from, to, at, overwrite, forGood }: MoveOrder): JsonObject {
  if (to !== undefined) return { from: `${mount}/${from}`, to: `${mount}/${to}`, overwrite };
  if (at !== undefined) return { path: `${mount}/${from}`, at: new Date(at).toISOString() };
  return { path: `${mount}/${from}`, all: forGood };
}

async function jobStatus(client: Client, id: string): Promise<JobStatus> {
  const data = dataOf((await client.request('GET', `sys/jobs/${id}`)).body);
  const { status, done, total, problem, result } = data;
  if (status !== 'running' && status !== 'done' && status !== 'failed' && status !== 'cancelled') {
    throw new CofferError('unavailable', 'the server answered with something that is not a job');
  }
  return {
    status,
    done: typeof done === 'number' ? done : 0,
    total: typeof total === 'number' ? total : undefined,
    problem: typeof problem === 'string' && problem !== '' ? problem : undefined,
    result: isJsonObject(result) ? result : {},
  };
}
