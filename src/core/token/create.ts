/** `auth/token/create`: who may make which token, and what a token role says of it. */
import type { PlainWrite } from '../../barrier/store.ts';
import { CofferError } from '../../errors.ts';
import type { StorageKey } from '../../storage/storage.ts';
import type { Identity } from '../identity/identity.ts';
import { defaultTtl, type MountEntry, maxTtl } from '../mount/entry.ts';
import type { AuthAnswer } from '../request.ts';
import type { CoreRooms } from '../rooms.ts';
import { cappedWarning, grantTtl } from '../ttl-rule.ts';
import { chosenPolicies } from './chosen-policies.ts';
import { authAnswer } from './issuer.ts';
import { lineOf, type ReadToken } from './reader.ts';
import { endingKey, tokenKey } from './record.ts';
import type { TokenRole } from './role.ts';
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
  /** Undefined is the role's, and without one a service token. */
  readonly type?: 'service' | 'batch' | undefined;
}

export interface CreatedToken {
  readonly auth: AuthAnswer;
  /** None for a batch token: then there is nothing to commit. */
  readonly writes: readonly PlainWrite[];
  readonly warnings: readonly string[];
  /** What the commit must expect besides: the parent alive as read, a given id unused. */
  readonly expectations: readonly {
    readonly key: StorageKey;
    readonly revision: ReadToken['revision'] | null;
  }[];
}

export interface TokenMaker {
  readonly parent: ReadToken;
  /** The parent may do what needs `sudo` on this path. */
  readonly sudo: boolean;
  readonly mount: MountEntry;
  /** Where the token says that it comes from, without the role's suffix. */
  readonly path: string;
  readonly role?: TokenRole | undefined;
  /** Whose the token is to be in place of its maker's: by `entity_alias`. */
  readonly owner?: Identity | undefined;
}

/** Throws `invalid_request` or `permission_denied`; writes nothing. */
export function prepareToken(rooms: CoreRooms, maker: TokenMaker, asked: TokenWish): CreatedToken {
  const { parent, role } = maker;
  checkMaker(maker, asked);
  const type = typeOf(asked, role);
  if (type === 'batch') checkBatch(asked);
  checkGivenId(asked.id);
  const wish = role === undefined ? asked : underRole(asked, role, type);
  const policies = chosenPolicies(parent.record, maker.sudo, wish, role);
  const times = chosenTimes(rooms, maker, policies, wish, type);
  const token: NewToken = {
    policies,
    displayName: shownName(wish.displayName),
    metadata: wish.meta ?? null,
    path: pathOf(maker),
    mount: maker.mount.uuid,
    ancestors: wish.noParent ? [] : [parent.record.id, ...lineOf(parent).map(({ id }) => id)],
    usesLeft: wish.numUses > 0 ? wish.numUses : null,
    orphan: wish.noParent,
    boundCidrs: networksOf(parent, role),
    internal: null,
    identity: parent.record.identity,
    entityId: entityOf(maker, wish),
    // A renewal asks the role anew, and needs to know what was asked besides.
    role: role?.name,
    asked: role && { period: asked.period ?? 0, explicitMaxTtl: asked.explicitMaxTtl ?? 0 },
    issuedAt: times.issuedAt,
    expiresAt: times.expiresAt,
    creationTtl: times.creationTtl,
    maxTtl: 0,
    explicitMaxTtl: wish.explicitMaxTtl ?? 0,
    period: wish.period ?? 0,
    renewable: times.renewable,
  };
  if (type === 'batch') return sealedToken(rooms, maker, token, times.warnings);
  return storedToken(rooms, maker, token, wish, times.warnings);
}

function storedToken(
  rooms: CoreRooms,
  maker: TokenMaker,
  token: NewToken,
  wish: TokenWish,
  warnings: readonly string[],
): CreatedToken {
  const { parent } = maker;
  const minted = rooms.tokens.mint(token, wish.id);
  const { id } = minted.record;
  return {
    auth: authAnswer(minted.record, minted.text, rooms.clock.now(), identityOfChild(maker, token)),
    writes: minted.writes,
    warnings,
    expectations: [
      // A text that is drawn is nobody else's: one that is given may be, or may have been.
      ...(wish.id === undefined ? [] : [unused(tokenKey(id)), unused(endingKey(id))]),
      ...(wish.noParent ? [] : [{ key: tokenKey(parent.record.id), revision: parent.revision }]),
    ],
  };
}

function unused(key: StorageKey): CreatedToken['expectations'][number] {
  return { key, revision: null };
}

/** Nothing to commit: whether its parent is alive is asked with each of its requests. */
function sealedToken(
  rooms: CoreRooms,
  maker: TokenMaker,
  token: NewToken,
  warnings: readonly string[],
): CreatedToken {
  if (token.policies.includes('root')) {
    throw new CofferError('invalid_request', 'batch tokens cannot be root tokens');
  }
  const { parent } = maker;
  const line = [parent.record, ...lineOf(parent)].slice(0, token.ancestors.length);
  const sealed = rooms.batchTokens.seal(
    { ...token, renewable: false },
    line.map(({ accessor }) => accessor),
  );
  const auth = authAnswer(sealed.record, sealed.text, rooms.clock.now(), identityOfChild(maker, token));
  return { auth, writes: [], warnings, expectations: [] };
}

/** An orphan is handed to somebody else: it is not to act as the one who made it. */
function entityOf({ parent, owner }: TokenMaker, wish: TokenWish): string | undefined {
  return owner?.entity.id ?? (wish.noParent ? undefined : parent.record.entityId);
}

function identityOfChild({ parent, owner }: TokenMaker, token: NewToken): ReadToken['identity'] {
  return token.entityId === undefined ? undefined : (owner ?? parent.identity);
}

function checkMaker({ parent, sudo, role }: TokenMaker, wish: TokenWish): void {
  if (parent.record.type === 'batch') {
    throw new CofferError('invalid_request', 'batch tokens cannot create more tokens');
  }
  if (parent.record.usesLeft !== null) {
    throw new CofferError('invalid_request', 'restricted use token cannot generate child tokens');
  }
  // With a role it is the role that says whether tokens are orphans.
  const noParent = role === undefined && wish.noParent;
  if (!sudo && (noParent || wish.id !== undefined || (wish.period ?? 0) > 0)) {
    throw new CofferError(
      'invalid_request',
      'root or sudo privileges required to set id, no_parent or period',
    );
  }
}

function typeOf(wish: TokenWish, role: TokenRole | undefined): 'service' | 'batch' {
  switch (role?.tokenType) {
    case 'service':
    case 'batch':
      return role.tokenType;
    case 'default-batch':
      return wish.type ?? 'batch';
    case 'default-service':
    case undefined:
      return wish.type ?? 'service';
  }
}

/** What only a record in the store could keep. */
function checkBatch(wish: TokenWish): void {
  const set = [
    ['num_uses', wish.numUses > 0],
    ['period', (wish.period ?? 0) > 0],
    ['explicit_max_ttl', (wish.explicitMaxTtl ?? 0) > 0],
    ['id', wish.id !== undefined],
  ] as const;
  const problem = set.find(([, isSet]) => isSet)?.[0];
  if (problem === undefined) return;
  throw new CofferError('invalid_request', `batch tokens cannot have "${problem}" set`);
}

/** The lesser of what is asked and what the role says, where both say something; 0 says nothing. */
export function lesser(one: number, other: number): number {
  return one === 0 || other === 0 ? one || other : Math.min(one, other);
}

function underRole(wish: TokenWish, role: TokenRole, type: 'service' | 'batch'): TokenWish {
  const common = { ...wish, noParent: role.orphan };
  if (type === 'batch') {
    // The role may make service tokens unless another kind is asked for: asking must not be the way around its limits.
    if (role.numUses > 0) {
      throw new CofferError('invalid_request', 'this role limits uses, which batch tokens cannot have');
    }
    return { ...common, explicitMaxTtl: role.explicitMaxTtl };
  }
  return {
    ...common,
    renewable: wish.renewable && role.renewable,
    numUses: lesser(wish.numUses, role.numUses),
    explicitMaxTtl: lesser(wish.explicitMaxTtl ?? 0, role.explicitMaxTtl),
    period: lesser(wish.period ?? 0, role.period),
  };
}

function pathOf({ path, role }: TokenMaker): string {
  return role === undefined || role.pathSuffix === '' ? path : `${path}/${role.pathSuffix}`;
}

/** The role's networks, else the maker's: or a token bound to networks would be the way to one that is not. */
function networksOf(parent: ReadToken, role: TokenRole | undefined): readonly string[] {
  return role !== undefined && role.boundCidrs.length > 0 ? role.boundCidrs : parent.record.boundCidrs;
}

function checkGivenId(id: string | undefined): void {
  if (id === undefined) return;
  if (id.includes('.') || !/^[\x21-\x7e]{8,200}$/.test(id)) {
    throw new CofferError('invalid_request', 'a token id has 8 to 200 visible ASCII characters and no "."');
  }
}

interface Times extends Pick<NewToken, 'issuedAt' | 'expiresAt' | 'creationTtl' | 'renewable'> {
  readonly warnings: readonly string[];
}

function chosenTimes(
  rooms: CoreRooms,
  maker: TokenMaker,
  policies: readonly string[],
  wish: TokenWish,
  type: 'service' | 'batch',
): Times {
  const now = rooms.clock.now();
  const explicitMaxTtl = wish.explicitMaxTtl ?? 0;
  const period = wish.period ?? 0;
  const root = policies.includes('root');
  if (root && type === 'service' && !wish.ttl && !explicitMaxTtl && !period) {
    if (maker.parent.record.expiresAt !== null) {
      throw new CofferError('invalid_request', 'expiring root tokens cannot create non-expiring root tokens');
    }
    return { issuedAt: now, expiresAt: null, creationTtl: 0, renewable: false, warnings: [] };
  }
  const granted = grantTtl({
    increment: period || wish.ttl,
    mountDefault: defaultTtl(maker.mount),
    maxima: period > 0 ? [explicitMaxTtl] : [explicitMaxTtl, maxTtl(maker.mount)],
    issuedAt: now,
    now,
  });
  return {
    issuedAt: now,
    expiresAt: now + granted.seconds * 1_000,
    creationTtl: granted.seconds,
    renewable: wish.renewable,
    warnings: granted.capped ? [cappedWarning(granted.seconds)] : [],
  };
}

/** `token-<name>`, with anything odd as `-`, as the audit log and the display name of credentials want it. */
function shownName(name: string | undefined): string {
  return name === undefined || name === ''
    ? 'token'
    : `token-${name.slice(0, 100).replace(/[^a-zA-Z0-9-]/g, '-')}`;
}
