/** `sys/storage/snapshot` and `sys/backup/status`. */
import { timestamp } from '../../clock.ts';
import { coreEndpoint } from '../core-call.ts';
import type { Endpoint } from '../endpoint.ts';
import type { AnswerData } from '../request.ts';
import type { CoreRooms } from '../rooms.ts';
import type { Backups } from './backups.ts';
import { type DrillState, readDrill } from './drill-state.ts';
import { readRestored } from './restored.ts';
import { readSchedule, type ScheduleState } from './schedule-state.ts';

/** `backups`: asked for when used, because the rooms are still being made. */
export function backupEndpoints(rooms: CoreRooms, backups: () => Backups): readonly Endpoint[] {
  return [snapshot(backups), status(rooms)];
}

function snapshot(backups: () => Backups): Endpoint {
  return coreEndpoint({
    pattern: 'storage/snapshot',
    help: 'Answers a backup of the whole store as of now, as a stream of bytes: records as they are sealed.',
    fields: {},
    operations: {
      read: {
        summary: 'Take a backup',
        sudo: true,
        streams: true,
        handle: async () => {
          const body = await backups().begin('request');
          return { stream: { contentType: 'application/octet-stream', body }, undo: () => body.close() };
        },
      },
    },
  });
}

function status(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'backup/status',
    help: 'Tells how the scheduled backups are doing, and whether the store came out of a backup itself.',
    fields: {},
    operations: {
      read: {
        summary: 'Status of scheduled backups',
        sudo: true,
        response: {
          scheduled: { type: 'bool' },
          directory: { type: 'string', optional: true },
          every: { type: 'int', optional: true, help: 'Seconds.' },
          keep: { type: 'int', optional: true },
          running: { type: 'bool', optional: true },
          next: { type: 'string', optional: true },
          last: {
            type: 'object',
            nullable: true,
            optional: true,
            members: {
              name: { type: 'string' },
              directory: { type: 'string' },
              time: { type: 'string' },
              bytes: { type: 'int' },
              records: { type: 'int' },
            },
          },
          failures: { type: 'int', optional: true, help: 'Failed attempts since the last backup.' },
          failure: {
            type: 'object',
            nullable: true,
            optional: true,
            members: { time: { type: 'string' }, reason: { type: 'string' } },
          },
          drill: {
            type: 'object',
            nullable: true,
            help: 'The last restore drill.',
            members: {
              time: { type: 'string' },
              passed: { type: 'bool' },
              name: { type: 'string', help: 'The backup; empty where none was found.' },
              backup_time: { type: 'string', nullable: true },
              records: { type: 'int' },
              reason: { type: 'string' },
            },
          },
          restored: {
            type: 'object',
            nullable: true,
            members: {
              backup_id: { type: 'string' },
              backup_time: { type: 'string' },
              time: { type: 'string' },
              kept_tokens: { type: 'bool' },
            },
          },
        },
        handle: async () => {
          const { state } = await readSchedule(rooms.store);
          const drill = shownDrill(await readDrill(rooms.store));
          return { data: { ...shownSchedule(state), drill, restored: await shownRestore(rooms) } };
        },
      },
    },
  });
}

function shownSchedule(state: ScheduleState | undefined): AnswerData {
  if (state === undefined) return { scheduled: false };
  const { last, failure } = state;
  return {
    scheduled: true,
    directory: state.directory,
    every: Math.round(state.every / 1_000),
    keep: state.keep,
    running: state.running,
    next: timestamp(Math.max(state.triedAt, last?.at ?? 0) + state.every),
    last: last && {
      name: last.name,
      directory: last.directory,
      time: timestamp(last.at),
      bytes: last.bytes,
      records: last.records,
    },
    failures: state.failures,
    failure: failure && { time: timestamp(failure.at), reason: failure.reason },
  };
}

function shownDrill(state: DrillState | undefined): AnswerData | null {
  if (state === undefined) return null;
  const { at, passed, name, of, records, reason } = state;
  const backupTime = of === null ? null : timestamp(of);
  return { time: timestamp(at), passed, name, backup_time: backupTime, records, reason };
}

async function shownRestore(rooms: CoreRooms): Promise<AnswerData | null> {
  const mark = await readRestored(rooms.store);
  if (mark === undefined) return null;
  return {
    backup_id: mark.backupId,
    backup_time: timestamp(mark.backupCreatedAt),
    time: timestamp(mark.restoredAt),
    kept_tokens: mark.keptTokens,
  };
}
