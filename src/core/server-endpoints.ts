/** What `sys/` says and sets of the server itself. */
import { withoutTokens } from './audit-lines.ts';
import type { Core } from './core.ts';
import type { CoreOptions } from './core-options.ts';
import type { Endpoint } from './endpoint.ts';
import { configurationEndpoints } from './server/configuration-endpoints.ts';
import { counterEndpoints } from './server/counter-endpoints.ts';
import { inFlightEndpoint } from './server/in-flight.ts';
import { loggersEndpoints } from './server/loggers-endpoint.ts';
import { monitorEndpoint } from './server/monitor.ts';
import { nodesEndpoint, stepDownEndpoint } from './server/nodes-endpoint.ts';
import { pluginEndpoints } from './server/plugin-endpoints.ts';
import { refusedEndpoints } from './server/refused-endpoints.ts';
import { settingsEndpoints } from './server/settings-endpoints.ts';
import { toolEndpoints } from './server/tool-endpoints.ts';
import { versionEndpoints } from './server/version-endpoints.ts';
import { authenticate } from './token/authenticate.ts';

export function serverEndpoints(core: Core, options: CoreOptions): readonly Endpoint[] {
  const { surroundings, clock } = core;
  const { engines, authMethods } = options.types;
  return [
    ...settingsEndpoints(() => core.settings),
    ...configurationEndpoints(surroundings),
    ...loggersEndpoints(surroundings.logs),
    monitorEndpoint(surroundings.monitors, async ({ tokenText, remoteAddress }) => {
      const { epoch, token } = await core.tokenReader.present(tokenText);
      await core.at(epoch);
      return authenticate(true, token, core.mounts.table, remoteAddress, clock.now()).kind === 'token';
    }),
    inFlightEndpoint(surroundings.inFlight, (text) => withoutTokens(core.audit, text), surroundings.peers),
    ...pluginEndpoints({
      auth: [...authMethods.keys()],
      database: [...engines.values()].flatMap(({ plugins = [] }) => plugins),
      secret: [...engines.keys()],
    }),
    ...versionEndpoints(clock.now()),
    ...counterEndpoints(),
    nodesEndpoint(core),
    stepDownEndpoint(),
    ...toolEndpoints(core.random),
    ...refusedEndpoints(),
  ];
}
