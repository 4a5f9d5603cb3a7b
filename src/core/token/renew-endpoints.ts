/** `auth/token/renew`, by token, by accessor and of the token that asks. */
import type { AuthMethod, RenewalCaller } from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';
import { type CoreCall, coreEndpoint } from '../core-call.ts';
import type { Endpoint, Fields, FieldValues, Reply } from '../endpoint.ts';
import { defaultTtl, maxTtl, systemTtl } from '../mount/entry.ts';
import type { Mount } from '../mount/table.ts';
import type { CoreRooms } from '../rooms.ts';
import { cappedWarning, grantTtl } from '../ttl-rule.ts';
import { lesser } from './create.ts';
import { authAnswer } from './issuer.ts';
import { callerToken, liveByAccessor, liveById, ownMount, refuseBatch } from './live.ts';
import { accessorField, tokenField } from './name-fields.ts';
import { isOrphan } from './reader.ts';
import type { TokenId, TokenRecord } from './record.ts';
import { readTokenRole } from './role.ts';

const incrementField = { increment: { type: 'duration', help: 'Life asked for.' } } as const;

type Renewed = { readonly id: TokenId; readonly text: string };

export function renewEndpoints(rooms: CoreRooms): readonly Endpoint[] {
  const renewal = (pattern: string, fields: Fields, find: (call: CoreCall) => Promise<Renewed>) =>
    coreEndpoint({
      pattern,
      help: 'Renews a token within its longest life.',
      fields: { ...fields, ...incrementField },
      operations: {
        update: {
          summary: 'Renew a token',
          spendsFirst: true,
          clientCertificate: true,
          handle: async (call) => {
            const renewed = await find(call);
            await refuseBatch(rooms, renewed.text, 'renewed');
            const { increment } = call.fields as FieldValues<typeof incrementField>;
            return renew(rooms, call, renewed, increment);
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
      id: (await liveByAccessor(rooms, String(call.fields['accessor']))).record.id,
      text: '',
    })),
  ];
}

/** What holds for a token's life from now on. Seconds; 0 and undefined are none. */
interface Terms {
  readonly ttl?: number | undefined;
  readonly maxTtl?: number | undefined;
  readonly period: number;
  readonly explicitMaxTtl: number;
}

async function renew(
  rooms: CoreRooms,
  caller: RenewalCaller,
  { id, text }: Renewed,
  increment: number | undefined,
): Promise<Reply> {
  const found = await liveById(rooms, id);
  if (found === undefined) throw new CofferError('permission_denied', 'bad token');
  const mount = found.record.mount === null ? undefined : rooms.mounts.table.byUuid(found.record.mount);
  // Tokens made by tokens are under the settings of `auth/token/`.
  const issuer = (mount ?? rooms.mounts.table.at('auth/token/'))?.entry;
  const terms = await termsNow(rooms, found.record, mount, caller);
  let capped = false;
  const now = rooms.clock.now();
  const record = await rooms.tokens.update(id, (current) => {
    if (!current.renewable || current.expiresAt === null) {
      throw new CofferError('invalid_request', 'lease is not renewable');
    }
    // Its time may have come while the method was asked: what has ended stays ended.
    if (current.expiresAt <= now) throw new CofferError('permission_denied', 'bad token');
    const { period, explicitMaxTtl } = terms;
    const granted = grantTtl({
      increment: period || increment,
      backendTtl: terms.ttl ?? current.creationTtl,
      mountDefault: issuer === undefined ? systemTtl : defaultTtl(issuer),
      maxima:
        period > 0
          ? [explicitMaxTtl]
          : [
              explicitMaxTtl,
              terms.maxTtl ?? current.maxTtl,
              issuer === undefined ? systemTtl : maxTtl(issuer),
            ],
      issuedAt: current.issuedAt,
      now,
    });
    if (granted.seconds <= 0) throw new CofferError('invalid_request', 'past the max TTL, cannot renew');
    capped = granted.capped;
    const expiresAt = now + granted.seconds * 1_000;
    return { ...current, period, explicitMaxTtl, renewedAt: now, expiresAt };
  });
  if (record === undefined) throw new CofferError('permission_denied', 'bad token');
  const issued = authAnswer({ ...record, orphan: isOrphan(found) }, text, now, found.identity);
  return { issued, ...(capped ? { warnings: [cappedWarning(issued.leaseDuration)] } : {}) };
}

/** Throws to refuse: the method or the role that the token comes from has the last word. */
async function termsNow(
  rooms: CoreRooms,
  token: TokenRecord,
  mount: Mount | undefined,
  { clientCertificate, remoteAddress }: RenewalCaller,
): Promise<Terms> {
  const { period, explicitMaxTtl, internal } = token;
  if (token.role !== undefined) return termsOfRole(rooms, token, token.role);
  const method = mount?.engine as Partial<AuthMethod> | undefined;
  const again =
    internal === null || mount === undefined
      ? undefined
      : await method?.renewPrincipal?.(internal, rooms.view(mount.entry.uuid), {
          clientCertificate,
          remoteAddress,
        });
  return { period, explicitMaxTtl, ...again };
}

/** The role as it is now, and what was asked besides at the token's making. */
async function termsOfRole(rooms: CoreRooms, token: TokenRecord, name: string): Promise<Terms> {
  const found = await readTokenRole(rooms.view(ownMount(rooms).entry.uuid), name);
  if (found === undefined) {
    throw new CofferError(
      'invalid_request',
      `original token role "${name}" could not be found, not renewing`,
    );
  }
  const { role } = found;
  return {
    period: lesser(token.asked?.period ?? 0, role.period),
    explicitMaxTtl: lesser(token.asked?.explicitMaxTtl ?? 0, role.explicitMaxTtl),
  };
}
