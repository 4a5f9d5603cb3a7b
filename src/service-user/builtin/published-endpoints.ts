/** What anybody may read, and what rotates it: the keys that verify access tokens (RFC 7517), and where all this is (RFC 8414, OpenID Connect Discovery 1.0). */
import { type Endpoint, endpoint, type Fields } from '../../core/endpoint.ts';
import { issuerOf, type OAuthRooms } from './oauth-rooms.ts';
import { keysPath } from './signing-keys.ts';

const open = { login: true, plain: true } as const;

export function publishedEndpoints(rooms: OAuthRooms): readonly Endpoint[] {
  return [keys(rooms), rotation(rooms), metadata(rooms)];
}

function keys(rooms: OAuthRooms): Endpoint {
  return endpoint({
    pattern: 'oauth2/keys',
    help: 'The public keys by which access tokens are verified, as a JSON Web Key Set (RFC 7517): one that signs, the next one, and earlier ones whose tokens live.',
    fields: {},
    operations: {
      read: {
        summary: 'Public keys of access tokens',
        ...open,
        response: { keys: { type: 'any', help: 'JSON Web Keys.' } },
        handle: async ({ view, clock }) => {
          const there = rooms.keys.opened(await view.read(keysPath));
          return { data: { keys: there?.published(clock.now()) ?? [] } };
        },
      },
    },
  });
}

const rotateFields = {
  emergency: {
    type: 'bool',
    help: 'A key was stolen: no earlier one verifies any more, so that every access token is dead.',
  },
} as const satisfies Fields;

function rotation(rooms: OAuthRooms): Endpoint {
  return endpoint({
    pattern: 'oauth2/keys/rotate',
    help: 'Has the next key of access tokens sign from now on, which they do by themselves every seven days.',
    fields: rotateFields,
    operations: {
      update: {
        summary: 'Rotate the keys of access tokens',
        handle: async ({ view, fields }) => {
          await rooms.keys.rotate(view, fields.emergency === true);
          return undefined;
        },
      },
    },
  });
}

const clientMethods = ['client_secret_basic', 'client_secret_post'];

function metadata(rooms: OAuthRooms): Endpoint {
  const list = { type: 'list' } as const;
  const address = { type: 'string' } as const;
  return endpoint({
    pattern: 'oauth2/metadata',
    help: 'Where the endpoints of OAuth 2.0 are, and what they take (RFC 8414). There is no id token and no page to log in on.',
    fields: {},
    operations: {
      read: {
        summary: 'Discovery of the OAuth 2.0 endpoints',
        ...open,
        response: {
          issuer: address,
          token_endpoint: address,
          introspection_endpoint: address,
          revocation_endpoint: address,
          jwks_uri: address,
          grant_types_supported: list,
          response_types_supported: list,
          scopes_supported: list,
          subject_types_supported: list,
          id_token_signing_alg_values_supported: list,
          token_endpoint_auth_methods_supported: list,
          introspection_endpoint_auth_methods_supported: list,
          revocation_endpoint_auth_methods_supported: list,
        },
        handle: async ({ view }) => {
          const issuer = issuerOf(rooms, await view.read(rooms.settings.path));
          return {
            data: {
              issuer,
              token_endpoint: `${issuer}/oauth2/access_token`,
              introspection_endpoint: `${issuer}/oauth2/introspect`,
              revocation_endpoint: `${issuer}/oauth2/revoke`,
              jwks_uri: `${issuer}/oauth2/keys`,
              grant_types_supported: ['client_credentials', 'password'],
              response_types_supported: [],
              scopes_supported: ['cn', 'uid'],
              // OpenID Connect Discovery wants these two said, also where no id token is made.
              subject_types_supported: ['public'],
              id_token_signing_alg_values_supported: ['ES256'],
              token_endpoint_auth_methods_supported: clientMethods,
              introspection_endpoint_auth_methods_supported: clientMethods,
              revocation_endpoint_auth_methods_supported: clientMethods,
            },
          };
        },
      },
    },
  });
}
