/** What a look-up shows of a token, in the wire's names. */
import { timestamp } from '../../clock.ts';
import type { ResponseSchema } from '../endpoint.ts';
import type { Identity } from '../identity/identity.ts';
import type { AnswerData } from '../request.ts';
import { remainingTtl, type TokenRecord } from './record.ts';

/** `text` is empty where the token must not be shown. Clients insist on `expire_time` being there, if only as null. */
export function tokenFacts(
  record: TokenRecord,
  text: string,
  now: number,
  identity: Identity | undefined,
): AnswerData {
  return {
    id: text,
    accessor: record.accessor,
    policies: record.policies,
    ...(identity === undefined || identity.policies.length === 0
      ? {}
      : { identity_policies: identity.policies }),
    path: record.path,
    meta: record.metadata,
    display_name: record.displayName,
    num_uses: record.usesLeft ?? 0,
    orphan: record.orphan,
    creation_time: Math.floor(record.issuedAt / 1_000),
    creation_ttl: record.creationTtl,
    ttl: remainingTtl(record, now),
    expire_time: record.expiresAt === null ? null : timestamp(record.expiresAt),
    explicit_max_ttl: record.explicitMaxTtl,
    entity_id: identity?.entity.id ?? record.entityId ?? '',
    type: record.type ?? 'service',
    renewable: record.renewable,
    issue_time: timestamp(record.issuedAt),
    ...(record.period > 0 ? { period: record.period } : {}),
    ...(record.role === undefined ? {} : { role: record.role }),
    ...(record.boundCidrs.length > 0 ? { bound_cidrs: record.boundCidrs } : {}),
    ...(record.renewedAt === null
      ? {}
      : {
          last_renewal: timestamp(record.renewedAt),
          last_renewal_time: Math.floor(record.renewedAt / 1_000),
        }),
  };
}

export const tokenFactsSchema = {
  id: { type: 'string', sensitive: true },
  accessor: { type: 'string' },
  policies: { type: 'list' },
  identity_policies: { type: 'list', optional: true },
  path: { type: 'string' },
  meta: { type: 'pairs', nullable: true },
  display_name: { type: 'string' },
  num_uses: { type: 'int' },
  orphan: { type: 'bool' },
  creation_time: { type: 'int' },
  creation_ttl: { type: 'int' },
  ttl: { type: 'int' },
  expire_time: { type: 'string', nullable: true },
  explicit_max_ttl: { type: 'int' },
  entity_id: { type: 'string' },
  type: { type: 'string' },
  renewable: { type: 'bool' },
  issue_time: { type: 'string' },
  period: { type: 'int', optional: true },
  role: { type: 'string', optional: true },
  bound_cidrs: { type: 'list', optional: true },
  last_renewal: { type: 'string', optional: true },
  last_renewal_time: { type: 'int', optional: true },
} as const satisfies ResponseSchema;
