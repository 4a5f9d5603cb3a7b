/** Clients of a realm that are the provider's: an attribute names the application. Clients without it are somebody else's, and are not touched. */
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';
import type { ApiCall, ApiPlace } from '../api-place.ts';
import type { ServiceUser } from '../provider.ts';
import { foreign } from './realm-users.ts';

const attribute = { application: 'coffer.application', retired: 'coffer.retired' } as const;

export interface RealmClient {
  /** Keycloak's own. */
  readonly id: string;
  readonly clientId: string;
  readonly enabled: boolean;
  /** Nobody is to get in by it (any more), whatever becomes of the application. */
  readonly retired: boolean;
  readonly application: string;
}

export class RealmClients {
  readonly #api: ApiPlace;
  readonly #realm: string;
  readonly #scopePrefix: string | undefined;

  /** @param scopePrefix before a scope, the name of the client scope that it stands for; undefined where scopes stand for none */
  constructor(api: ApiPlace, realm: string, scopePrefix: string | undefined) {
    this.#api = api;
    this.#realm = realm;
    this.#scopePrefix = scopePrefix;
  }

  /** Undefined where there is none. Throws `invalid_request` for one that is somebody else's. */
  async find(clientId: string, signal: AbortSignal): Promise<RealmClient | undefined> {
    const found = await this.#api.list(
      this.#call('GET', ['clients'], 'find the client', { query: { clientId } }),
      signal,
    );
    const client = found.find((one) => one['clientId'] === clientId);
    const { id, attributes } = client ?? {};
    if (typeof id !== 'string') return undefined;
    const known = isJsonObject(attributes) ? attributes : {};
    const application = known[attribute.application];
    if (typeof application !== 'string')
      throw foreign('client', clientId, `it has no attribute ${attribute.application}`);
    return {
      id,
      clientId,
      enabled: client?.['enabled'] === true,
      retired: known[attribute.retired] === 'true',
      application,
    };
  }

  /** Makes it, or gives it another secret. @param secret null for a public client */
  async put(clientId: string, user: ServiceUser, secret: string | null, signal: AbortSignal): Promise<void> {
    const before = await this.find(clientId, signal);
    const body = {
      clientId,
      protocol: 'openid-connect',
      publicClient: secret === null,
      clientAuthenticatorType: 'client-secret',
      ...(secret === null ? {} : { secret }),
      enabled: true,
      attributes: {
        [attribute.application]: user.application,
        [attribute.retired]: 'false',
        // For a client without a secret the proof that whoever began a login also ends it (RFC 7636).
        'pkce.code.challenge.method': secret === null ? 'S256' : '',
      },
      serviceAccountsEnabled: secret !== null,
      directAccessGrantsEnabled: secret !== null,
      implicitFlowEnabled: false,
      ...described(user),
    };
    const { path, method } =
      before === undefined
        ? ({ path: ['clients'], method: 'POST' } as const)
        : ({ path: ['clients', before.id], method: 'PUT' } as const);
    await this.#api.call(this.#call(method, path, 'make or change a client', { body }), signal);
    const made = before ?? (await this.find(clientId, signal));
    if (made === undefined)
      throw new CofferError(
        'unavailable',
        `${this.#api.host} does not find the client that it made; try again`,
      );
    await this.#setScopes(made, user, signal);
  }

  /** Brings one that is there to what is wanted, but for its secret. */
  async change(client: RealmClient, user: ServiceUser, signal: AbortSignal): Promise<void> {
    const body = { clientId: client.clientId, enabled: !client.retired, ...described(user) };
    await this.#api.call(this.#call('PUT', ['clients', client.id], 'change a client', { body }), signal);
    await this.#setScopes(client, user, signal);
  }

  async disable({ id, clientId }: RealmClient, signal: AbortSignal): Promise<void> {
    const body = { clientId, enabled: false };
    await this.#api.call(this.#call('PUT', ['clients', id], 'disable a client', { body }), signal);
  }

  /** Its secret is lost, too. @param secret a random one that nobody is told */
  async retire(
    { id, clientId, application }: RealmClient,
    secret: string,
    signal: AbortSignal,
  ): Promise<void> {
    const attributes = { [attribute.application]: application, [attribute.retired]: 'true' };
    const body = { clientId, enabled: false, secret, attributes };
    await this.#api.call(this.#call('PUT', ['clients', id], 'retire a client', { body }), signal);
  }

  async delete({ id }: RealmClient, signal: AbortSignal): Promise<void> {
    await this.#api.call(this.#call('DELETE', ['clients', id], 'delete a client', { expect: [404] }), signal);
  }

  /** Id of the user that it is when it gets in by itself; undefined where it does not. */
  async serviceAccount({ id }: RealmClient, signal: AbortSignal): Promise<string | undefined> {
    const { json } = await this.#api.call(
      this.#call('GET', ['clients', id, 'service-account-user'], 'find the client’s own user', {
        expect: [400, 404],
      }),
      signal,
    );
    const account = isJsonObject(json) ? json['id'] : undefined;
    return typeof account === 'string' ? account : undefined;
  }

  /** Who writes scopes is not who administers the realm: a scope leads to a client scope of the configured prefix, and to none without one. */
  async #setScopes({ id }: RealmClient, { scopes }: ServiceUser, signal: AbortSignal): Promise<void> {
    const prefix = this.#scopePrefix;
    if (prefix === undefined) return;
    const wanted = new Set(
      scopes.map(
        (scope) => prefix + (scope.resourceType === '' ? scope.id : `${scope.resourceType}.${scope.id}`),
      ),
    );
    const path = ['clients', id, 'default-client-scopes'];
    const has = await this.#api.list(this.#call('GET', path, 'list the client’s scopes'), signal);
    for (const { id: scope, name } of has) {
      if (typeof name !== 'string' || !name.startsWith(prefix) || wanted.delete(name)) continue;
      const call = this.#call('DELETE', [...path, String(scope)], 'take a scope away', { expect: [404] });
      await this.#api.call(call, signal);
    }
    if (wanted.size === 0) return;
    const known = await this.#api.list(
      this.#call('GET', ['client-scopes'], 'list client scopes', { longest: 4 * 1024 * 1024 }),
      signal,
    );
    for (const name of wanted) {
      const scope = known.find((one) => one['name'] === name)?.['id'];
      if (typeof scope !== 'string')
        throw new CofferError('invalid_request', `the realm has no client scope ${JSON.stringify(name)}`);
      await this.#api.call(this.#call('PUT', [...path, scope], 'give a scope'), signal);
    }
  }

  #call(
    method: ApiCall['method'],
    path: readonly string[],
    what: string,
    more: Omit<ApiCall, 'method' | 'path' | 'what'> = {},
  ): ApiCall {
    return { method, path: ['admin', 'realms', this.#realm, ...path], what, ...more };
  }
}

function described({ name, subtitle, redirectUrl }: ServiceUser): JsonObject {
  return {
    // Bytes of Keycloak's columns are 255.
    name: name.slice(0, 80),
    description: subtitle.slice(0, 80),
    standardFlowEnabled: redirectUrl !== null,
    redirectUris: redirectUrl === null ? [] : [redirectUrl],
  };
}
