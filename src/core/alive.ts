/**
 * `sys/alive`: whether this process still takes requests and answers them. It is answered before everything that may be away or full
 * (storage, audit log, keys), so that who restarts what does not answer restarts a process that is stuck, and never one whose store is
 * away, which a restart does not bring back and which would come up sealed (ADR 140).
 */
import { coreEndpoint } from './core-call.ts';
import { declaredOperation } from './declared-operation.ts';
import type { Endpoint } from './endpoint.ts';
import { alivePath, type Request } from './request.ts';

export function aliveEndpoint(): Endpoint {
  return coreEndpoint({
    pattern: 'alive',
    help: 'Answers 200 for as long as this process answers anything, sealed or not; reads nothing, and is in no audit log.',
    fields: {},
    operations: {
      read: {
        login: true,
        whileSealed: true,
        plain: true,
        summary: 'Whether this process answers',
        response: { alive: { type: 'bool' } },
        handle: async () => ({ data: { alive: true } }),
      },
    },
  });
}

/** Other methods take the way of every request, which refuses them. */
export function asksIfAlive(request: Request): boolean {
  return request.path === alivePath && declaredOperation(request) === 'read';
}
