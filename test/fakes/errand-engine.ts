/** An engine that has the server ask itself, as the entity of whoever asks it or as another. */
import { endpoint } from '../../src/core/endpoint.ts';
import type { EngineType } from '../../src/engine/engine.ts';

export const errands: EngineType = {
  type: 'errands',
  summary: 'for tests',
  parseOptions: (options) => options,
  create: ({ askAs }) => ({
    endpoints: [
      endpoint({
        pattern: 'do',
        help: 'Asks for something.',
        fields: {
          path: { type: 'string', help: 'What is asked.', required: true },
          operation: { type: 'string', help: 'read, update or delete.' },
          entity: { type: 'string', help: 'As whom; as the caller unless told.' },
          data: { type: 'object', help: 'What is sent.' },
        },
        operations: {
          update: {
            summary: 'Ask',
            response: { '*': { type: 'any' } },
            handle: async ({ caller, fields }) => {
              const operation =
                fields.operation === 'update' || fields.operation === 'delete' ? fields.operation : 'read';
              const as = fields.entity ?? caller?.entityId ?? '';
              const data = await askAs?.(as, operation, fields.path, fields.data ?? {});
              return { data: { answer: data ?? null } };
            },
          },
        },
      }),
      endpoint({
        pattern: 'groups',
        help: 'Answers the groups of whoever asks.',
        fields: {},
        operations: {
          read: {
            summary: 'Groups',
            response: { '*': { type: 'any' } },
            handle: async ({ caller }) => ({
              data: { names: (caller?.groups ?? []).map(({ name }) => name) },
            }),
          },
        },
      }),
    ],
  }),
};
