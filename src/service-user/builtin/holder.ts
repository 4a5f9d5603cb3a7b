/** Users and OAuth clients in the mount's own records: nothing is outside, so every call is one commit or none. */
import type { Clock } from '../../clock.ts';
import { retryOnConflict } from '../../core/retry.ts';
import type { View } from '../../core/view.ts';
import type { Random } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import type {
  Credential,
  CredentialKind,
  OpenProvider,
  ProviderTraits,
  ProviderTurn,
  ServiceUser,
  Staging,
} from '../provider.ts';
import { scopeTexts } from './scope.ts';
import { SigningKeys } from './signing-keys.ts';
import {
  clientIdFor,
  type Digest,
  decodeUser,
  encodeUser,
  isAmong,
  isUserName,
  type KnownClient,
  type ReadUser,
  secretDigest,
  type UserRecord,
  userFolder,
  userPath,
} from './user.ts';

/** Credentials of a kind that one user may have at a time. */
const most = 10;
/** Former secrets of a user that are known as such. */
const mostFormer = 24;
const pageSize = 200;

export interface HolderMeans {
  readonly clock: Clock;
  readonly random: Random;
  readonly digest: Digest;
  /** Where failures of a user's or a client's are counted: a record that ends with what it is about. */
  lockPath(kind: 'user' | 'client', id: string): string;
}

export class Holder implements OpenProvider {
  readonly traits: ProviderTraits = {
    kinds: { password: { oldEndsAt: 'retire' }, client: { oldEndsAt: 'retire' } },
    most,
  };
  readonly concurrency = 64;
  readonly #means: HolderMeans;
  readonly #keys: SigningKeys;

  constructor(means: HolderMeans) {
    this.#means = means;
    this.#keys = new SigningKeys(means);
  }

  async ensure(user: ServiceUser, turn: ProviderTurn): Promise<void> {
    const view = viewOf(turn);
    const { username, application, name, team, confidential, redirectUrl } = user;
    if (!isUserName(username)) throw wrongName();
    const scopes = scopeTexts(user.scopes);
    const wanted = { username, application, name, team, confidential, redirectUrl, scopes, disabled: false };
    await this.#keys.make(view);
    await retryOnConflict(async () => {
      const read = await this.#read(view, username);
      const before = read?.user ?? this.#newUser();
      const after = { ...before, ...wanted };
      if (read === undefined || isOther(before, after)) await this.#write(view, after, read);
    });
  }

  /** Enabled again, it has no token from before. */
  async disable(username: string, turn: ProviderTurn): Promise<void> {
    const view = viewOf(turn);
    await this.#change(view, username, (user) =>
      user.disabled ? user : { ...user, disabled: true, session: this.#newSession() },
    );
  }

  async delete(username: string, turn: ProviderTurn): Promise<void> {
    const view = viewOf(turn);
    await retryOnConflict(async () => {
      const read = await this.#read(view, username);
      if (read === undefined) return;
      const path = userPath(username);
      const gone = [path, this.#means.lockPath('user', username), ...this.#locksOf(read.user.clients)];
      const { revision } = read;
      await view.commit(
        gone.map((each) => ({ path: each, value: null })),
        [{ path, revision }],
      );
    });
  }

  async list(
    prefix: string,
    after: string | undefined,
    turn: ProviderTurn,
  ): ReturnType<OpenProvider['list']> {
    const view = viewOf(turn);
    const from = after === undefined ? {} : { after: userPath(after) };
    const page = await view.range(userFolder + prefix, { limit: pageSize, ...from });
    const users = page.items.flatMap((item) => {
      const { username, disabled } = decodeUser(item)?.user ?? {};
      return username === undefined ? [] : [{ username, disabled: disabled === true }];
    });
    return page.next === undefined ? { users } : { users, next: page.next.slice(userFolder.length) };
  }

  /** A public client has no secret, and the next one of it no other id than its generation gives it. */
  async stage(user: ServiceUser, staging: Staging, turn: ProviderTurn): Promise<Credential> {
    const view = viewOf(turn);
    const { kind, generation, proposed } = staging;
    const { digest } = this.#means;
    const { username } = user;
    const secret = kind === 'client' && !user.confidential ? null : proposed;
    const id = kind === 'password' ? username : clientIdFor(username, generation, proposed, digest);
    const made = secret === null ? null : secretDigest(kind, id, secret, digest);
    await this.#changeThere(view, username, (before) => {
      if (kind === 'password' && made !== null) {
        const others = before.passwords.filter((each) => each.generation !== generation);
        return { ...before, passwords: added(others, { generation, digest: made }) };
      }
      const others = before.clients.filter((each) => each.generation !== generation);
      return { ...before, clients: added(others, { generation, id, digest: made }) };
    });
    return { kind, generation, id, secret, reference: '' };
  }

  async verify(
    user: ServiceUser,
    { kind, id, secret }: Credential,
    turn: ProviderTurn,
  ): Promise<'accepted' | 'refused'> {
    const view = viewOf(turn);
    const known = (await this.#read(view, user.username))?.user;
    if (known === undefined || known.disabled) return 'refused';
    if (kind === 'password') {
      const digest = secretDigest(kind, user.username, secret ?? '', this.#means.digest);
      return isAmong(
        digest,
        known.passwords.map((each) => each.digest),
      )
        ? 'accepted'
        : 'refused';
    }
    const client = known.clients.find((each) => each.id === id);
    if (client === undefined) return 'refused';
    if (secret === null || client.digest === null) return secret === client.digest ? 'accepted' : 'refused';
    return isAmong(secretDigest(kind, id, secret, this.#means.digest), [client.digest])
      ? 'accepted'
      : 'refused';
  }

  /** What was staged is good from then on: there is nothing more to say but that it is there. */
  async commit(user: ServiceUser, staged: Credential, turn: ProviderTurn): Promise<void> {
    const view = viewOf(turn);
    const known = (await this.#read(view, user.username))?.user;
    const { kind, generation } = staged;
    const all = kind === 'password' ? known?.passwords : known?.clients;
    if (all?.some((each) => each.generation === generation) === true) return;
    throw new CofferError('invalid_request', `the ${kind} of generation ${generation} is not there any more`);
  }

  async retireOthers(
    user: ServiceUser,
    kind: CredentialKind,
    keep: readonly Credential[],
    turn: ProviderTurn,
  ): Promise<void> {
    const view = viewOf(turn);
    const kept = new Set(keep.filter((each) => each.kind === kind).map(({ generation }) => generation));
    await this.#change(view, user.username, (before) => {
      const all: readonly { readonly generation: number; readonly digest: string | null }[] =
        kind === 'password' ? before.passwords : before.clients;
      const gone = all.filter(({ generation }) => !kept.has(generation));
      if (gone.length === 0) return before;
      const former = gone.flatMap(({ digest }) => (digest === null ? [] : [digest]));
      return {
        ...before,
        passwords: before.passwords.filter((each) => kind !== 'password' || kept.has(each.generation)),
        clients: before.clients.filter((each) => kind !== 'client' || kept.has(each.generation)),
        former: [...former, ...before.former].slice(0, mostFormer),
      };
    });
  }

  async revokeSessions(user: ServiceUser, turn: ProviderTurn): Promise<void> {
    const view = viewOf(turn);
    await this.#change(view, user.username, (before) => ({ ...before, session: this.#newSession() }));
  }

  close(): void {
    this.#keys.close();
  }

  async #read(view: View, username: string): Promise<ReadUser | undefined> {
    return isUserName(username) ? decodeUser(await view.read(userPath(username))) : undefined;
  }

  /** Nothing is written where nothing changes, or where there is no such user. */
  async #change(view: View, username: string, change: (before: UserRecord) => UserRecord): Promise<boolean> {
    return retryOnConflict(async () => {
      const read = await this.#read(view, username);
      if (read === undefined) return false;
      const after = change(read.user);
      if (after !== read.user && isOther(read.user, after)) await this.#write(view, after, read);
      return true;
    });
  }

  async #changeThere(
    view: View,
    username: string,
    change: (before: UserRecord) => UserRecord,
  ): Promise<void> {
    if (await this.#change(view, username, change)) return;
    throw new CofferError('invalid_request', `there is no user ${username}: it is to be made first`);
  }

  /** A client that is gone takes along what was counted of it. */
  async #write(view: View, user: UserRecord, before: ReadUser | undefined): Promise<void> {
    const path = userPath(user.username);
    const ids = new Set(user.clients.map(({ id }) => id));
    const gone = before?.user.clients.filter(({ id }) => !ids.has(id)) ?? [];
    const locks = this.#locksOf(gone).map((each) => ({ path: each, value: null }));
    const revision = before?.revision ?? null;
    await view.commit([{ path, value: encodeUser(user) }, ...locks], [{ path, revision }]);
  }

  #locksOf(clients: readonly KnownClient[]): readonly string[] {
    return clients.map(({ id }) => this.#means.lockPath('client', id));
  }

  #newUser(): UserRecord {
    return {
      username: '',
      application: '',
      name: '',
      team: '',
      scopes: [],
      confidential: true,
      redirectUrl: null,
      disabled: false,
      session: this.#newSession(),
      passwords: [],
      clients: [],
      former: [],
    };
  }

  #newSession(): string {
    return this.#means.random.bytes(12).toString('base64url');
  }
}

/** Nothing is begun in a turn that is over. */
function viewOf({ view, signal }: ProviderTurn): View {
  if (!signal.aborted) return view;
  throw new CofferError('unavailable', 'the time of this call was over before it began');
}

function isOther(before: UserRecord, after: UserRecord): boolean {
  return !encodeUser(before).equals(encodeUser(after));
}

/** Throws `invalid_request` where there are as many as there may be. */
function added<T>(others: readonly T[], one: T): readonly T[] {
  if (others.length < most) return [...others, one];
  throw new CofferError('invalid_request', `a user has at most ${most} credentials of a kind at a time`);
}

function wrongName(): CofferError {
  return new CofferError(
    'invalid_request',
    'a user name here has 1 to 127 letters, digits, ".", "_" and "-", and begins with a letter, a digit or "_": see the username_prefix of the mount',
  );
}
