/** Turns a login or a `token create` into a token: policies, TTLs, the answer's `auth` block and the writes to commit. */
import type { PlainWrite } from '../../barrier/store.ts';
import type { Clock } from '../../clock.ts';
import { CofferError } from '../../errors.ts';
import type { Principal } from '../endpoint.ts';
import { effectivePolicies, type Identity } from '../identity/identity.ts';
import { defaultTtl, type MountEntry, type MountTokenType, maxTtl } from '../mount/entry.ts';
import { withDefault } from '../policy/assignable.ts';
import type { AuthAnswer } from '../request.ts';
import { cappedWarning, grantTtl } from '../ttl-rule.ts';
import type { BatchTokens } from './batch.ts';
import { identityOf, remainingTtl, type TokenRecord } from './record.ts';
import type { MintedToken, NewToken, Tokens } from './tokens.ts';

export interface IssuedToken {
  readonly auth: AuthAnswer;
  readonly writes: readonly PlainWrite[];
  readonly warnings: readonly string[];
}

/** What makes tokens, and the time. */
export interface Mint {
  readonly tokens: Tokens;
  readonly batchTokens: BatchTokens;
  readonly clock: Clock;
}

/**
 * The token of a login at `mount`: an orphan, with the mount's TTLs where the principal names none. Throws `invalid_request`
 * where it must be a batch token and cannot be one. `secondFactor` is whether the login has proven one.
 */
export function issueLogin(
  mint: Mint,
  mount: MountEntry,
  path: string,
  principal: Principal,
  identity?: Identity,
  secondFactor = false,
): IssuedToken {
  const now = mint.clock.now();
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
  const token: NewToken = {
    policies: withDefault(principal.policies, principal.noDefaultPolicy ?? false),
    displayName: principal.displayName,
    metadata: principal.metadata,
    identity: identityOf(mount.uuid, principal.alias),
    principal: principal.provenAs ?? principal.alias,
    ...(secondFactor ? { secondFactor } : {}),
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
  };
  const warnings = granted.capped ? [cappedWarning(granted.seconds)] : [];
  const { text, record, writes } =
    loginTokenType(mount.config.tokenType, principal.tokenType) === 'batch'
      ? sealed(mint, token)
      : mint.tokens.mint(token);
  const auth = withSecrets(authAnswer(record, text, now, identity), principal.secretMetadata);
  return { auth, writes, warnings };
}

function withSecrets(auth: AuthAnswer, secrets: Principal['secretMetadata']): AuthAnswer {
  if (secrets === undefined) return auth;
  return { ...auth, metadata: { ...auth.metadata, ...secrets }, secretMetadata: Object.keys(secrets) };
}

/** What a mount is tuned to decides; where that is a default, what the method's role asks for does. */
export function loginTokenType(
  mount: MountTokenType = 'default-service',
  wanted: Principal['tokenType'],
): 'service' | 'batch' {
  switch (mount) {
    case 'service':
    case 'batch':
      return mount;
    case 'default-service':
      return wanted ?? 'service';
    case 'default-batch':
      return wanted ?? 'batch';
  }
}

/** A limit that a batch token cannot keep is not dropped: the login is refused. */
function sealed(mint: Mint, token: NewToken): MintedToken {
  if (token.usesLeft !== null || token.period > 0) {
    throw new CofferError(
      'invalid_request',
      'logins here get batch tokens, which can neither be periodic nor have a number of uses: change the role or the mount’s token_type',
    );
  }
  // Nothing renews it: what its method would want to know by then stays out of it.
  return { ...mint.batchTokens.seal({ ...token, renewable: false, internal: null }, []), writes: [] };
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
    identityPolicies:
      identity === undefined || identity.policies.length === 0 ? undefined : identity.policies,
    metadata: record.metadata,
    leaseDuration: remainingTtl(record, now),
    renewable: record.renewable,
    entityId: identity?.entity.id ?? entityId,
    tokenType: record.type ?? 'service',
    orphan: record.orphan,
    numUses: record.usesLeft ?? 0,
  };
}
