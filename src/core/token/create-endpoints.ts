/** `auth/token/create`, `create-orphan` and `create/:role`. */
import { CofferError, ConflictError } from '../../errors.ts';
import { type CoreCall, coreEndpoint } from '../core-call.ts';
import type { Endpoint, Fields, FieldValues, Reply } from '../endpoint.ts';
import type { Identity } from '../identity/identity.ts';
import { identityOfLogin } from '../identity/login.ts';
import { rootTokenKind, rootTokenNotice } from '../notice/core-notices.ts';
import { nothingToTell, type PreparedNotice } from '../notice/outbox.ts';
import { rootPolicyName } from '../policy/builtin.ts';
import { matchesGlob } from '../policy/glob.ts';
import { parsePolicyName } from '../policy/name.ts';
import { retryOnConflict } from '../retry.ts';
import type { CoreRooms } from '../rooms.ts';
import { type CreatedToken, prepareToken, type TokenWish } from './create.ts';
import { callerToken, liveById, ownMount } from './live.ts';
import type { ReadToken } from './reader.ts';
import { tokenKey } from './record.ts';
import { parseTokenRoleName, readTokenRole, type TokenRole } from './role.ts';

const createFields = {
  id: { type: 'string', help: 'Text of the token to make; needs sudo.', sensitive: true },
  policies: { type: 'list', help: 'Policies of the new token; the parent’s when absent.' },
  meta: { type: 'pairs', help: 'Texts kept with the token and shown in the audit log.' },
  no_parent: {
    type: 'bool',
    help: 'Make a token that does not die with its maker; needs sudo. A role decides by itself.',
  },
  no_default_policy: { type: 'bool', help: 'Leave the policy "default" out.' },
  renewable: { type: 'bool', help: 'Whether the token may be renewed; true when absent.' },
  ttl: { type: 'duration', help: 'Life of the token.', aliases: ['lease'] },
  explicit_max_ttl: { type: 'duration', help: 'Longest life, renewals included.' },
  period: { type: 'duration', help: 'Life granted at each renewal, without end; needs sudo.' },
  display_name: { type: 'string', help: 'Shown as token-<name>.' },
  num_uses: { type: 'int', help: 'Requests the token is good for; 0 is any number.' },
  type: { type: 'string', help: 'Kind of token: service or batch.' },
  entity_alias: { type: 'string', help: 'Whose the token is to be: only with a role that allows it.' },
} as const satisfies Fields;

type CreateCall = CoreCall<typeof createFields>;

export function createEndpoints(rooms: CoreRooms): readonly Endpoint[] {
  return [
    creation('create', 'Make a token', {}, (call) => createToken(rooms, call, 'auth/token/create')),
    creation('create-orphan', 'Make a token without parent', { sudo: true }, (call) =>
      createToken(rooms, call, 'auth/token/create-orphan'),
    ),
    creation('create/:role', 'Make a token by a role', { foldsNames: true }, async (call) => {
      const role = await roleOf(call);
      return createToken(rooms, call, `auth/token/create/${role.name}`, role);
    }),
  ];
}

function creation(
  pattern: string,
  summary: string,
  { sudo = false, foldsNames = false }: { readonly sudo?: boolean; readonly foldsNames?: boolean },
  handle: (call: CreateCall) => Promise<Reply>,
): Endpoint {
  return coreEndpoint({
    pattern,
    help: 'Makes a token.',
    foldsNames,
    fields: createFields,
    operations: { update: { summary, sudo, handle } },
  });
}

async function roleOf(call: CreateCall): Promise<TokenRole> {
  const name = parseTokenRoleName(call.params['role'] ?? '');
  const found = await readTokenRole(call.view, name);
  if (found !== undefined) return found.role;
  throw new CofferError('invalid_request', `unknown role "${name}"`);
}

async function createToken(
  rooms: CoreRooms,
  call: CreateCall,
  path: string,
  role?: TokenRole,
): Promise<Reply> {
  const orphan = path === 'auth/token/create-orphan';
  const wish = wishOf(call.fields, orphan);
  const sudo = call.acl?.capabilities(call.path).some((name) => name === 'sudo' || name === 'root') ?? false;
  const mount = ownMount(rooms).entry;
  const caller = callerToken(call);
  // Typed clients always send it, mostly empty.
  const { entity_alias: alias } = call.fields;
  // What cannot be must not leave an entity behind.
  if (alias) {
    prepareToken(rooms, { parent: caller, sudo: sudo || orphan, mount, path, role }, wish);
    await admitTo(rooms, caller);
  }
  const owner = alias ? await ownerOf(rooms, alias, role) : undefined;
  const unknown = await unknownPolicies(rooms, wish.policies ?? []);
  let parent = caller;
  return retryOnConflict(async () => {
    const prepared = prepareToken(rooms, { parent, sudo: sudo || orphan, mount, path, role, owner }, wish);
    const answer = { issued: prepared.auth, warnings: [...prepared.warnings, ...unknown] };
    if (prepared.writes.length === 0) {
      rooms.meter.tally('token_issued');
      return answer;
    }
    try {
      if (!alias) await admitTo(rooms, caller);
      const told = await toldOf(rooms, call, path, prepared);
      await commitToken(rooms, { ...prepared, writes: [...prepared.writes, ...told.writes] }, caller);
      told.sent();
    } catch (error) {
      if (error instanceof ConflictError) parent = await rereadParent(rooms, caller);
      throw error;
    }
    return { ...answer, undo: () => rooms.tokens.revoke(rooms.tokens.idOf(prepared.auth.clientToken)) };
  });
}

/** A token that may do anything is told of, in the commit that makes it. */
async function toldOf(
  rooms: CoreRooms,
  { caller, remoteAddress, requestId }: CreateCall,
  path: string,
  { auth }: CreatedToken,
): Promise<PreparedNotice> {
  if (!auth.tokenPolicies.includes(rootPolicyName)) return nothingToTell;
  const asker = { caller, remoteAddress, requestId };
  return rooms.notices.prepare(rootTokenKind, () => rootTokenNotice(path, asker, auth.accessor));
}

/** Throws `rate_limited` where the maker's identity holds as many tokens as it may. */
async function admitTo(rooms: CoreRooms, { record: { identity } }: ReadToken): Promise<void> {
  if (identity !== undefined) await rooms.ceilings.admitToken(identity);
}

/** Rejects with `ConflictError` where the parent changed, and throws `invalid_request` where the id is another token's. */
async function commitToken(rooms: CoreRooms, prepared: CreatedToken, parent: ReadToken): Promise<void> {
  const { id } = parent.record;
  try {
    await rooms.store.commit(prepared.writes, prepared.expectations);
  } catch (error) {
    if (!(error instanceof ConflictError) || error.key === tokenKey(id)) throw error;
    throw new CofferError('invalid_request', 'cannot create a token with a duplicate ID', { cause: error });
  }
  rooms.meter.tally('token_issued');
}

async function rereadParent(rooms: CoreRooms, parent: ReadToken): Promise<ReadToken> {
  const token = await liveById(rooms, parent.record.id);
  if (token === undefined) throw new CofferError('permission_denied', 'permission denied');
  return token;
}

/**
 * Whose the token is to be: the entity known by this alias of the mount of tokens, made if nobody is. Only where the role allows
 * it. Throws `invalid_request`, and `permission_denied` for an entity that is disabled.
 */
async function ownerOf(rooms: CoreRooms, alias: string, role: TokenRole | undefined): Promise<Identity> {
  if (role === undefined) {
    throw new CofferError('invalid_request', "'entity_alias' is only allowed in combination with token role");
  }
  const name = alias.toLowerCase();
  if (!role.allowedEntityAliases.some((glob) => matchesGlob(glob, name))) {
    throw new CofferError('invalid_request', "invalid 'entity_alias' value");
  }
  const owner = await identityOfLogin(rooms.identities, ownMount(rooms).entry, { alias });
  if (owner === undefined) throw new CofferError('invalid_request', "invalid 'entity_alias' value");
  if (owner.entity.disabled) {
    throw new CofferError('permission_denied', 'the entity of this alias is disabled');
  }
  return owner;
}

/** Names looked up for a warning; what lies beyond is left unsaid. */
const mostLookedUp = 100;

/** A policy that does not exist grants nothing, and may be written later: it is worth a word, and no error. */
async function unknownPolicies(rooms: CoreRooms, asked: readonly string[]): Promise<readonly string[]> {
  const names = [...new Set(asked.map(parsePolicyName))]
    .filter((name) => name !== rootPolicyName)
    .slice(0, mostLookedUp);
  const missing = await rooms.policies.missing(names, rooms.epoch().policies);
  return missing.map((name) => `Policy "${name}" does not exist`);
}

/** Throws `invalid_request` for what no token can be. */
function wishOf(fields: FieldValues<typeof createFields>, orphan: boolean): TokenWish {
  const { type, num_uses: numUses = 0 } = fields;
  if (type !== undefined && !['service', 'batch', 'default', ''].includes(type)) {
    throw new CofferError(
      'invalid_request',
      `invalid 'type' ${JSON.stringify(type.slice(0, 40))}: it is service or batch`,
    );
  }
  if (numUses < 0) throw new CofferError('invalid_request', 'num_uses cannot be negative');
  return {
    id: fields.id === '' ? undefined : fields.id,
    policies: fields.policies,
    meta: fields.meta,
    noParent: orphan || (fields.no_parent ?? false),
    noDefaultPolicy: fields.no_default_policy ?? false,
    renewable: fields.renewable ?? true,
    ttl: fields.ttl,
    explicitMaxTtl: fields.explicit_max_ttl,
    period: fields.period,
    displayName: fields.display_name,
    numUses,
    ...(type === 'service' || type === 'batch' ? { type } : {}),
  };
}
