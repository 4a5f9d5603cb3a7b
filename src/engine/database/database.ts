/**
 * The database engine: users of databases, made for whoever asks and ended with their leases, and passwords of users that are
 * there already, changed now and then.
 */
import { CofferError } from '../../errors.ts';
import type { EngineEnvironment, EngineType } from '../engine.ts';
import { intentDue } from '../user-intent.ts';
import { configEndpoints } from './config-endpoints.ts';
import { Connections } from './connections.ts';
import { Users } from './creds-endpoint.ts';
import { databaseIntents } from './intent.ts';
import type { DatabasePlugin, SessionLimits } from './plugin.ts';
import { roleEndpoints } from './role-endpoints.ts';
import { RootRotation, rootDue } from './root-rotation.ts';
import { staticRoleDue } from './static-role.ts';
import { staticRoleEndpoints } from './static-role-endpoints.ts';
import { StaticRotation } from './static-rotation.ts';

/** The engine with its table of databases. */
export function database(plugins: readonly DatabasePlugin[], limits?: SessionLimits): EngineType {
  return {
    type: 'database',
    summary: 'users of databases, made when asked for and ended in time',
    plugins: plugins.flatMap(({ names }) => names),
    parseOptions(options) {
      const [name] = Object.keys(options);
      if (name === undefined) return {};
      throw new CofferError('invalid_request', `database has no option "${name.slice(0, 60)}"`);
    },
    create: (environment) => createEngine(environment, new Connections(environment, plugins, limits)),
  };
}

function createEngine(
  environment: EngineEnvironment,
  connections: Connections,
): ReturnType<EngineType['create']> {
  const intents = databaseIntents(environment, connections);
  const users = new Users(environment, connections, intents);
  const rotation = new StaticRotation(environment, connections);
  const root = new RootRotation(environment, connections);
  return {
    endpoints: [
      ...configEndpoints(environment, connections),
      ...roleEndpoints(),
      users.endpoint(),
      ...staticRoleEndpoints(connections, rotation),
      root.endpoint(),
    ],
    renew: (context) => users.renew(context),
    revoke: (context) => users.revoke(context),
    close: () => connections.close(),
    settle: (view) => intents.settleAll(view),
    async onDue(name, view) {
      if (name.startsWith(intentDue)) await intents.onDue(name, view);
      else if (name.startsWith(staticRoleDue)) await rotation.onDue(name.slice(staticRoleDue.length), view);
      else if (name.startsWith(rootDue)) await root.onDue(name.slice(rootDue.length), view);
    },
  };
}
