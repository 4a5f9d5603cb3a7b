/** An auth method that believes whatever name it is told. */
import { endpoint } from '../../src/core/endpoint.ts';
import type { AuthMethodType } from '../../src/engine/engine.ts';

export const aliasedType: AuthMethodType = {
  type: 'aliased',
  summary: 'for tests',
  create: () => ({
    endpoints: [
      endpoint({
        pattern: 'login',
        help: 'Logs in as whoever one says.',
        fields: {
          alias: { type: 'string', help: 'Who.' },
          about: { type: 'pairs', help: 'Metadata of the alias.' },
          said: { type: 'pairs', help: 'Metadata of the token.' },
          groups: { type: 'list', help: 'Names of groups.' },
          policies: { type: 'list', help: 'Policies of the token.' },
        },
        operations: {
          update: {
            summary: 'Log in',
            login: true,
            handle: async ({ fields: { alias = '', about, said = {}, groups, policies = [] } }) => ({
              login: {
                alias,
                displayName: `who-${alias.slice(0, 20)}`,
                policies,
                metadata: said,
                renewable: true,
                ...(about === undefined ? {} : { aliasMetadata: about }),
                ...(groups === undefined ? {} : { groupAliases: groups }),
              },
            }),
          },
        },
      }),
    ],
  }),
};
