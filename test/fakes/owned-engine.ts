/** An engine that decides by itself: it answers who comes, and lets everybody in. */
import { endpoint } from '../../src/core/endpoint.ts';
import type { AuthMount, EngineType } from '../../src/engine/engine.ts';

export const owned: EngineType = {
  type: 'owned',
  summary: 'for tests',
  parseOptions: (options) => options,
  create: ({ authMounts }) => ({
    endpoints: [
      endpoint({
        pattern: 'who/:name',
        help: 'Answers who asks.',
        fields: {},
        foldsNames: true,
        operations: {
          read: {
            summary: 'Who',
            ownDecision: true,
            response: { '*': { type: 'any' } },
            handle: async ({ caller }) => {
              const { principal } = caller ?? {};
              const mount = principal === undefined ? undefined : authMounts?.of(principal.mount);
              return { data: { name: principal?.name ?? null, mount: shown(mount) } };
            },
          },
          update: { summary: 'Not so', handle: async () => undefined },
        },
      }),
      endpoint({
        pattern: 'mount/:name',
        help: 'Answers what is at a path.',
        fields: {},
        operations: {
          read: {
            summary: 'Which',
            ownDecision: true,
            response: { '*': { type: 'any' } },
            handle: async ({ params }) => ({
              data: { mount: shown(authMounts?.at(`${params['name'] ?? ''}/`)) },
            }),
          },
        },
      }),
    ],
  }),
};

function shown(mount: AuthMount | undefined) {
  return mount === undefined ? null : `${mount.type} at ${mount.path}`;
}
