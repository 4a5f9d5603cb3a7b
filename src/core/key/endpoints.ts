/** `sys/rotate` and `sys/key-status`. */
import { timestamp } from '../../clock.ts';
import type { CoreCall } from '../core-call.ts';
import { coreEndpoint } from '../core-call.ts';
import type { Endpoint, Fields, ResponseSchema } from '../endpoint.ts';
import type { CoreRooms } from '../rooms.ts';
import { resealJob } from './reseal-job.ts';
import { operationBounds, readRotationConfig, writeRotationConfig } from './rotation-config.ts';

const statusSchema = {
  term: { type: 'int', help: 'The term that seals.' },
  install_time: { type: 'string' },
  encryptions: { type: 'int', help: 'Seals reserved under it: never fewer than were done.' },
  older_terms: { type: 'ints', help: 'Terms under which something is still sealed.' },
} as const satisfies ResponseSchema;

const configFields = {
  enabled: { type: 'bool', help: 'Whether the keyring rotates by itself.' },
  interval: { type: 'duration', help: 'How long a term seals; 0 for no limit, else 24 hours or more.' },
  max_operations: {
    type: 'int',
    help: `Seals of a term, ${operationBounds.least} to ${operationBounds.most}.`,
  },
} as const satisfies Fields;

const configSchema = {
  enabled: { type: 'bool' },
  interval: { type: 'int', help: 'Seconds.' },
  max_operations: { type: 'int' },
} as const satisfies ResponseSchema;

export function keyEndpoints(rooms: CoreRooms): readonly Endpoint[] {
  return [
    rotate(rooms, 'rotate'),
    rotate(rooms, 'rotate/keyring'),
    reseal(rooms),
    config(rooms),
    coreEndpoint({
      pattern: 'key-status',
      help: 'The term of the keyring that seals, since when, and how often it did.',
      fields: {},
      operations: {
        read: {
          summary: 'Show the term that seals',
          repeatData: true,
          response: statusSchema,
          handle: async () => {
            const { id, installedAt, seals, older } = await rooms.rotation.status();
            return {
              data: {
                term: id,
                install_time: timestamp(installedAt),
                encryptions: seals,
                older_terms: [...older],
              },
            };
          },
        },
      },
    }),
  ];
}

function rotate(rooms: CoreRooms, pattern: string): Endpoint {
  return coreEndpoint({
    pattern,
    help: 'Adds a term to the keyring: what is written from now on is sealed under it. Older records are sealed anew by a job.',
    fields: {},
    operations: {
      update: {
        summary: 'Rotate the encryption key',
        sudo: true,
        spendsFirst: true,
        handle: async (call) => {
          await rooms.rotation.rotate(requesterOf(call));
          return { afterwards: async () => rooms.workOnJobs() };
        },
      },
    },
  });
}

function reseal(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'rotate/reseal',
    help: 'Begins the job that seals older records anew, where the one after a rotation was cancelled or met damage.',
    fields: {},
    operations: {
      update: {
        summary: 'Seal older records anew',
        sudo: true,
        response: { job_id: { type: 'string' } },
        handle: async () => ({ data: {}, job: resealJob((await rooms.rotation.status()).id) }),
      },
    },
  });
}

function config(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'rotate/config',
    help: 'When the keyring rotates by itself.',
    fields: configFields,
    operations: {
      read: {
        summary: 'Show when the keyring rotates by itself',
        response: configSchema,
        handle: async () => {
          const { enabled, interval, maxOperations } = await readRotationConfig(rooms.store);
          return { data: { enabled, interval, max_operations: maxOperations } };
        },
      },
      update: {
        summary: 'Say when the keyring rotates by itself',
        sudo: true,
        spendsFirst: true,
        handle: async (call) => {
          const before = await readRotationConfig(rooms.store);
          await writeRotationConfig(rooms.store, {
            enabled: call.fields.enabled ?? before.enabled,
            interval: call.fields.interval ?? before.interval,
            maxOperations: call.fields.max_operations ?? before.maxOperations,
          });
          return undefined;
        },
      },
    },
  });
}

function requesterOf(call: CoreCall) {
  return { token: call.token?.record.id ?? null, displayName: call.caller?.displayName ?? '' };
}
