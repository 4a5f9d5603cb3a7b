/**
 * A provider of service users that holds credentials and judges logins, as the real ones do: with secrets of its own or proposed ones, with old ones that end when
 * another is committed or when they are retired, and with a bound on how many a user may have.
 */
import { randomBytes } from 'node:crypto';
import { CofferError } from '../../src/errors.ts';
import type {
  Credential,
  CredentialKind,
  KindTraits,
  OpenProvider,
  ProviderTraits,
  ServiceUser,
} from '../../src/service-user/provider.ts';

interface Held extends Credential {
  readonly committed: boolean;
}

interface FakeUser {
  disabled: boolean;
  credentials: Held[];
  sessions: number;
}

export interface FakeTraits {
  readonly password: KindTraits['oldEndsAt'];
  readonly client: KindTraits['oldEndsAt'];
  readonly most: number;
  /** It takes what is proposed; otherwise it makes secrets of its own, another one at each call. */
  readonly takesProposed: boolean;
  readonly disablingLoses?: true;
}

/** What stands before each effect: faults, deaths and counting come in here. */
export type Around = <T>(name: string, effect: () => Promise<T>) => Promise<T>;

export class FakeProvider {
  readonly users = new Map<string, FakeUser>();
  readonly traits: ProviderTraits;
  readonly concurrency: number;
  readonly #takesProposed: boolean;
  /** By the id of a credential, the name of its user. */
  readonly #owners = new Map<string, string>();

  constructor(traits: FakeTraits, concurrency = 8) {
    const { password, client, most, takesProposed, disablingLoses } = traits;
    this.traits = {
      kinds: { password: { oldEndsAt: password }, client: { oldEndsAt: client } },
      most,
      ...(disablingLoses ? { disablingLoses } : {}),
    };
    this.#takesProposed = takesProposed;
    this.concurrency = concurrency;
  }

  /** A login, as an application makes one; of a public client its id is all. */
  accepts(kind: CredentialKind, id: string, secret: string | null): boolean {
    const user = this.users.get(this.#owners.get(id) ?? '');
    if (user === undefined || user.disabled) return false;
    return user.credentials.some((held) => held.kind === kind && held.id === id && held.secret === secret);
  }

  held(username: string, kind: CredentialKind): readonly Credential[] {
    return this.users.get(username)?.credentials.filter((held) => held.kind === kind) ?? [];
  }

  /** As one node's connection to it. */
  open(around: Around = (_name, effect) => effect()): OpenProvider {
    return {
      traits: this.traits,
      concurrency: this.concurrency,
      ensure: (user) => around('ensure', async () => this.#ensure(user)),
      disable: (username) => around('disable', async () => this.#disable(username)),
      delete: (username) => around('delete', async () => void this.users.delete(username)),
      list: async (prefix) => ({
        users: [...this.users]
          .filter(([username]) => username.startsWith(prefix))
          .map(([username, { disabled }]) => ({ username, disabled })),
      }),
      stage: (user, staging) => around(`stage ${staging.kind}`, async () => this.#stage(user, staging)),
      verify: (_user, { kind, id, secret }) =>
        around('verify', async () => (this.accepts(kind, id, secret) ? 'accepted' : 'refused')),
      commit: (user, staged) => around('commit', async () => this.#commit(user, staged)),
      retireOthers: (user, kind, keep) =>
        around('retireOthers', async () => this.#keepOnly(user.username, kind, keep)),
      revokeSessions: (user) =>
        around('revokeSessions', async () => {
          const found = this.users.get(user.username);
          if (found !== undefined) found.sessions = 0;
        }),
      close() {},
    };
  }

  #ensure({ username }: ServiceUser): void {
    const user = this.users.get(username) ?? { disabled: false, credentials: [], sessions: 0 };
    user.disabled = false;
    this.users.set(username, user);
  }

  #disable(username: string): void {
    const user = this.users.get(username);
    if (user === undefined) return;
    user.disabled = true;
    if (this.traits.disablingLoses) user.credentials = [];
  }

  #stage(
    { username, confidential }: ServiceUser,
    { kind, generation, proposed }: { kind: CredentialKind; generation: number; proposed: string },
  ): Credential {
    const user = this.#user(username);
    const known = user.credentials.find((held) => held.kind === kind && held.generation === generation);
    if (this.#takesProposed && known !== undefined) return plain(known);
    if (this.held(username, kind).length >= this.traits.most) {
      throw new CofferError('invalid_request', `a user has at most ${this.traits.most} of a kind`);
    }
    const own = randomBytes(12).toString('base64url');
    const secret = this.#takesProposed ? proposed : own;
    const held: Held = {
      kind,
      generation,
      id: kind === 'password' ? username : `${username}-${own}`,
      secret: kind === 'client' && !confidential ? null : secret,
      reference: own,
      committed: false,
    };
    user.credentials.push(held);
    this.#owners.set(held.id, username);
    return plain(held);
  }

  #commit({ username }: ServiceUser, staged: Credential): void {
    const user = this.#user(username);
    if (!user.credentials.some((held) => isSame(held, staged))) {
      throw new CofferError('invalid_request', 'there is no such credential to commit');
    }
    const endsOthers = this.traits.kinds[staged.kind]?.oldEndsAt === 'commit';
    user.credentials = user.credentials
      .filter((held) => held.kind !== staged.kind || isSame(held, staged) || !endsOthers)
      .map((held) => (isSame(held, staged) ? { ...held, committed: true } : held));
  }

  #keepOnly(username: string, kind: CredentialKind, keep: readonly Credential[]): void {
    const user = this.users.get(username);
    if (user === undefined) return;
    user.credentials = user.credentials.filter(
      (held) => held.kind !== kind || keep.some((kept) => isSame(held, kept)),
    );
  }

  #user(username: string): FakeUser {
    const user = this.users.get(username);
    if (user === undefined) throw new CofferError('invalid_request', 'there is no such user');
    return user;
  }
}

function isSame(one: Credential, other: Credential): boolean {
  return one.kind === other.kind && one.id === other.id && one.secret === other.secret;
}

function plain({ kind, generation, id, secret, reference }: Held): Credential {
  return { kind, generation, id, secret, reference };
}
