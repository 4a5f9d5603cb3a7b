/** `identity/oidc/role/…`, `token/…` and what others verify tokens by. */

import { signJwt, verifyOwnJwt } from '../../../crypto/jwt/sign.ts';
import { randomBase62 } from '../../../crypto/random.ts';
import { CofferError } from '../../../errors.ts';
import { type CoreCall, coreEndpoint } from '../../core-call.ts';
import type { Call, Endpoint, Fields, Reply } from '../../endpoint.ts';
import { listPage, pageFields } from '../../list-page.ts';
import type { CoreRooms } from '../../rooms.ts';
import { checkTemplate, decodeTemplate, fillClaims } from './claims.ts';
import {
  configWrite,
  issuerOf,
  type KeyRecord,
  keptWrite,
  keyFolder,
  mostRoles,
  parseOidcName,
  publicKeys,
  type RoleRecord,
  readAllKept,
  readConfig,
  readKept,
  roleFolder,
} from './records.ts';

const roleFields = {
  key: { type: 'string', help: 'Name of the key that signs.' },
  template: { type: 'string', help: 'Claims as a JSON object with {{…}} for values, also as base64.' },
  client_id: { type: 'string', help: 'Audience of the tokens; a random one when absent.' },
  ttl: { type: 'duration', help: 'Life of the tokens; 24h when absent, the key’s verification_ttl at most.' },
} as const satisfies Fields;

const introspectFields = {
  token: { type: 'string', help: 'The identity token.', required: true, sensitive: true },
  client_id: { type: 'string', help: 'For whom it must be; anybody when absent.' },
} as const satisfies Fields;

const day = 86_400;

export function tokenEndpoints(rooms: CoreRooms): readonly Endpoint[] {
  return [config(), role(rooms), roleList(), token(rooms), introspection(rooms), ...wellKnown(rooms)];
}

function config(): Endpoint {
  return coreEndpoint({
    pattern: 'oidc/config',
    help: 'What identity tokens name as their issuer.',
    fields: { issuer: { type: 'string', help: 'Scheme, host and port; empty for none.' } },
    operations: {
      read: {
        summary: 'Read the issuer of identity tokens',
        response: { issuer: { type: 'string' } },
        handle: async ({ view }) => ({ data: { ...(await readConfig(view)) } }),
      },
      update: {
        summary: 'Set the issuer of identity tokens',
        spendsFirst: true,
        handle: async ({ view, fields }) => {
          const { issuer = '' } = fields;
          if (issuer !== '' && !/^https?:\/\/[A-Za-z0-9.[\]:-]{1,250}$/.test(issuer)) {
            throw new CofferError(
              'invalid_request',
              'issuer is http(s)://host, with a port if need be, and no path',
            );
          }
          await view.commit([configWrite({ issuer })]);
          return undefined;
        },
      },
    },
  });
}

function role(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'oidc/role/:name',
    help: 'A kind of identity token: who signs it, for whom it is, and what it says.',
    fields: roleFields,
    operations: {
      update: {
        summary: 'Make or change a role of identity tokens',
        spendsFirst: true,
        handle: async (call) => void (await writeRole(rooms, call)),
      },
      read: {
        summary: 'Read a role of identity tokens',
        response: {
          key: { type: 'string' },
          template: { type: 'string' },
          client_id: { type: 'string' },
          ttl: { type: 'duration' },
        },
        handle: async ({ params, view }) => {
          const kept = await readKept<RoleRecord>(view, roleFolder + parseOidcName(params['name'] ?? ''));
          if (kept === undefined) return undefined;
          const { key, template, clientId: client_id, ttl } = kept.record;
          return { data: { key, template, client_id, ttl } };
        },
      },
      delete: {
        summary: 'End a role of identity tokens',
        spendsFirst: true,
        handle: async ({ params, view }) => {
          await view.commit([{ path: roleFolder + parseOidcName(params['name'] ?? ''), value: null }]);
          return undefined;
        },
      },
    },
  });
}

function roleList(): Endpoint {
  return coreEndpoint({
    pattern: 'oidc/role',
    help: 'Lists the roles of identity tokens.',
    fields: pageFields,
    operations: {
      list: {
        summary: 'List roles of identity tokens',
        response: { keys: { type: 'list' } },
        handle: ({ view, fields }) => listPage((page) => view.children(roleFolder, page), fields),
      },
    },
  });
}

async function writeRole(rooms: CoreRooms, { view, fields, params }: Call<typeof roleFields>): Promise<void> {
  const name = parseOidcName(params['name'] ?? '');
  const before = (await readKept<RoleRecord>(view, roleFolder + name))?.record;
  const keyName = fields.key ?? before?.key;
  if (keyName === undefined || keyName === '')
    throw new CofferError('invalid_request', 'the key parameter is required');
  const key = await readKept<KeyRecord>(view, keyFolder + parseOidcName(keyName));
  if (key === undefined) throw new CofferError('invalid_request', `cannot find key "${keyName}"`);
  const { verificationTtl } = key.record;
  const ttl = fields.ttl ?? before?.ttl ?? Math.min(day, verificationTtl);
  if (ttl <= 0 || ttl > verificationTtl) {
    throw new CofferError('invalid_request', "a role's token ttl is at most the verification_ttl of its key");
  }
  const template = fields.template === undefined ? (before?.template ?? '') : decodeTemplate(fields.template);
  if (template !== '') checkTemplate(template);
  const clientId = fields.client_id || before?.clientId || randomBase62(rooms.random, 26);
  if (clientId.length > 200) throw new CofferError('invalid_request', 'client_id has at most 200 characters');
  if (
    before === undefined &&
    (await view.children(roleFolder, { limit: mostRoles })).items.length >= mostRoles
  ) {
    throw new CofferError('invalid_request', `there are at most ${mostRoles} roles`);
  }
  const record: RoleRecord = { name, key: keyName, template, clientId, ttl };
  // The key as it is: it is not ended while a role comes to use it.
  await view.commit(
    [keptWrite(roleFolder + name, record)],
    [{ path: keyFolder + keyName, revision: key.revision }],
  );
}

function token(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'oidc/token/:name',
    help: 'Signs a token that says who the caller is, for others to verify.',
    fields: {},
    operations: {
      read: {
        summary: 'Make an identity token',
        spendsFirst: true,
        response: {
          token: { type: 'string', sensitive: true },
          client_id: { type: 'string' },
          ttl: { type: 'duration' },
        },
        handle: (call) => makeToken(rooms, call),
      },
    },
  });
}

async function makeToken(rooms: CoreRooms, { params, view, token: caller }: CoreCall): Promise<Reply> {
  const identity = caller?.identity;
  if (identity === undefined) {
    throw new CofferError('invalid_request', "no entity associated with the request's token");
  }
  const kept = await readKept<RoleRecord>(view, roleFolder + parseOidcName(params['name'] ?? ''));
  if (kept === undefined) throw new CofferError('invalid_request', 'there is no role of this name');
  const { key: keyName, clientId, ttl, template } = kept.record;
  const key = (await readKept<KeyRecord>(view, keyFolder + keyName))?.record;
  if (key === undefined)
    throw new CofferError('invalid_request', `the key "${keyName}" of this role is gone`);
  if (!key.allowedClientIds.includes('*') && !key.allowedClientIds.includes(clientId)) {
    throw new CofferError(
      'invalid_request',
      `the key "${keyName}" does not list the client ID of this role as an allowed client ID`,
    );
  }
  const settings = await readConfig(view);
  const now = rooms.clock.now();
  const issuedAt = Math.floor(now / 1_000);
  // A key's verification_ttl may have been shortened since the role was written.
  const life = Math.min(ttl, key.verificationTtl);
  const claims = {
    ...fillClaims(template, identity, now),
    iss: issuerOf(settings),
    sub: identity.entity.id,
    aud: clientId,
    iat: issuedAt,
    exp: issuedAt + life,
    namespace: 'root',
  };
  const warnings =
    settings.issuer === ''
      ? ['no issuer is set: write identity/oidc/config, so that others find the keys']
      : [];
  return { data: { token: await signJwt(claims, key.current), client_id: clientId, ttl: life }, warnings };
}

function introspection(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'oidc/introspect',
    help: 'Says whether an identity token of this server is good now: signed, in time, and of an entity that is there and not disabled.',
    fields: introspectFields,
    operations: {
      update: {
        summary: 'Check an identity token',
        plain: true,
        computes: true,
        response: { active: { type: 'bool' }, error: { type: 'string', optional: true } },
        handle: async ({ fields, view }) => {
          const now = rooms.clock.now();
          const jwks = publicKeys(await readAllKept<KeyRecord>(view, keyFolder), now);
          const claims = await verifyOwnJwt(fields.token, jwks, {
            issuer: issuerOf(await readConfig(view)),
            audience: fields.client_id || undefined,
            now,
          });
          if (claims === undefined) return { data: { active: false, error: 'the token is not valid' } };
          const identity = await rooms.identities.identity(String(claims['sub']));
          if (identity === undefined) return { data: { active: false, error: 'its entity is gone' } };
          if (identity.entity.disabled) return { data: { active: false, error: 'its entity is disabled' } };
          return { data: { active: true } };
        },
      },
    },
  });
}

function wellKnown(rooms: CoreRooms): readonly Endpoint[] {
  const open = { login: true, plain: true } as const;
  return [
    coreEndpoint({
      pattern: 'oidc/.well-known/openid-configuration',
      help: 'Where programs find the keys of identity tokens (OpenID Connect Discovery 1.0).',
      fields: {},
      operations: {
        read: {
          summary: 'Discovery of identity tokens',
          ...open,
          response: {
            issuer: { type: 'string' },
            jwks_uri: { type: 'string' },
            id_token_signing_alg_values_supported: { type: 'list' },
            response_types_supported: { type: 'list' },
            subject_types_supported: { type: 'list' },
          },
          handle: async ({ view }) => {
            const issuer = issuerOf(await readConfig(view));
            return {
              data: {
                issuer,
                jwks_uri: `${issuer}/.well-known/keys`,
                id_token_signing_alg_values_supported: [
                  'RS256',
                  'RS384',
                  'RS512',
                  'ES256',
                  'ES384',
                  'ES512',
                  'EdDSA',
                ],
                response_types_supported: ['id_token'],
                subject_types_supported: ['public'],
              },
            };
          },
        },
      },
    }),
    coreEndpoint({
      pattern: 'oidc/.well-known/keys',
      help: 'The public keys by which identity tokens are verified, as a JSON Web Key Set (RFC 7517).',
      fields: {},
      operations: {
        read: {
          summary: 'Public keys of identity tokens',
          ...open,
          response: { keys: { type: 'any', help: 'JSON Web Keys.' } },
          handle: async ({ view }) => ({
            data: { keys: publicKeys(await readAllKept<KeyRecord>(view, keyFolder), rooms.clock.now()) },
          }),
        },
      },
    }),
  ];
}
