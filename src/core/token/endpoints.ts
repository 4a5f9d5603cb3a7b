/** The endpoints of `auth/token/`. */
import type { Engine } from '../../engine/engine.ts';
import { CofferError, ConflictError } from '../../errors.ts';
import { type CoreCall, coreEndpoint } from '../core-call.ts';
import type { Endpoint, Fields, FieldValues, Reply } from '../endpoint.ts';
import { listPage, pageFields } from '../list-page.ts';
import { maxTtl, systemTtl } from '../mount/entry.ts';
import type { Mount } from '../mount/table.ts';
import { rootPolicyName } from '../policy/builtin.ts';
import { parsePolicyName } from '../policy/name.ts';
import { retryOnConflict } from '../retry.ts';
import type { CoreRooms } from '../rooms.ts';
import { cappedWarning, grantTtl } from '../ttl-rule.ts';
import { prepareToken, type TokenWish } from './create.ts';
import { tokenFacts, tokenFactsSchema } from './facts.ts';
import { authAnswer } from './issuer.ts';
import { type ReadToken, tokenProblem } from './reader.ts';
import { type TokenId, type TokenRecord, tokenKey } from './record.ts';

const createFields = {
  id: { type: 'string', help: 'Text of the token to make; needs sudo.', sensitive: true },
  policies: { type: 'list', help: 'Policies of the new token; the parent’s when absent.' },
  meta: { type: 'pairs', help: 'Texts kept with the token and shown in the audit log.' },
  no_parent: { type: 'bool', help: 'Make a token that does not die with its maker; needs sudo.' },
  no_default_policy: { type: 'bool', help: 'Leave the policy "default" out.' },
  renewable: { type: 'bool', help: 'Whether the token may be renewed; true when absent.' },
  ttl: { type: 'duration', help: 'Life of the token.', aliases: ['lease'] },
  explicit_max_ttl: { type: 'duration', help: 'Longest life, renewals included.' },
  period: { type: 'duration', help: 'Life granted at each renewal, without end; needs sudo.' },
  display_name: { type: 'string', help: 'Shown as token-<name>.' },
  num_uses: { type: 'int', help: 'Requests the token is good for; 0 is any number.' },
  type: { type: 'string', help: 'Kind of token: service.' },
  entity_alias: { type: 'string', help: 'Only for token roles: refused unless empty.' },
} as const satisfies Fields;

const tokenField = {
  token: { type: 'string', help: 'The token.', sensitive: true, required: true },
} as const;
const accessorField = { accessor: { type: 'string', help: 'The accessor.', required: true } } as const;
const incrementField = { increment: { type: 'duration', help: 'Life asked for.' } } as const;

export function tokenEngine(rooms: CoreRooms): Engine {
  const create = (orphan: boolean) =>
    coreEndpoint({
      pattern: orphan ? 'create-orphan' : 'create',
      help: 'Makes a token.',
      fields: createFields,
      operations: {
        update: {
          summary: orphan ? 'Make a token without parent' : 'Make a token',
          sudo: orphan,
          handle: (call) => createToken(rooms, call, orphan),
        },
      },
    });
  return {
    endpoints: [
      create(false),
      create(true),
      ...lookups(rooms),
      ...renewals(rooms),
      ...revocations(rooms),
      list(rooms),
    ],
  };
}

async function createToken(
  rooms: CoreRooms,
  call: CoreCall<typeof createFields>,
  orphan: boolean,
): Promise<Reply> {
  const wish = wishOf(call.fields, orphan);
  const mount = ownMount(rooms);
  let parent = callerToken(call);
  const sudo = call.acl?.capabilities(call.path).some((name) => name === 'sudo' || name === 'root') ?? false;
  const { identity } = parent.record;
  if (identity !== undefined) await rooms.ceilings.admitToken(identity);
  return retryOnConflict(async () => {
    const prepared = prepareToken(rooms, { parent, sudo: sudo || orphan, mount: mount.entry }, wish);
    const unknown = await unknownPolicies(rooms, wish.policies ?? []);
    try {
      await rooms.store.commit(prepared.writes, prepared.expectations);
      rooms.meter.tally('token_issued');
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      if (error.key !== tokenKey(parent.record.id)) {
        throw new CofferError('invalid_request', 'cannot create a token with a duplicate ID', {
          cause: error,
        });
      }
      parent = await rereadParent(rooms, parent);
      throw error;
    }
    return {
      issued: prepared.auth,
      undo: () => rooms.tokens.revoke(rooms.tokens.idOf(prepared.auth.clientToken)),
      warnings: [...prepared.warnings, ...unknown],
    };
  });
}

/** Throws `invalid_request` for what no token can be. */
function wishOf(fields: FieldValues<typeof createFields>, orphan: boolean): TokenWish {
  if (fields.type !== undefined && !['service', 'default', ''].includes(fields.type)) {
    throw new CofferError(
      'invalid_request',
      `tokens of type "${fields.type.slice(0, 40)}" are not supported; use "service"`,
    );
  }
  // Typed clients always send it, mostly empty.
  if (fields.entity_alias) {
    throw new CofferError('invalid_request', "'entity_alias' is only allowed in combination with token role");
  }
  const numUses = fields.num_uses ?? 0;
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
  };
}

/** Names looked up for a warning; what lies beyond is left unsaid. */
const mostLookedUp = 100;

/** A policy that does not exist grants nothing, and may be written later: it is worth a word, and no error. */
async function unknownPolicies(rooms: CoreRooms, asked: readonly string[]): Promise<readonly string[]> {
  const names = [...new Set(asked.map(parsePolicyName))]
    .filter((name) => name !== rootPolicyName)
    .slice(0, mostLookedUp);
  const stored = await Promise.all(names.map((name) => rooms.policies.read(name)));
  return names
    .filter((_, index) => stored[index] === undefined)
    .map((name) => `Policy "${name}" does not exist`);
}

async function rereadParent(rooms: CoreRooms, parent: ReadToken): Promise<ReadToken> {
  const token = await readLive(rooms, parent.record.id);
  if (token === undefined) throw new CofferError('permission_denied', 'permission denied');
  return token;
}

function lookups(rooms: CoreRooms): readonly Endpoint[] {
  const answer = async (record: TokenRecord, text: string): Promise<Reply> => ({
    data: tokenFacts(record, text, rooms.clock.now()),
  });
  const lookup = async (call: CoreCall<typeof tokenField>) => {
    const found = await liveToken(rooms, rooms.tokens.idOf(call.fields.token));
    if (found === undefined) throw new CofferError('permission_denied', 'bad token');
    return answer(found, call.fields.token);
  };
  const lookupSelf = async (call: CoreCall) => {
    const { record } = callerToken(call);
    const usesLeft = record.usesLeft === null ? null : record.usesLeft - 1;
    return answer({ ...record, usesLeft }, call.tokenText ?? '');
  };
  return [
    coreEndpoint({
      pattern: 'lookup',
      help: 'Shows what is known of a token.',
      fields: tokenField,
      operations: { update: { summary: 'Look a token up', response: tokenFactsSchema, handle: lookup } },
    }),
    coreEndpoint({
      pattern: 'lookup-self',
      help: 'Shows what is known of the token that asks.',
      fields: {},
      operations: {
        read: { summary: 'Look this token up', response: tokenFactsSchema, handle: lookupSelf },
        update: { summary: 'Look this token up', response: tokenFactsSchema, handle: lookupSelf },
      },
    }),
    coreEndpoint({
      pattern: 'lookup-accessor',
      help: 'Shows what is known of a token, by its accessor.',
      fields: accessorField,
      operations: {
        update: {
          summary: 'Look a token up by accessor',
          response: tokenFactsSchema,
          handle: async (call) => answer(await byAccessor(rooms, call.fields.accessor), ''),
        },
      },
    }),
  ];
}

function renewals(rooms: CoreRooms): readonly Endpoint[] {
  const renewal = (
    pattern: string,
    fields: Fields,
    find: (call: CoreCall) => Promise<{ id: TokenId; text: string }>,
  ) =>
    coreEndpoint({
      pattern,
      help: 'Renews a token within its longest life.',
      fields: { ...fields, ...incrementField },
      operations: {
        update: {
          summary: 'Renew a token',
          spendsFirst: true,
          handle: async (call) => {
            const { id, text } = await find(call);
            const { increment } = call.fields as FieldValues<typeof incrementField>;
            return renew(rooms, id, text, increment, call.remoteAddress);
          },
        },
      },
    });
  return [
    renewal('renew-self', {}, async (call) => ({
      id: callerToken(call).record.id,
      text: call.tokenText ?? '',
    })),
    renewal('renew', tokenField, async (call) => {
      const text = String(call.fields['token']);
      return { id: rooms.tokens.idOf(text), text };
    }),
    renewal('renew-accessor', accessorField, async (call) => ({
      id: (await byAccessor(rooms, String(call.fields['accessor']))).id,
      text: '',
    })),
  ];
}

async function renew(
  rooms: CoreRooms,
  id: TokenId,
  text: string,
  increment: number | undefined,
  remoteAddress: string,
): Promise<Reply> {
  const found = await liveToken(rooms, id);
  if (found === undefined) throw new CofferError('permission_denied', 'bad token');
  const mount = found.mount === null ? undefined : rooms.mounts.table.byUuid(found.mount);
  const method = mount?.engine as { renewPrincipal?: AuthRenewal } | undefined;
  const again =
    found.internal === null || mount === undefined
      ? undefined
      : await method?.renewPrincipal?.(found.internal, rooms.view(mount.entry.uuid), remoteAddress);
  let capped = false;
  const now = rooms.clock.now();
  const record = await rooms.tokens.update(id, (current) => {
    if (!current.renewable || current.expiresAt === null) {
      throw new CofferError('invalid_request', 'lease is not renewable');
    }
    // Its time may have come while the method was asked: what has ended stays ended.
    if (current.expiresAt <= now) throw new CofferError('permission_denied', 'bad token');
    const granted = grantTtl({
      increment: current.period || increment,
      backendTtl: again?.ttl ?? current.creationTtl,
      mountDefault: systemTtl,
      maxima:
        current.period > 0
          ? [current.explicitMaxTtl]
          : [
              current.explicitMaxTtl,
              again?.maxTtl ?? current.maxTtl,
              mount === undefined ? systemTtl : maxTtl(mount.entry),
            ],
      issuedAt: current.issuedAt,
      now,
    });
    if (granted.seconds <= 0) throw new CofferError('invalid_request', 'past the max TTL, cannot renew');
    capped = granted.capped;
    return { ...current, renewedAt: now, expiresAt: now + granted.seconds * 1_000 };
  });
  if (record === undefined) throw new CofferError('permission_denied', 'bad token');
  const issued = authAnswer(record, text, now);
  return { issued, ...(capped ? { warnings: [cappedWarning(issued.leaseDuration)] } : {}) };
}

type AuthRenewal = NonNullable<import('../../engine/engine.ts').AuthMethod['renewPrincipal']>;

function revocations(rooms: CoreRooms): readonly Endpoint[] {
  return [
    coreEndpoint({
      pattern: 'revoke-self',
      help: 'Ends the token that asks, and every token below it.',
      fields: {},
      operations: {
        update: {
          summary: 'End this token',
          spendsFirst: true,
          handle: async (call) => void (await rooms.tokens.revoke(callerToken(call).record.id)),
        },
      },
    }),
    coreEndpoint({
      pattern: 'revoke',
      help: 'Ends a token and every token below it.',
      fields: tokenField,
      operations: {
        update: {
          summary: 'End a token',
          spendsFirst: true,
          handle: async (call) => void (await rooms.tokens.revoke(rooms.tokens.idOf(call.fields.token))),
        },
      },
    }),
    coreEndpoint({
      pattern: 'revoke-accessor',
      help: 'Ends a token and every token below it, by its accessor.',
      fields: accessorField,
      operations: {
        update: {
          summary: 'End a token by accessor',
          spendsFirst: true,
          handle: async (call) =>
            void (await rooms.tokens.revoke((await byAccessor(rooms, call.fields.accessor)).id)),
        },
      },
    }),
  ];
}

function list(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'accessors',
    help: 'Lists the accessors of all tokens.',
    fields: pageFields,
    operations: {
      list: {
        summary: 'List accessors',
        sudo: true,
        response: { keys: { type: 'list' } },
        handle: (call) => listPage((page) => rooms.tokens.accessors(page), call.fields),
      },
    },
  });
}

/** A token as anybody may use it: present, in time, and with all its ancestors. */
async function liveToken(rooms: CoreRooms, id: TokenId): Promise<TokenRecord | undefined> {
  return (await readLive(rooms, id))?.record;
}

async function readLive(rooms: CoreRooms, id: TokenId): Promise<ReadToken | undefined> {
  const { token } = await rooms.tokenReader.read(id);
  const isMounted = (uuid: string) => rooms.mounts.table.byUuid(uuid) !== undefined;
  return token === undefined || tokenProblem(token, rooms.clock.now(), isMounted) !== undefined
    ? undefined
    : token;
}

async function byAccessor(rooms: CoreRooms, accessor: string): Promise<TokenRecord> {
  const pointer = await rooms.tokens.readByAccessor(accessor);
  const found = pointer === undefined ? undefined : await liveToken(rooms, pointer.record.id);
  if (found === undefined) throw new CofferError('invalid_request', 'invalid accessor');
  return found;
}

function callerToken(call: CoreCall): ReadToken {
  if (call.token === undefined) throw new CofferError('permission_denied', 'permission denied');
  return call.token;
}

function ownMount(rooms: CoreRooms): Mount {
  const mount = rooms.mounts.table.at('auth/token/');
  if (mount === undefined) throw new CofferError('integrity', 'the token mount is missing');
  return mount;
}
