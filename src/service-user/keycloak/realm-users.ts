/**
 * Users of a realm that are the provider's: members of one group, which is made where it is missing. A user of a name that is not in the group is
 * somebody else's, and is not touched. (Users' own attributes would not do: realms drop those that their profile does not know.)
 */
import { createHash } from 'node:crypto';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { ApiCall, ApiPlace } from '../api-place.ts';

export interface RealmUser {
  readonly id: string;
  readonly username: string;
  readonly enabled: boolean;
}

export class RealmUsers {
  readonly #api: ApiPlace;
  readonly #realm: string;
  readonly #group: string;

  constructor(api: ApiPlace, realm: string, group: string) {
    this.#api = api;
    this.#realm = realm;
    this.#group = group;
  }

  /** Undefined where there is none. Throws `invalid_request` for one that is somebody else's. */
  async find(username: string, signal: AbortSignal): Promise<RealmUser | undefined> {
    const query = { username, exact: 'true', briefRepresentation: 'true' };
    const found = await this.#api.list(this.#call('GET', ['users'], 'find the user', { query }), signal);
    const user = found.map(userOf).find((one) => one?.username === username);
    if (user === undefined) return undefined;
    const groups = await this.#api.list(
      this.#call('GET', ['users', user.id, 'groups'], 'read the user’s groups', {
        query: { briefRepresentation: 'true' },
      }),
      signal,
    );
    if (groups.some(({ path }) => path === `/${this.#group}`)) return user;
    throw foreign('user', username, `it is not in the group ${JSON.stringify(this.#group)}`);
  }

  /** Makes one without a password. Throws `unavailable` where somebody else made it meanwhile. */
  async make(username: string, application: string, signal: AbortSignal): Promise<RealmUser> {
    await this.#groupId(signal);
    const body = { ...profileOf(username, application), enabled: true, groups: [`/${this.#group}`] };
    const made = this.#call('POST', ['users'], 'make a user', { body, expect: [409] });
    await this.#api.call(made, signal);
    const user = await this.find(username, signal);
    if (user !== undefined) return user;
    throw new CofferError('unavailable', `${this.#api.host} does not find the user that it made; try again`);
  }

  async enable({ id }: RealmUser, enabled: boolean, signal: AbortSignal): Promise<void> {
    await this.#api.call(
      this.#call('PUT', ['users', id], 'enable or disable the user', { body: { enabled } }),
      signal,
    );
  }

  async setPassword({ id }: RealmUser, value: string, signal: AbortSignal): Promise<void> {
    const body = { type: 'password', temporary: false, value };
    await this.#api.call(
      this.#call('PUT', ['users', id, 'reset-password'], 'set a password', { body }),
      signal,
    );
  }

  /** Nobody gets in by the user any more, until it is given a password. */
  async dropPasswords({ id }: RealmUser, signal: AbortSignal): Promise<void> {
    const path = ['users', id, 'credentials'];
    for (const credential of await this.#api.list(this.#call('GET', path, 'list credentials'), signal)) {
      const drop = this.#call('DELETE', [...path, String(credential['id'])], 'delete a credential', {
        expect: [404],
      });
      await this.#api.call(drop, signal);
    }
  }

  /** Ends its sessions, and the tokens of them that somebody asks Keycloak about. */
  async logOut(id: string, signal: AbortSignal): Promise<void> {
    await this.#api.call(
      this.#call('POST', ['users', id, 'logout'], 'end sessions', { expect: [404] }),
      signal,
    );
  }

  async delete({ id }: RealmUser, signal: AbortSignal): Promise<void> {
    await this.#api.call(this.#call('DELETE', ['users', id], 'delete the user', { expect: [404] }), signal);
  }

  /** Members of the group from the `first`th on. */
  async members(first: number, most: number, signal: AbortSignal): Promise<readonly RealmUser[]> {
    const group = await this.#groupId(signal);
    const query = { first: String(first), max: String(most), briefRepresentation: 'true' };
    const found = await this.#api.list(
      this.#call('GET', ['groups', group, 'members'], 'list users', { query, longest: 4 * 1024 * 1024 }),
      signal,
    );
    return found.flatMap((one) => userOf(one) ?? []);
  }

  async #groupId(signal: AbortSignal): Promise<string> {
    const known = await this.#findGroup(signal);
    if (known !== undefined) return known;
    const make = this.#call('POST', ['groups'], 'make the group of service users', {
      body: { name: this.#group },
      expect: [409],
    });
    await this.#api.call(make, signal);
    const made = await this.#findGroup(signal);
    if (made !== undefined) return made;
    throw this.#api.strange('make the group of service users');
  }

  async #findGroup(signal: AbortSignal): Promise<string | undefined> {
    const query = { search: this.#group, exact: 'true', briefRepresentation: 'true' };
    const found = await this.#api.list(this.#call('GET', ['groups'], 'find the group', { query }), signal);
    const group = found.find(({ path }) => path === `/${this.#group}`);
    return typeof group?.['id'] === 'string' ? group['id'] : undefined;
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

export function foreign(what: string, name: string, why: string): CofferError {
  return new CofferError(
    'invalid_request',
    `the realm has a ${what} ${JSON.stringify(name)} that is not one of this provider’s: ${why}`,
  );
}

function userOf({ id, username, enabled }: JsonObject): RealmUser | undefined {
  return typeof id === 'string' && typeof username === 'string'
    ? { id, username, enabled: enabled === true }
    : undefined;
}

/**
 * What the usual profile of a realm asks of users: without it a login by password ends with "Account is not fully set up". The address leads
 * nowhere (RFC 2606 §2), and is short enough whatever the name.
 */
function profileOf(username: string, application: string): JsonObject {
  const local = createHash('sha256').update(username).digest('hex').slice(0, 32);
  return {
    username,
    firstName: application,
    lastName: 'service user',
    email: `${local}@service-users.invalid`,
    emailVerified: true,
  };
}
