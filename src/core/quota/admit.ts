/** Whether a request may come in at all: asked before its body is read, its token looked up, or a line of audit written. */
import type { ApiPath } from '../path.ts';
import type { RateVerdict } from '../request.ts';
import type { Quotas } from './quotas.ts';
import type { Strangers } from './strangers.ts';

export interface Limited {
  readonly quotas: Quotas;
  /** Called for each refusal that is to be audited. */
  auditRefusal(path: ApiPath, remoteAddress: string, quota: string): void;
}

/** `core` is undefined while the store is sealed. `now` in milliseconds. */
export function admit(
  core: Limited | undefined,
  strangers: Strangers,
  path: ApiPath,
  remoteAddress: string,
  bearer: boolean,
  now: number,
): RateVerdict | undefined {
  // Whoever has a token is told after it has been looked at: others at the same address must not shut its owner out.
  // While sealed nobody's token can be looked at, and one that is made up must be no way around.
  const wait = bearer && core !== undefined ? 0 : strangers.wait(remoteAddress, now);
  if (wait > 0) return { admitted: false, retryAfter: wait };
  const verdict = core?.quotas.admit(path, remoteAddress, now);
  if (core === undefined || verdict === undefined) return undefined;
  const { auditLogging, responseHeaders } = core.quotas.config;
  if (!verdict.admitted && auditLogging) core.auditRefusal(path, remoteAddress, verdict.quota);
  return {
    admitted: verdict.admitted,
    retryAfter: verdict.retryAfter,
    shown: responseHeaders
      ? { limit: verdict.limit, remaining: verdict.remaining, reset: verdict.reset }
      : undefined,
  };
}
