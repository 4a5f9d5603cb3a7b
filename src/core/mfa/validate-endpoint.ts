/** `sys/mfa/validate`: the second step of a login, by whoever has the request id, on any node. */
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';
import { type CoreCall, coreEndpoint } from '../core-call.ts';
import type { Endpoint, Reply } from '../endpoint.ts';
import { identityForeseen } from '../identity/login.ts';
import { retryOnConflict } from '../retry.ts';
import type { CoreRooms } from '../rooms.ts';
import { issueLogin } from '../token/issuer.ts';
import { identityOf } from '../token/record.ts';
import { denied } from './enforcement.ts';
import { settledIdentity } from './login.ts';
import type { PendingLogin } from './pending.ts';
import type { Codes } from './proof.ts';

const fields = {
  mfa_request_id: {
    type: 'string',
    help: 'From the login’s answer.',
    sensitive: true,
    required: true,
  },
  mfa_payload: {
    type: 'object',
    help: 'By id or name of a method, a list with its code.',
    sensitive: true,
    required: true,
  },
} as const;

export function validateEndpoint(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'mfa/validate',
    help: 'Ends a login that waits for a second factor, with a token.',
    fields,
    operations: {
      update: {
        summary: 'Validate a login',
        login: true,
        logsIn: true,
        handle: (call) => validate(rooms, call),
      },
    },
  });
}

async function validate(rooms: CoreRooms, call: CoreCall<typeof fields>): Promise<Reply> {
  const codes = codesOf(call.fields.mfa_payload);
  return retryOnConflict(() => validateOnce(rooms, call, codes));
}

/** Reads everything afresh: of two validations of one login, or of one code, the one that commits first is the only one. */
async function validateOnce(rooms: CoreRooms, call: CoreCall<typeof fields>, codes: Codes): Promise<Reply> {
  const { store, mfa, tokens } = rooms;
  const stored = await mfa.pending.read(call.fields.mfa_request_id);
  if (stored === undefined) throw notValid();
  const { login } = stored;
  if (login.wrapped && call.wrapTtl === 0) {
    throw new CofferError(
      'invalid_request',
      'the login asked for a wrapped answer: send X-Vault-Wrap-TTL with its validation too',
    );
  }
  const mount = rooms.mounts.table.byUuid(login.mount);
  const identity = await rooms.identities.reader.read(login.entity);
  if (mount === undefined || identity === undefined || identity.entity.disabled) throw denied();
  const { type, accessor, uuid } = mount.entry;
  const { principal } = login;
  // Its alias may have ended since, or be somebody else's.
  const isKnown = identity.entity.aliases.some(
    (alias) => alias.mount === login.mount && alias.name === principal.alias,
  );
  if (!isKnown) throw denied();
  // What is wanted is what holds now, not what held when the login began.
  const foreseen = await identityForeseen(rooms.identities, mount.entry, principal, identity);
  const demands = mfa.demandsOn({ type, accessor, alias: principal.alias, identity: foreseen });
  const changes = await mfa.prove(identity.entity.id, demands, codes, (bad) =>
    store.commit(
      bad.map(({ write }) => write),
      bad.map(({ expectation }) => expectation),
    ),
  );
  await checkPrincipal(rooms, login, call.remoteAddress);
  const settled = await settledIdentity(rooms, mount.entry, principal, identity);
  const issued = issueLogin(rooms, mount.entry, login.path, principal, settled, demands.length > 0);
  // Only what the store keeps is counted.
  if (issued.writes.length > 0) await rooms.ceilings.admitToken(identityOf(uuid, principal.alias));
  await store.commit(
    [...issued.writes, ...stored.endWrites, ...changes.map(({ write }) => write)],
    [stored.asRead, ...changes.map(({ expectation }) => expectation), await rooms.mounts.expectMounted(uuid)],
  );
  rooms.meter.tally('token_issued');
  return {
    issued: issued.auth,
    warnings: issued.warnings,
    undo: () => tokens.revoke(tokens.idOf(issued.auth.clientToken)),
  };
}

/** One answer for ids that never were, were used, or have expired. */
function notValid(): CofferError {
  return new CofferError('permission_denied', 'the MFA request is not valid or has expired: log in again');
}

/** Asks the auth method again, as for a renewal: a user or role may be gone by now. Throws what the method refuses with. */
async function checkPrincipal(
  rooms: CoreRooms,
  { principal, mount, shown }: PendingLogin,
  remoteAddress: string,
): Promise<void> {
  const method = rooms.mounts.table.byUuid(mount)?.engine as
    | { readonly renewPrincipal?: import('../../engine/engine.ts').AuthMethod['renewPrincipal'] }
    | undefined;
  if (principal.internal === undefined) return;
  const certificates = shown?.map((der) => Buffer.from(der, 'base64'));
  await method?.renewPrincipal?.(principal.internal, rooms.view(mount), {
    clientCertificate: certificates === undefined ? undefined : () => certificates,
    remoteAddress,
  });
}

/** Methods that one validation names. */
const mostCodes = 10;

/** Throws `invalid_request`, never with a code. */
function codesOf(payload: JsonObject): Codes {
  const entries = isJsonObject(payload) ? Object.entries(payload) : [];
  if (entries.length > mostCodes) {
    throw new CofferError('invalid_request', `mfa_payload names at most ${mostCodes} methods`);
  }
  return new Map(
    entries.map(([method, value]) => {
      const [code = '', ...more] = Array.isArray(value) ? value : [value];
      if (typeof code !== 'string' || more.length > 0) {
        throw new CofferError('invalid_request', 'mfa_payload is an object of lists with one code each');
      }
      return [method, code] as const;
    }),
  );
}
