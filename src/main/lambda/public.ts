/** The public function: `handler` is what Lambda calls. The store is opened while Lambda waits for this module. */
import { randomUUID } from 'node:crypto';
import { limitsWith } from '../../http/limits.ts';
import { type PublicHandler, publicHandler } from '../../lambda/public-handler.ts';
import { componentLog } from '../../log.ts';
import { FunctionStore } from './served-store.ts';
import { functionWorld } from './world.ts';

const world = functionWorld(process.env);
const { settings, dialect, log, clock } = world;
const store = new FunctionStore(world);

export const handler: PublicHandler = publicHandler({
  store,
  limits: limitsWith({
    bodyBytes: settings.limits.requestBytes,
    requestMilliseconds: settings.limits.requestTime,
  }),
  dialect,
  oauth2: settings.listeners[0]?.oauth2,
  clock,
  log: (level, message, fields) => componentLog(log, 'http')[level](message, fields),
  onFault: (error) =>
    componentLog(log, 'core').error('the store cannot be served', { code: error.code, error }),
  requestId: () => randomUUID(),
});

// What goes wrong is said to the first request, which tries again.
await store.wake().catch(() => undefined);
