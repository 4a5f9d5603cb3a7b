/** Accounts of the auth method `totp` as `coffer sts` reads and writes them. */
import type { Client } from '../../client/client.ts';
import { ApiError } from '../../client/wire-error.ts';
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';
import { dataOf } from '../safe.ts';
import type { Person } from './settings.ts';

export interface Account extends Person {
  readonly roles: readonly string[];
  readonly authorizers: readonly string[];
  readonly second: string;
  readonly disabled: boolean;
  readonly devices: readonly string[];
  readonly version: number;
}

export class Accounts {
  readonly #client: Client;
  readonly #mount: string;

  /** @param mount the method's path, without `auth/` */
  constructor(client: Client, mount: string) {
    this.#client = client;
    this.#mount = mount;
  }

  /** Undefined where there is none. */
  async read(person: Person): Promise<Account | undefined> {
    try {
      const { body } = await this.#client.request('GET', this.#path(person));
      return parse(person, dataOf(body));
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  async mustRead(person: Person): Promise<Account> {
    const account = await this.read(person);
    if (account !== undefined) return account;
    throw new CofferError('not_found', `there is no account ${person.account} of ${person.issuer}`);
  }

  /** Makes an account that is not there yet. Throws `conflict` where it is. */
  async create(person: Person, fields: JsonObject): Promise<void> {
    await this.#client.request('POST', this.#path(person), { body: { ...fields, cas: 0 } });
  }

  /** Changes an account as it was read; `conflict` where it has changed since. */
  async change(account: Account, fields: JsonObject): Promise<void> {
    await this.#client.request('POST', this.#path(account), { body: { ...fields, cas: account.version } });
  }

  async delete(person: Person): Promise<void> {
    await this.#client.request('DELETE', this.#path(person));
  }

  /** Gives an account a device whose secret comes from elsewhere. */
  async importDevice(person: Person, id: string, url: string): Promise<void> {
    await this.#client.request('POST', `${this.#path(person)}/devices/${id}`, { body: { url } });
  }

  async deleteDevice(person: Person, id: string): Promise<void> {
    await this.#client.request('DELETE', `${this.#path(person)}/devices/${id}`);
  }

  /** An invitation to enrol a device, good once. */
  async invite({ issuer, account }: Person): Promise<string> {
    const { body } = await this.#client.request('POST', `auth/${this.#mount}/invite/${issuer}/${account}`);
    const invitation = dataOf(body)['invitation'];
    if (typeof invitation === 'string' && invitation !== '') return invitation;
    throw new CofferError('unavailable', 'the server answered without an invitation');
  }

  /** All that the caller may read, in order of their names. */
  async *all(): AsyncGenerator<Account, void> {
    for (const issuer of await this.#names('')) {
      for (const account of await this.#names(issuer)) {
        const read = await this.read({ issuer, account });
        if (read !== undefined) yield read;
      }
    }
  }

  async #names(issuer: string): Promise<readonly string[]> {
    const path = `auth/${this.#mount}/accounts${issuer === '' ? '' : `/${issuer}`}`;
    try {
      const { body } = await this.#client.request('LIST', path);
      return texts(dataOf(body)['keys']).map((name) => name.replace(/\/$/, ''));
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return [];
      throw error;
    }
  }

  #path({ issuer, account }: Person): string {
    return `auth/${this.#mount}/accounts/${issuer}/${account}`;
  }
}

function parse(person: Person, data: JsonObject): Account {
  const { version, second } = data;
  if (!isJsonObject(data) || typeof version !== 'number')
    throw new CofferError('unavailable', 'the server answered with something else than an account');
  return {
    issuer: person.issuer,
    account: person.account,
    roles: texts(data['roles']),
    authorizers: texts(data['authorizers']),
    second: typeof second === 'string' ? second : '',
    disabled: data['disabled'] === true,
    devices: texts(data['devices']),
    version,
  };
}

function texts(value: JsonValue | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((each): each is string => typeof each === 'string') : [];
}
