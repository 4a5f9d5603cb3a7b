/** The agent's token: got by a login, renewed in time, and got again when it ends. It is in memory and in requests, and nowhere else. */
import type { Client } from '../client/client.ts';
import { type Login, loginByAppRole, loginByJwt, renewToken } from '../client/login.ts';
import type { Clock } from '../clock.ts';
import { asCofferError, CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import type { Logger } from '../log.ts';
import { systemCode, unreadable } from './file-error.ts';
import type { Files } from './files.ts';
import type { LoginSettings } from './login-settings.ts';

export interface SessionSurroundings {
  readonly clock: Clock;
  /** 0 to 1. */
  jitter(): number;
  readonly files: Files;
  readonly log: Logger;
  openClient(token: string | undefined): Client;
  /** The fields of a login that prove an identity at AWS. */
  awsProof(region: string | undefined, serverId: string | undefined): Promise<JsonObject>;
}

interface Held {
  readonly client: Client;
  readonly accessor: string;
  /** Seconds of life when it was got. */
  readonly life: number;
  readonly renewable: boolean;
  /** By `Clock.now`; undefined for a token that never ends. */
  endsAt: number | undefined;
  renewAt: number | undefined;
}

/** Bytes of a file that holds a proof. */
const longestProof = 64 * 1024;
/** Milliseconds between two attempts to renew while nobody answers. */
const renewalPause = 5_000;

export class Session {
  readonly #settings: LoginSettings;
  readonly #surroundings: SessionSurroundings;
  #held: Held | undefined;
  #opening: Promise<Held> | undefined;
  /** Of AppRole, where its file is taken away. */
  #secretId: string | undefined;

  constructor(settings: LoginSettings, surroundings: SessionSurroundings) {
    this.#settings = settings;
    this.#surroundings = surroundings;
  }

  /** What may be told of it. */
  get state(): { readonly accessor: string; readonly endsAt: number | undefined } | undefined {
    const held = this.#held;
    return held === undefined ? undefined : { accessor: held.accessor, endsAt: held.endsAt };
  }

  /** When `keep` has something to do, by `Clock.now`. */
  get dueAt(): number | undefined {
    return this.#held?.renewAt;
  }

  /**
   * Asks with a token that is good. Where it is refused, and the token turns out to have ended, asks once more with another.
   *
   * @throws `permission_denied` where the login is refused, what else the login or `run` throws
   */
  async ask<T>(run: (client: Client) => Promise<T>): Promise<T> {
    const held = await this.#current();
    try {
      return await run(held.client);
    } catch (error) {
      if (asCofferError(error).code !== 'permission_denied' || !(await this.#hasEnded(held))) throw error;
      return run((await this.#current()).client);
    }
  }

  /** Renews the token where that is due. Never rejects: what fails is tried again while the token lives, and then there is a login. */
  async keep(): Promise<void> {
    const held = this.#held;
    if (held?.renewAt === undefined || this.#now < held.renewAt) return;
    try {
      const { leaseSeconds } = await renewToken(held.client);
      this.#dated(held, leaseSeconds);
      this.#surroundings.log.debug('token renewed', { accessor: held.accessor, seconds: leaseSeconds });
      // Near its last end it lives shorter and shorter.
      if (leaseSeconds * 2 < held.life) await this.#loginInstead(held);
    } catch (thrown) {
      const { code } = asCofferError(thrown);
      this.#surroundings.log.warn('token not renewed', { accessor: held.accessor, code });
      if (code === 'permission_denied' || code === 'invalid_request') await this.#loginInstead(held);
      else held.renewAt = this.#now + renewalPause * (1 + this.#surroundings.jitter());
    }
  }

  [Symbol.dispose](): void {
    this.#held?.client[Symbol.dispose]();
  }

  get #now(): number {
    return this.#surroundings.clock.now();
  }

  #current(): Promise<Held> {
    const held = this.#held;
    if (held !== undefined && (held.endsAt === undefined || this.#now < held.endsAt))
      return Promise.resolve(held);
    return this.#login();
  }

  /** One at a time, whoever wants it. */
  #login(): Promise<Held> {
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #open(): Promise<Held> {
    const login = await this.#prove();
    const held: Held = {
      client: this.#surroundings.openClient(login.token),
      accessor: login.accessor,
      life: login.leaseSeconds,
      renewable: login.renewable,
      endsAt: undefined,
      renewAt: undefined,
    };
    this.#dated(held, login.leaseSeconds);
    this.#held?.client[Symbol.dispose]();
    this.#held = held;
    this.#surroundings.log.debug('logged in', { accessor: held.accessor, seconds: login.leaseSeconds });
    return held;
  }

  /** The token that is there is used on where nobody answers. */
  async #loginInstead(held: Held): Promise<void> {
    if (this.#settings.method === 'token') {
      held.renewAt = undefined;
      return;
    }
    held.renewAt = this.#now + renewalPause * (1 + this.#surroundings.jitter());
    await this.#login().catch((thrown: unknown) => {
      this.#surroundings.log.warn('login failed', { code: asCofferError(thrown).code });
    });
  }

  #dated(held: Held, seconds: number): void {
    if (seconds === 0) return;
    held.endsAt = this.#now + seconds * 1_000;
    // Many agents that started together do not come back together.
    const share = 0.55 + 0.2 * this.#surroundings.jitter();
    held.renewAt = held.renewable ? this.#now + seconds * 1_000 * share : undefined;
  }

  /** Whether it is the token that is refused, and not what was asked with it. */
  async #hasEnded(held: Held): Promise<boolean> {
    try {
      await held.client.request('GET', 'auth/token/lookup-self');
      return false;
    } catch (thrown) {
      if (asCofferError(thrown).code !== 'permission_denied') return false;
      if (this.#held === held) this.#held = undefined;
      return true;
    }
  }

  async #prove(): Promise<Login> {
    using client = this.#surroundings.openClient(undefined);
    try {
      return await this.#loginBy(client);
    } catch (thrown) {
      const error = asCofferError(thrown);
      if (error.code !== 'invalid_request') throw error;
      throw new CofferError('permission_denied', `the login is refused: ${error.message}`, { cause: error });
    }
  }

  async #loginBy(client: Client): Promise<Login> {
    const settings = this.#settings;
    switch (settings.method) {
      case 'approle': {
        const roleId = this.#readProof(settings.roleIdFile);
        const secretId = this.#readSecretId(settings.secretIdFile);
        const login = await loginByAppRole(client, { roleId, secretId, mount: settings.mount });
        if (settings.removeSecretId) this.#removeSecretId(settings.secretIdFile, secretId);
        return login;
      }
      case 'jwt': {
        const { mount, role, jwtFile } = settings;
        return loginByJwt(client, { jwt: this.#readProof(jwtFile), mount, role });
      }
      case 'aws':
        return this.#loginByAws(client, settings);
      case 'token':
        return this.#takeToken(this.#readProof(settings.tokenFile));
    }
  }

  async #loginByAws(
    client: Client,
    { mount, role, region, serverId }: LoginSettings & { readonly method: 'aws' },
  ): Promise<Login> {
    const proof = await this.#surroundings.awsProof(region, serverId);
    const body = { ...(role === undefined ? {} : { role }), ...proof };
    const answer = await client.request('POST', `auth/${mount}/login`, { body });
    const auth = isJsonObject(answer.body) ? answer.body['auth'] : undefined;
    if (isJsonObject(auth)) return loginOf(auth);
    throw new CofferError('unavailable', 'the server answered the login without a token');
  }

  /** A token that somebody else got: its end is asked for. */
  async #takeToken(token: string): Promise<Login> {
    using client = this.#surroundings.openClient(token);
    const { body } = await client.request('GET', 'auth/token/lookup-self');
    const data = isJsonObject(body) && isJsonObject(body['data']) ? body['data'] : {};
    return loginOf({ ...data, client_token: token, lease_duration: data['ttl'] ?? 0 });
  }

  #readProof(path: string): string {
    try {
      const text = this.#surroundings.files.readNamed(path, longestProof).toString('utf8').trim();
      if (text !== '') return text;
    } catch (error) {
      throw unreadable(path, error);
    }
    throw new CofferError('usage', `${path} is empty`);
  }

  #readSecretId(path: string): string {
    try {
      return this.#readProof(path);
    } catch (error) {
      if (this.#secretId !== undefined) return this.#secretId;
      throw error;
    }
  }

  #removeSecretId(path: string, secretId: string): void {
    this.#secretId = secretId;
    try {
      this.#surroundings.files.remove(path);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT')
        this.#surroundings.log.warn('the file of the secret id was not removed', {
          file: path,
          code: systemCode(error),
        });
    }
  }
}

function loginOf(auth: JsonObject): Login {
  const text = (name: string) => {
    const value = auth[name];
    return typeof value === 'string' ? value : '';
  };
  const seconds = auth['lease_duration'];
  if (text('client_token') === '')
    throw new CofferError(
      'permission_denied',
      'this login wants a second factor, which a program does not have',
    );
  return {
    token: text('client_token'),
    accessor: text('accessor'),
    policies: [],
    leaseSeconds: typeof seconds === 'number' ? seconds : 0,
    renewable: auth['renewable'] === true,
  };
}
