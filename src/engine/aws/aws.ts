/** The engine `aws`: credentials of AWS, made for whoever may ask by what roles say, and ended with their leases. */
import type { AwsPlaces } from '../../aws/aws-places.ts';
import { CofferError } from '../../errors.ts';
import type { Engine, EngineEnvironment, EngineType } from '../engine.ts';
import { intentDue } from '../user-intent.ts';
import { Clients, type OpenServices } from './clients.ts';
import { Credentials } from './creds-endpoint.ts';
import { leaseEndpoint } from './lease-config.ts';
import { roleEndpoints } from './role-endpoints.ts';
import { rootEndpoint } from './root-endpoint.ts';
import { RootRotation, rootDue } from './root-rotation.ts';
import { staticRoleDue } from './static-role.ts';
import { staticRoleEndpoints } from './static-role-endpoints.ts';
import { StaticRotation } from './static-rotation.ts';
import { Users } from './users.ts';

/**
 * @param places where mounts may have the server go at AWS
 * @param open in place of AWS's own services, in tests
 */
export function awsCredentials(places: AwsPlaces, open?: OpenServices): EngineType {
  return {
    type: 'aws',
    summary: 'credentials of AWS, made when asked for and ended in time',
    parseOptions(options) {
      const [name] = Object.keys(options);
      if (name === undefined) return {};
      throw new CofferError('invalid_request', `aws has no option "${name.slice(0, 60)}"`);
    },
    create: (environment) => createEngine(environment, new Clients(places, open)),
  };
}

function createEngine(environment: EngineEnvironment, clients: Clients): Engine {
  const users = new Users(environment, clients);
  const credentials = new Credentials(environment, clients, users);
  const rotation = new RootRotation(environment, clients);
  const fixed = new StaticRotation(environment, clients);
  return {
    endpoints: [
      rootEndpoint(clients),
      rotation.endpoint(),
      leaseEndpoint(),
      ...roleEndpoints(),
      ...credentials.endpoints(),
      ...staticRoleEndpoints(fixed),
    ],
    renew: ({ internal, increment, view }) => users.renew(internal, increment, view),
    // A session ends by itself, and nobody can end it sooner.
    revoke: async ({ internal, view }) => {
      if (internal['kind'] === 'user') await users.revoke(internal, view);
    },
    settle: (view) => users.intents.settleAll(view),
    close: () => clients.close(),
    async onDue(name, view) {
      if (name.startsWith(intentDue)) await users.intents.onDue(name, view);
      else if (name.startsWith(staticRoleDue)) await fixed.onDue(name.slice(staticRoleDue.length), view);
      else if (name === rootDue) await rotation.onDue(view);
    },
  };
}
