/** Turns a login or a `token create` into a token: policies, TTLs, the answer's `auth` block and the writes to commit. */
import type { PlainWrite } from '../../barrier/store.ts';
import type { Clock } from '../../clock.ts';
import type { Principal } from '../endpoint.ts';
import { effectivePolicies, type Identity } from '../identity/identity.ts';
import { defaultTtl, type MountEntry, maxTtl } from '../mount/entry.ts';
import { withDefault } from '../policy/assignable.ts';
import type { AuthAnswer } from '../request.ts';
import { cappedWarning, grantTtl } from '../ttl-rule.ts';
import { identityOf, remainingTtl, type TokenRecord } from './record.ts';
import type { MintedToken, NewToken, Tokens } from './tokens.ts';

export interface IssuedToken {
  readonly auth: AuthAnswer;
  readonly writes: readonly PlainWrite[];
  readonly warnings: readonly string[];
}

/** The token of a login at `mount`: an orphan, with the mount's TTLs where the principal names none. */
export function issueLogin(
  tokens: Tokens,
  clock: Clock,
  mount: MountEntry,
  path: string,
  principal: Principal,
  identity?: Identity,
): IssuedToken {
  const now = clock.now();
  const period = principal.period ?? 0;
  const maxima = [principal.maxTtl, principal.explicitMaxTtl, maxTtl(mount)];
  const granted = grantTtl({
    increment: period || undefined,
    backendTtl: principal.ttl,
    mountDefault: defaultTtl(mount),
    maxima: period > 0 ? [principal.explicitMaxTtl] : maxima,
    issuedAt: now,
    now,
  });
  const minted = tokens.mint({
    policies: withDefault(principal.policies, principal.noDefaultPolicy ?? false),
    displayName: principal.displayName,
    metadata: principal.metadata,
    identity: identityOf(mount.uuid, principal.alias),
    ...(identity === undefined ? {} : { entityId: identity.entity.id }),
    path,
    mount: mount.uuid,
    ancestors: [],
    issuedAt: now,
    expiresAt: now + granted.seconds * 1_000,
    creationTtl: granted.seconds,
    maxTtl: principal.maxTtl ?? 0,
    explicitMaxTtl: principal.explicitMaxTtl ?? 0,
    period,
    renewable: principal.renewable,
    usesLeft: principal.numUses ? principal.numUses : null,
    orphan: true,
    boundCidrs: principal.boundCidrs ?? [],
    internal: principal.internal ?? null,
  });
  const warnings = granted.capped ? [cappedWarning(granted.seconds)] : [];
  return { auth: authAnswer(minted.record, minted.text, now, identity), writes: minted.writes, warnings };
}

export function issueCreated(
  tokens: Tokens,
  clock: Clock,
  token: NewToken,
  text?: string,
  identity?: Identity,
): MintedToken & { readonly auth: AuthAnswer } {
  const minted = tokens.mint(token, text);
  return { ...minted, auth: authAnswer(minted.record, minted.text, clock.now(), identity) };
}

/** `text` is empty where the token must not be shown (by accessor). `identity` is that of the record's entity. */
export function authAnswer(
  record: TokenRecord,
  text: string,
  now: number,
  identity: Identity | undefined,
): AuthAnswer {
  const { entityId = '' } = record;
  return {
    clientToken: text,
    accessor: record.accessor,
    policies: effectivePolicies(record.policies, identity),
    tokenPolicies: record.policies,
    ...(identity === undefined || identity.policies.length === 0
      ? {}
      : { identityPolicies: identity.policies }),
    metadata: record.metadata,
    leaseDuration: remainingTtl(record, now),
    renewable: record.renewable,
    entityId: identity?.entity.id ?? entityId,
    tokenType: 'service',
    orphan: record.orphan,
    numUses: record.usesLeft ?? 0,
  };
}
