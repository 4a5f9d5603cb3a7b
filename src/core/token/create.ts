/** `auth/token/create`: who may make which token. */
import type { PlainWrite } from '../../barrier/store.ts';
import { CofferError } from '../../errors.ts';
import { defaultTtl, type MountEntry, maxTtl } from '../mount/entry.ts';
import { parseAssignablePolicies, withDefault } from '../policy/assignable.ts';
import type { AuthAnswer } from '../request.ts';
import type { CoreRooms } from '../rooms.ts';
import { cappedWarning, grantTtl } from '../ttl-rule.ts';
import { issueCreated } from './issuer.ts';
import type { ReadToken } from './reader.ts';
import { endingKey, isRoot, type TokenId, type TokenRecord, tokenKey } from './record.ts';
import type { NewToken } from './tokens.ts';

/** What was asked, coerced. Durations in seconds. */
export interface TokenWish {
  readonly id?: string | undefined;
  readonly policies?: readonly string[] | undefined;
  readonly meta?: Readonly<Record<string, string>> | undefined;
  readonly noParent: boolean;
  readonly noDefaultPolicy: boolean;
  readonly renewable: boolean;
  readonly ttl?: number | undefined;
  readonly explicitMaxTtl?: number | undefined;
  readonly period?: number | undefined;
  readonly displayName?: string | undefined;
  readonly numUses: number;
}

export interface CreatedToken {
  readonly auth: AuthAnswer;
  readonly writes: readonly PlainWrite[];
  readonly warnings: readonly string[];
  /** What the commit must expect besides: the parent alive as read, the id unused. */
  readonly expectations: readonly {
    readonly key: ReturnType<typeof tokenKey>;
    readonly revision: ReadToken['revision'] | null;
  }[];
}

export interface TokenMaker {
  readonly parent: ReadToken;
  /** The parent may do what needs `sudo` on this path. */
  readonly sudo: boolean;
  readonly mount: MountEntry;
}

/** Throws `invalid_request` or `permission_denied`; writes nothing. */
export function prepareToken(rooms: CoreRooms, maker: TokenMaker, wish: TokenWish): CreatedToken {
  const { parent, sudo } = maker;
  if (parent.record.usesLeft !== null) {
    throw new CofferError('invalid_request', 'restricted use token cannot generate child tokens');
  }
  if (!sudo && (wish.noParent || wish.id !== undefined || (wish.period ?? 0) > 0)) {
    throw new CofferError(
      'invalid_request',
      'root or sudo privileges required to set id, no_parent or period',
    );
  }
  checkGivenId(wish.id);
  const policies = chosenPolicies(parent.record, sudo, wish);
  const times = chosenTimes(rooms, maker, policies, wish);
  const token: NewToken = {
    policies,
    displayName: shownName(wish.displayName),
    metadata: wish.meta ?? null,
    path: 'auth/token/create',
    mount: maker.mount.uuid,
    ancestors: wish.noParent ? [] : [parent.record.id, ...parent.record.ancestors],
    usesLeft: wish.numUses > 0 ? wish.numUses : null,
    orphan: wish.noParent,
    // Or a token bound to networks would be the way to one that is not.
    boundCidrs: parent.record.boundCidrs,
    internal: null,
    ...(parent.record.identity === undefined ? {} : { identity: parent.record.identity }),
    // An orphan is handed to somebody else: it is not to act as the one who made it.
    ...(parent.record.entityId === undefined || wish.noParent ? {} : { entityId: parent.record.entityId }),
    ...times.token,
  };
  const created = issueCreated(
    rooms.tokens,
    rooms.clock,
    token,
    wish.id,
    wish.noParent ? undefined : parent.identity,
  );
  return {
    auth: created.auth,
    writes: created.writes,
    warnings: times.warnings,
    expectations: [
      { key: tokenKey(created.record.id), revision: null },
      ...(wish.id === undefined ? [] : [{ key: endingKey(created.record.id), revision: null }]),
      ...(wish.noParent ? [] : [{ key: tokenKey(parent.record.id as TokenId), revision: parent.revision }]),
    ],
  };
}

function checkGivenId(id: string | undefined): void {
  if (id === undefined) return;
  if (id.includes('.') || !/^[\x21-\x7e]{8,200}$/.test(id)) {
    throw new CofferError('invalid_request', 'a token id has 8 to 200 visible ASCII characters and no "."');
  }
}

function chosenPolicies(parent: TokenRecord, sudo: boolean, wish: TokenWish): readonly string[] {
  if (wish.policies === undefined || wish.policies.length === 0) {
    const own = wish.noDefaultPolicy ? parent.policies.filter((name) => name !== 'default') : parent.policies;
    return own.toSorted();
  }
  const asked = parseAssignablePolicies(wish.policies, { root: isRoot(parent) });
  if (asked.includes('root') && asked.length > 1) {
    throw new CofferError('invalid_request', 'root tokens may not have other policies');
  }
  if (sudo) return withDefault(asked, wish.noDefaultPolicy);
  if (!asked.every((name) => parent.policies.includes(name))) {
    throw new CofferError('invalid_request', 'child policies must be subset of parent');
  }
  return withDefault(asked, wish.noDefaultPolicy || !parent.policies.includes('default'));
}

type Times = Pick<
  NewToken,
  'issuedAt' | 'expiresAt' | 'creationTtl' | 'maxTtl' | 'explicitMaxTtl' | 'period' | 'renewable'
>;

function chosenTimes(
  rooms: CoreRooms,
  maker: TokenMaker,
  policies: readonly string[],
  wish: TokenWish,
): { readonly token: Times; readonly warnings: readonly string[] } {
  const now = rooms.clock.now();
  const explicitMaxTtl = wish.explicitMaxTtl ?? 0;
  const period = wish.period ?? 0;
  const common = { issuedAt: now, maxTtl: 0, explicitMaxTtl, period };
  const root = policies.includes('root');
  if (root && !wish.ttl && !explicitMaxTtl && !period) {
    if (maker.parent.record.expiresAt !== null) {
      throw new CofferError('invalid_request', 'expiring root tokens cannot create non-expiring root tokens');
    }
    return { token: { ...common, expiresAt: null, creationTtl: 0, renewable: false }, warnings: [] };
  }
  const granted = grantTtl({
    increment: period || wish.ttl,
    mountDefault: defaultTtl(maker.mount),
    maxima: period > 0 ? [explicitMaxTtl] : [explicitMaxTtl, maxTtl(maker.mount)],
    issuedAt: now,
    now,
  });
  const expiresAt = now + granted.seconds * 1_000;
  return {
    token: { ...common, expiresAt, creationTtl: granted.seconds, renewable: wish.renewable },
    warnings: granted.capped ? [cappedWarning(granted.seconds)] : [],
  };
}

/** `token-<name>`, with anything odd as `-`, as the audit log and the display name of credentials want it. */
function shownName(name: string | undefined): string {
  return name === undefined || name === ''
    ? 'token'
    : `token-${name.slice(0, 100).replace(/[^a-zA-Z0-9-]/g, '-')}`;
}
