/** Whether a request may come in at all: asked before its body is read, its token looked up, or a line of audit written. */
import type { ApiPath } from '../path.ts';
import { alivePath, type RateVerdict } from '../request.ts';
import type { TakeTogether } from './measures.ts';
import type { Quotas, QuotaVerdict } from './quotas.ts';
import type { Strangers } from './strangers.ts';

export interface Limited {
  readonly quotas: Quotas;
  /** Called for each refusal that is to be audited. */
  auditRefusal(path: ApiPath, remoteAddress: string, quota: string): void;
}

export interface Visitor {
  readonly path: ApiPath;
  readonly remoteAddress: string;
  /** A token came along. */
  readonly bearer: boolean;
  /** Milliseconds of steady time: who sets the clock back must not shut everybody out until it has caught up. */
  readonly now: number;
}

/** `core` is undefined while the store is sealed. */
export function admit(
  core: Limited | undefined,
  strangers: Strangers,
  visitor: Visitor,
): RateVerdict | undefined {
  const refused = refusedStranger(core, strangers, visitor);
  if (refused !== undefined || core === undefined) return refused;
  const { path, remoteAddress, now } = visitor;
  const verdict = core.quotas.admit(path, remoteAddress, now);
  return verdict === undefined ? undefined : told(core, visitor, verdict);
}

/** The same where several processes count quotas together: a promise where a quota counts. */
export function admitTogether(
  core: Limited | undefined,
  strangers: Strangers,
  visitor: Visitor,
  take: TakeTogether,
): RateVerdict | Promise<RateVerdict> | undefined {
  const refused = refusedStranger(core, strangers, visitor);
  if (refused !== undefined || core === undefined) return refused;
  const verdict = core.quotas.admitTogether(visitor.path, visitor.remoteAddress, take);
  return verdict?.then((found) => told(core, visitor, found));
}

/**
 * Whoever has a token is told after it has been looked at: others at the same address must not shut its owner out. While sealed
 * nobody's token can be looked at, and one that is made up must be no way around.
 */
function refusedStranger(
  core: Limited | undefined,
  strangers: Strangers,
  { path, remoteAddress, bearer, now }: Visitor,
): RateVerdict | undefined {
  // A refusal costs as much as the answer, and whoever is refused it restarts the server.
  if (path === alivePath) return undefined;
  const wait = bearer && core !== undefined ? 0 : strangers.wait(remoteAddress, now);
  return wait > 0 ? { admitted: false, retryAfter: wait } : undefined;
}

function told(core: Limited, { path, remoteAddress }: Visitor, verdict: QuotaVerdict): RateVerdict {
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
