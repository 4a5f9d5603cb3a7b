/**
 * Applications' users and clients, behind the seam of providers. A user of Keycloak has one password, and a client one secret: each application has
 * two of both, NAME-a and NAME-b, and what is staged is always the other one.
 *
 * A retired user has no password, a retired client an attribute that says so; a disabled one is not enabled. So what comes back when an application is
 * enabled again is what was good before.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import { CofferError } from '../../errors.ts';
import type { Outgoing } from '../../outgoing/https.ts';
import type {
  Credential,
  CredentialKind,
  ListedUser,
  OpenProvider,
  ProviderTraits,
  ProviderTurn,
  ServiceUser,
  Staging,
} from '../provider.ts';
import { type TokenServer, tryGrant } from '../token-grant.ts';
import type { RealmClients } from './realm-clients.ts';
import type { RealmUser, RealmUsers } from './realm-users.ts';

export interface KeycloakSettings {
  readonly concurrency: number;
  readonly ask: Outgoing;
  readonly clock: Clock;
  /** Of the realm of the users. */
  readonly tokens: TokenServer;
  /** A public client by which passwords are tried. */
  readonly verifyClient: string;
}

const pageSize = 200;

export class KeycloakUsers implements OpenProvider {
  readonly traits: ProviderTraits = {
    kinds: { password: { oldEndsAt: 'retire' }, client: { oldEndsAt: 'retire' } },
    most: 2,
  };
  readonly concurrency: number;
  readonly #users: RealmUsers;
  readonly #clients: RealmClients;
  readonly #settings: KeycloakSettings;

  constructor(users: RealmUsers, clients: RealmClients, settings: KeycloakSettings) {
    this.#users = users;
    this.#clients = clients;
    this.#settings = settings;
    this.concurrency = settings.concurrency;
  }

  async ensure(user: ServiceUser, { signal }: ProviderTurn): Promise<void> {
    const [first, second] = pairOf(user.username);
    for (const clientId of [first, second]) {
      const client = await this.#clients.find(clientId, signal);
      if (client !== undefined) await this.#clients.change(client, user, signal);
    }
    const other = await this.#users.find(second, signal);
    if (other?.enabled === false) await this.#users.enable(other, true, signal);
    // By the first one a user counts as there, and as enabled: it comes last.
    const found = await this.#users.find(first, signal);
    if (found === undefined) await this.#users.make(first, user.application, signal);
    else if (!found.enabled) await this.#users.enable(found, true, signal);
  }

  async disable(username: string, { signal }: ProviderTurn): Promise<void> {
    for (const name of pairOf(username)) {
      const user = await this.#users.find(name, signal);
      if (user?.enabled === true) await this.#users.enable(user, false, signal);
      if (user !== undefined) await this.#users.logOut(user.id, signal);
      const client = await this.#clients.find(name, signal);
      if (client?.enabled === true) await this.#clients.disable(client, signal);
    }
  }

  async delete(username: string, { signal }: ProviderTurn): Promise<void> {
    // The first one last: as long as it is there the user is, and is found again.
    for (const name of pairOf(username).toReversed()) {
      const client = await this.#clients.find(name, signal);
      if (client !== undefined) await this.#clients.delete(client, signal);
      const user = await this.#users.find(name, signal);
      if (user !== undefined) await this.#users.delete(user, signal);
    }
  }

  async list(prefix: string, after: string | undefined, { signal }: ProviderTurn) {
    const first = after === undefined ? 0 : Number(after);
    if (!Number.isSafeInteger(first) || first < 0)
      throw new CofferError('invalid_request', 'a page begins where the one before it ended');
    const members = await this.#users.members(first, pageSize, signal);
    const users: ListedUser[] = members
      .filter(({ username }) => username.endsWith('-a') && username.startsWith(prefix))
      .map(({ username, enabled }) => ({ username: username.slice(0, -2), disabled: !enabled }))
      .filter((user) => user.username.startsWith(prefix));
    return members.length < pageSize ? { users } : { users, next: String(first + members.length) };
  }

  async stage(user: ServiceUser, staging: Staging, { signal }: ProviderTurn): Promise<Credential> {
    const { kind, generation, proposed, current } = staging;
    const [first, second] = pairOf(user.username);
    const id = current?.id === first ? second : first;
    if (kind === 'password') {
      const found = await this.#users.find(id, signal);
      const other = found ?? (await this.#users.make(id, user.application, signal));
      if (!other.enabled) await this.#users.enable(other, true, signal);
      await this.#users.setPassword(other, proposed, signal);
      return { kind, generation, id, secret: proposed, reference: id };
    }
    const secret = user.confidential ? proposed : null;
    await this.#clients.put(id, user, secret, signal);
    return { kind, generation, id, secret, reference: id };
  }

  async verify(user: ServiceUser, { kind, id, secret }: Credential, { signal }: ProviderTurn) {
    const { ask, tokens, clock, verifyClient } = this.#settings;
    if (!pairOf(user.username).some((name) => name === id)) return 'refused' as const;
    if (secret === null) return 'unknown' as const;
    const surroundings = { signal, clock };
    return kind === 'client'
      ? tryGrant(ask, tokens, { id, secret }, { grant_type: 'client_credentials' }, surroundings)
      : tryGrant(
          ask,
          tokens,
          { id: verifyClient, secret: null },
          { grant_type: 'password', username: id, password: secret },
          surroundings,
        );
  }

  /** Both are good, and stay so. */
  async commit(): Promise<void> {}

  async retireOthers(
    user: ServiceUser,
    kind: CredentialKind,
    keep: readonly Credential[],
    { signal }: ProviderTurn,
  ): Promise<void> {
    for (const name of pairOf(user.username)) {
      if (keep.some(({ id }) => id === name)) continue;
      if (kind === 'password')
        await this.#withUser(name, signal, (one) => this.#users.dropPasswords(one, signal));
      else {
        const client = await this.#clients.find(name, signal);
        const isGood = client !== undefined && !client.retired;
        if (isGood) await this.#clients.retire(client, randomBytes(32).toString('base64url'), signal);
      }
    }
  }

  async revokeSessions(user: ServiceUser, { signal }: ProviderTurn): Promise<void> {
    for (const name of pairOf(user.username)) {
      await this.#withUser(name, signal, ({ id }) => this.#users.logOut(id, signal));
      const client = await this.#clients.find(name, signal);
      const account = client === undefined ? undefined : await this.#clients.serviceAccount(client, signal);
      if (account !== undefined) await this.#users.logOut(account, signal);
    }
  }

  close(): void {}

  async #withUser(
    name: string,
    signal: AbortSignal,
    action: (user: RealmUser) => Promise<void>,
  ): Promise<void> {
    const user = await this.#users.find(name, signal);
    if (user !== undefined) await action(user);
  }
}

/** Throws `invalid_request` for what Keycloak would call otherwise. */
function pairOf(username: string): readonly [string, string] {
  // It keeps names of users in lower case.
  if (/^[a-z0-9](?:[a-z0-9._-]{0,198}[a-z0-9])?$/.test(username)) return [`${username}-a`, `${username}-b`];
  throw new CofferError(
    'invalid_request',
    'Keycloak takes names of service users of at most 200 lower-case letters, digits and any of ._-: the mount’s username_prefix and the application’s id together',
  );
}
