/** The same as with the fake, on a real Keycloak. It takes a minute to start. */
import { randomBytes } from 'node:crypto';
import { afterAll, describe } from 'vitest';
import { keycloakRemedy, startKeycloak } from '../../../test/setup/keycloak.ts';
import { describeKeycloak, type Realm } from './keycloak.fixture.ts';

const server = await startKeycloak();

describe.skipIf(server === undefined)(
  server === undefined ? `Keycloak is missing: ${keycloakRemedy}` : 'a real server',
  () => {
    if (server === undefined) return;
    afterAll(() => server.close());

    describeKeycloak('a real Keycloak', async (): Promise<Realm> => {
      const realm = `apps-${randomBytes(3).toString('hex')}`;
      const { client, secret } = await server.makeRealm(realm);
      return { url: server.url, realm, options: { client_id: client }, secret, close: async () => {} };
    });
  },
);
