/**
 * Users at the Service User API. Its credentials are generated there and committed by transaction: until then old and new ones are good, and a
 * commit ends the others, passwords after a while of the service's own and clients at once.
 */
import type { Clock } from '../../clock.ts';
import { CofferError } from '../../errors.ts';
import type { Outgoing } from '../../outgoing/https.ts';
import type { ApiPlace, ApiReply } from '../api-place.ts';
import type {
  Credential,
  OpenProvider,
  ProviderTraits,
  ProviderTurn,
  ServiceUser,
  Staging,
} from '../provider.ts';
import { type ClientLogin, tryGrant } from '../token-grant.ts';
import { serviceBody } from './bodies.ts';
import { CommitNotes } from './commit-notes.ts';

export interface ServiceUserApiSettings {
  readonly clock: Clock;
  readonly ask: Outgoing;
  readonly ca: string;
  readonly concurrency: number;
  /** How a client is committed: as mint's worker does it, as the specification has it, or as the service turns out to want it. */
  readonly clientCommit: 'txid' | 'id' | 'either';
  /** The service keeps old passwords for so long after a commit that it need not be put off. */
  readonly keepsOldPasswords: boolean;
  /** Where credentials are tried; undefined where there is no such place. */
  readonly verifyUrl: string | undefined;
  /** Asks for tokens of users there; without a secret nobody in particular does. */
  readonly own: ClientLogin;
}

/** Bytes of the list of all users. */
const longestList = 32 * 1024 * 1024;
/** What a service says of a transaction that it does not know (any more). */
const gone = [404, 409, 410];
const wrong = [400, 422];

export class ServiceUserApi implements OpenProvider {
  readonly traits: ProviderTraits;
  readonly concurrency: number;
  readonly #api: ApiPlace;
  readonly #settings: ServiceUserApiSettings;
  readonly #notes = new CommitNotes();

  constructor(api: ApiPlace, settings: ServiceUserApiSettings) {
    this.#api = api;
    this.#settings = settings;
    this.concurrency = settings.concurrency;
    this.traits = {
      kinds: {
        password: { oldEndsAt: settings.keepsOldPasswords ? 'retire' : 'commit' },
        client: { oldEndsAt: 'commit' },
      },
      most: 2,
      // The API knows no disabled users.
      disablingLoses: true,
    };
  }

  async ensure(user: ServiceUser, turn: ProviderTurn): Promise<void> {
    await this.#put(user, turn.signal);
  }

  disable(username: string, turn: ProviderTurn): Promise<void> {
    return this.delete(username, turn);
  }

  async delete(username: string, { view, signal }: ProviderTurn): Promise<void> {
    await this.#api.call(
      { method: 'DELETE', path: ['services', username], expect: [404, 410], what: 'delete the user' },
      signal,
    );
    await this.#notes.forget(view, username);
  }

  /** The API answers all at once, and so does this. */
  async list(prefix: string, after: string | undefined, { signal }: ProviderTurn) {
    const all = await this.#api.list(
      { method: 'GET', path: ['services'], what: 'list users', longest: longestList },
      signal,
    );
    const users = all
      .flatMap(({ id }) => (typeof id === 'string' ? [id] : []))
      .filter((id) => id.startsWith(prefix) && (after === undefined || id > after))
      .map((username) => ({ username, disabled: false }));
    return { users };
  }

  async stage(user: ServiceUser, staging: Staging, { signal }: ProviderTurn): Promise<Credential> {
    const { kind, generation } = staging;
    if (kind === 'client' && !user.confidential) {
      // A public client comes with its user.
      const { client_id: id } = await this.#put(user, signal);
      if (isText(id)) return { kind, generation, id, secret: null, reference: '' };
      throw this.#api.strange('make a public client');
    }
    const body = kind === 'client' ? { id: user.username, client_id: staging.current?.id ?? null } : {};
    const what = `generate a ${kind}`;
    const path = ['services', user.username, kind];
    const answer = await this.#api.object({ method: 'POST', path, body, what }, signal);
    const { txid = '', password, client_id: id, client_secret: secret } = answer;
    return kind === 'password'
      ? this.#credential({ kind, generation }, user.username, password, txid)
      : this.#credential({ kind, generation }, id, secret, txid);
  }

  async verify(user: ServiceUser, credential: Credential, { signal }: ProviderTurn) {
    const { verifyUrl, own, ask, ca, clock } = this.#settings;
    const { kind, id, secret } = credential;
    if (verifyUrl === undefined || secret === null) return 'unknown' as const;
    const server = { url: verifyUrl, ca };
    if (kind === 'client') {
      const form = { grant_type: 'client_credentials' };
      return tryGrant(ask, server, { id, secret }, form, { signal, clock });
    }
    const form = { grant_type: 'password', username: user.username, password: secret };
    return tryGrant(ask, server, own, form, { signal, clock });
  }

  /**
   * A service may say of a transaction that was committed that there is none. That it was this one's own commit is known by a note that was
   * written before it.
   */
  async commit(user: ServiceUser, staged: Credential, { view, signal }: ProviderTurn): Promise<void> {
    if (staged.secret === null) return;
    const isTriedAgain = await this.#notes.begin(view, user.username, staged);
    const { status } = await this.#sendCommit(user, staged, signal);
    if (status < 300 || (isTriedAgain && gone.includes(status))) return;
    throw new CofferError(
      'invalid_request',
      `${this.#api.host} answered ${status} when asked to commit a ${staged.kind}: it does not know (any more) that it generated it; rotate again`,
    );
  }

  /** Commits end old ones, and whatever else was generated before them. */
  async retireOthers(): Promise<void> {}

  close(): void {}

  async #sendCommit(user: ServiceUser, staged: Credential, signal: AbortSignal): Promise<ApiReply> {
    const { kind, reference } = staged;
    const path = ['services', user.username, kind];
    const send = (body: { readonly [name: string]: string }) =>
      this.#api.call(
        { method: 'PUT', path, body, expect: [...gone, ...wrong], what: `commit a ${kind}` },
        signal,
      );
    const byId = { id: user.username, client_id: staged.id };
    const { clientCommit } = this.#settings;
    if (kind === 'password') return send({ txid: reference });
    if (clientCommit === 'id' || reference === '') return send(byId);
    const reply = await send({ txid: reference });
    // A request that is wrong in itself has done nothing.
    return clientCommit === 'either' && wrong.includes(reply.status) ? send(byId) : reply;
  }

  #put(user: ServiceUser, signal: AbortSignal) {
    return this.#api
      .call(
        {
          method: 'PUT',
          path: ['services', user.username],
          body: serviceBody(user),
          what: 'make or change the user',
        },
        signal,
      )
      .then(({ json }) => (json ?? {}) as { readonly client_id?: unknown });
  }

  #credential(
    { kind, generation }: Pick<Staging, 'kind' | 'generation'>,
    id: unknown,
    secret: unknown,
    reference: unknown,
  ): Credential {
    if (isText(id) && isText(secret) && typeof reference === 'string' && reference.length < 1_000)
      return { kind, generation, id, secret, reference };
    throw this.#api.strange(`generate a ${kind}`);
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 16_384;
}
