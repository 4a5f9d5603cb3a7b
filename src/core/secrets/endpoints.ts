/**
 * `sys/secrets`: finding, moving, copying, deleting and restoring secrets by their whole paths. A rule for these endpoints lets
 * a token ask; what it gets is decided a secret at a time.
 */
import { CofferError } from '../../errors.ts';
import { type CoreCall, coreEndpoint } from '../core-call.ts';
import type { Endpoint, Fields, FieldValues, Reply, ResponseSchema } from '../endpoint.ts';
import { retryOnConflict } from '../retry.ts';
import type { CoreRooms } from '../rooms.ts';
import { type Address, denied, fullName, parseAddress } from './address.ts';
import { askedBy, callerOf } from './caller.ts';
import { prepareChange, refuse, type Turn } from './change.ts';
import { type Cursors, findSecrets, mostFound } from './find.ts';
import { firstState, jobType } from './jobs.ts';
import { parseNamePattern } from './name-pattern.ts';
import { mayList } from './rights.ts';
import { nothingYet, resultOf, spotOf, type Task } from './task.ts';
import { parsePastTime } from './time.ts';

/** What came of it: for one secret at once, for a subtree in the job's result. */
function outcome(changed: 'moved' | 'copied' | 'deleted' | 'restored'): ResponseSchema {
  return {
    [changed]: { type: 'int', optional: true, help: 'Secrets.' },
    unchanged: { type: 'int', optional: true, help: 'Secrets that were that way already.' },
    skipped: { type: 'int', optional: true, help: 'Secrets that were left as they are.' },
    skipped_paths: {
      type: 'list',
      optional: true,
      help: 'The first 50 of them.',
      items: { path: { type: 'string' }, reason: { type: 'string' } },
    },
    dry_run: { type: 'bool', optional: true },
    job_id: {
      type: 'string',
      optional: true,
      help: 'Of a subtree: the job, at `sys/jobs/:id`, and nothing else.',
    },
  };
}

const common = {
  recursive: { type: 'bool', help: 'All below the folder, as a job.' },
  dry_run: { type: 'bool', help: 'Say what would be done, and do nothing.' },
} as const satisfies Fields;

const transferFields = {
  from: { type: 'string', required: true, help: 'Path of a secret or a folder, mount included.' },
  to: { type: 'string', required: true, help: 'Its new path.' },
  overwrite: { type: 'bool', help: 'Replace what is there, with all its versions.' },
  ...common,
} as const satisfies Fields;

const path = {
  type: 'string',
  required: true,
  help: 'Path of a secret or a folder, mount included.',
} as const;

export function secretEndpoints(rooms: CoreRooms, cursors: Cursors): readonly Endpoint[] {
  return [
    finding(rooms, cursors),
    transfer(rooms, 'move', 'Move a secret or a subtree with all versions'),
    transfer(rooms, 'copy', 'Copy a secret or a subtree with all versions'),
    deleting(rooms),
    restoring(rooms),
  ];
}

function finding(rooms: CoreRooms, cursors: Cursors): Endpoint {
  const fields = {
    path: { type: 'string', required: true, help: 'Folder to look in, mount included.' },
    name: {
      type: 'string',
      help: 'A part of the name, or a pattern with * and ?. With a / it is of the path.',
    },
    after: { type: 'string', help: 'What the page before gave as next.' },
    limit: { type: 'int', help: `Most paths to answer, 1 to ${mostFound}.` },
  } as const satisfies Fields;
  const spec = {
    summary: 'Find secrets by name',
    response: {
      keys: { type: 'list', help: 'Whole paths.' },
      next: { type: 'string', optional: true, help: 'There is more to look at: send it as after.' },
    },
    handle: async (call: CoreCall<typeof fields>): Promise<Reply> => {
      const { name = '', after, limit = 0 } = call.fields;
      const { acl } = callerOf(call);
      const at = folderAt(rooms, call, call.fields.path);
      const pattern = parseNamePattern(name);
      const view = rooms.view(at.mount.entry.uuid);
      const most = limit > 0 ? Math.min(mostFound, limit) : mostFound;
      const found = await findSecrets({ at, view, acl, folder: at.name }, pattern, after, most, cursors);
      return { data: { keys: found.keys, ...(found.next === undefined ? {} : { next: found.next }) } };
    },
  } as const;
  return coreEndpoint({
    pattern: 'secrets/find',
    help: 'Finds secrets by name below a folder. Shows what the caller may list and no rule denies.',
    fields,
    operations: { read: spec, update: spec },
  });
}

/** A folder whose names the caller may see. Throws `permission_denied` for others, whether there is anything or not. */
function folderAt(rooms: CoreRooms, call: CoreCall, text: string): Address {
  const { acl } = callerOf(call);
  const at = parseAddress(text, true, rooms.mounts.table, acl);
  if (!mayList(acl, at, at.name)) throw denied();
  return at;
}

function transfer(rooms: CoreRooms, verb: 'move' | 'copy', summary: string): Endpoint {
  return coreEndpoint({
    pattern: `secrets/${verb}`,
    help: `${summary}, within a mount or to another one. Every secret is decided by its old and its new path.`,
    fields: transferFields,
    operations: {
      update: {
        summary,
        spendsFirst: true,
        response: outcome(verb === 'move' ? 'moved' : 'copied'),
        handle: (call) => handleTransfer(rooms, verb, call),
      },
    },
  });
}

function handleTransfer(
  rooms: CoreRooms,
  verb: 'move' | 'copy',
  call: CoreCall<typeof transferFields>,
): Promise<Reply> {
  const { from, to, overwrite = false, recursive = false } = call.fields;
  const { acl } = callerOf(call);
  const source = recursive ? folderAt(rooms, call, from) : parseAddress(from, false, rooms.mounts.table, acl);
  const target = parseAddress(to, recursive, rooms.mounts.table, acl);
  if (source.mount === target.mount) refuseNesting(source, target, recursive);
  return carryOut(rooms, call, { verb, overwrite, at: 0 }, source, target);
}

/** What is moved into itself would never end, or end as something else than was asked. */
function refuseNesting(source: Address, target: Address, folders: boolean): void {
  if (source.name === target.name) {
    throw new CofferError('invalid_request', `${fullName(source, source.name)} is both source and target`);
  }
  if (folders && (source.name.startsWith(target.name) || target.name.startsWith(source.name))) {
    throw new CofferError('invalid_request', 'one of the two folders lies in the other');
  }
}

function deleting(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'secrets/delete',
    help: 'Deletes a secret or a subtree: the current versions, which can be restored, or all of it for good.',
    fields: { path, all: { type: 'bool', help: 'All versions and the names, for good.' }, ...common },
    operations: {
      update: {
        summary: 'Delete a secret or a subtree',
        spendsFirst: true,
        response: outcome('deleted'),
        handle: async (call) => {
          const verb = call.fields.all === true ? 'remove' : 'delete';
          return carryOut(rooms, call, { verb, overwrite: false, at: 0 }, sourceOf(rooms, call, call.fields));
        },
      },
    },
  });
}

function restoring(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'secrets/restore',
    help: 'Brings a secret or a subtree back to its values of an earlier time, each as a new version.',
    fields: {
      path,
      at: { type: 'string', required: true, help: 'A time (RFC 3339), or seconds since 1970.' },
      ...common,
    },
    operations: {
      update: {
        summary: 'Restore a secret or a subtree as of a time',
        spendsFirst: true,
        response: outcome('restored'),
        handle: async (call) => {
          const at = parsePastTime(call.fields.at.trim(), rooms.clock.now());
          const source = sourceOf(rooms, call, call.fields);
          return carryOut(rooms, call, { verb: 'restore', overwrite: false, at }, source);
        },
      },
    },
  });
}

function sourceOf(
  rooms: CoreRooms,
  call: CoreCall,
  fields: { readonly path: string; readonly recursive: boolean | undefined },
): Address {
  if (fields.recursive === true) return folderAt(rooms, call, fields.path);
  return parseAddress(fields.path, false, rooms.mounts.table, callerOf(call).acl);
}

async function carryOut(
  rooms: CoreRooms,
  call: CoreCall & { readonly fields: FieldValues<typeof common> },
  wish: Pick<Task, 'verb' | 'overwrite' | 'at'>,
  from: Address,
  to?: Address,
): Promise<Reply> {
  const dryRun = call.fields.dry_run === true;
  const task: Task = { ...wish, dryRun, from: spotOf(from), to: to === undefined ? null : spotOf(to) };
  if (call.fields.recursive !== true) return { data: await doOne(rooms, call, task, from, to) };
  const target = to === undefined ? '' : ` to ${fullName(to, to.name)}`;
  return {
    job: {
      type: jobType(task.verb),
      state: firstState(task, askedBy(call)),
      subject: `${fullName(from, from.name)}${target}${dryRun ? ' (dry run)' : ''}`,
    },
  };
}

/** One secret at once; what changes meanwhile is read again. */
async function doOne(rooms: CoreRooms, call: CoreCall, task: Task, from: Address, to: Address | undefined) {
  const turn: Turn = { rooms, task, caller: callerOf(call), from, to, job: undefined, fence: [] };
  const outcome = await retryOnConflict(async () => {
    const prepared = await prepareChange(turn);
    if (prepared.kind === 'change' && !task.dryRun) {
      await rooms.store.commit(prepared.prepared.writes, prepared.prepared.expectations);
    }
    return prepared;
  });
  if (outcome.kind === 'skip') throw refuse(turn, outcome.reason);
  const tally = { ...nothingYet, [outcome.kind === 'change' ? 'changed' : 'unchanged']: 1 };
  return resultOf(task, tally);
}
