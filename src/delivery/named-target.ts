/** Targets that are names in an account of AWS: `SCHEME:PREFIX?region=…`, with a name for each document of an application below the prefix. */
import { AwsError } from '../aws/aws-error.ts';
import { type AwsOptions, checkAwsAccount, saidRegion } from '../aws/aws-options.ts';
import { type AwsPlaces, requireListed } from '../aws/aws-places.ts';
import type { NamedDocuments } from '../aws/named-documents.ts';
import { type Random, randomUuid } from '../crypto/random.ts';
import { CofferError } from '../errors.ts';
import { joinAddress, requireApplication, requireKmsKey, splitAddress, wrongTarget } from './address.ts';
import { type ListedPlaces, requirePrefix } from './places.ts';
import type { DocumentName, OpenTarget, Parcel, TargetType } from './target.ts';
import { targetCall } from './target-call.ts';

export interface NamedKind {
  readonly scheme: 'secretsmanager' | 'ssm';
  readonly summary: string;
  /** How an address looks. */
  readonly form: string;
  /** What a prefix may be, besides having no `/` at its end. */
  readonly prefix: RegExp;
  /** The same, for people. */
  readonly words: string;
  client(options: AwsOptions): NamedDocuments;
}

export interface NamedAddress {
  readonly prefix: string;
  readonly region: string | undefined;
  readonly endpoint: string | undefined;
  readonly kmsKey: string | undefined;
  /** The one spelling of it. */
  readonly text: string;
}

const optionNames = ['region', 'endpoint', 'kms-key'] as const;
const documents: readonly DocumentName[] = ['user', 'client'];
/** What stands in a document's place where the server may write and not delete. */
const nothing = '{}';
/** Regions and addresses that clients are kept for; beyond, those that were not asked for longest go. */
const mostClients = 64;

/** Throws `invalid_request`, saying what is wrong; asks nobody. */
export function parseNamedAddress(kind: NamedKind, address: string): NamedAddress {
  const { base, options } = splitAddress(address, kind.form, optionNames);
  const prefix = base.slice(kind.scheme.length + 1).replace(/(?<=.)\/$/, '');
  const names = prefix.split('/').slice(prefix.startsWith('/') ? 1 : 0);
  const isSound = base.startsWith(`${kind.scheme}:`) && kind.prefix.test(prefix) && prefix.length <= 400;
  if (!isSound || names.some((name) => name === '' || /^\.+$/.test(name))) {
    throw wrongTarget(`${kind.words}, such as ${kind.form}`);
  }
  const { region, endpoint, 'kms-key': kmsKey } = options;
  checkAwsAccount({ region, endpoint });
  requireKmsKey(kmsKey);
  const text = joinAddress({ base: `${kind.scheme}:${prefix}`, options }, optionNames);
  return { prefix, region, endpoint, kmsKey, text };
}

/** @param patience for tests */
export function namedTarget(
  kind: NamedKind,
  places: AwsPlaces,
  listed: ListedPlaces,
  patience: Pick<AwsOptions, 'deadline' | 'attempts'>,
): TargetType {
  const clients = new KeptClients(kind, { env: places.env, ...patience });
  /** Accounts that the server's identity may be of; any if empty. */
  const check = ({ prefix, region, endpoint }: NamedAddress): readonly string[] => {
    requireListed('endpoint', [endpoint], places);
    const asked = saidRegion({ region, env: places.env });
    return requirePrefix(kind.scheme, prefix, asked, listed()).accounts;
  };
  return {
    scheme: kind.scheme,
    summary: kind.summary,
    parse(text) {
      const address = parseNamedAddress(kind, text);
      check(address);
      return address.text;
    },
    open(text, { random }) {
      const address = parseNamedAddress(kind, text);
      check(address);
      const client = () => clients.of(address);
      return new OpenNames(kind, address, { accounts: () => check(address), client, random });
    },
  };
}

interface Client extends NamedDocuments {
  /** As it was last found out. */
  owner(): Promise<string>;
}

/** One for each region and address, for all targets there: each finds out by itself who it asks as. */
class KeptClients {
  readonly #kind: NamedKind;
  readonly #options: AwsOptions;
  readonly #clients = new Map<string, Client>();

  constructor(kind: NamedKind, options: AwsOptions) {
    this.#kind = kind;
    this.#options = options;
  }

  of({ region, endpoint }: NamedAddress): Client {
    const name = `${region ?? ''} ${endpoint ?? ''}`;
    const client = this.#clients.get(name) ?? this.#make(region, endpoint);
    this.#clients.delete(name);
    this.#clients.set(name, client);
    for (const [oldest, old] of this.#clients) {
      if (this.#clients.size <= mostClients) break;
      this.#clients.delete(oldest);
      old.close();
    }
    return client;
  }

  #make(region: string | undefined, endpoint: string | undefined): Client {
    const made = this.#kind.client({ ...this.#options, region, endpoint });
    let owner: Promise<string> | undefined;
    return Object.assign(made, {
      owner: () => {
        owner ??= made.account().catch((error: unknown) => {
          owner = undefined;
          throw error;
        });
        return owner;
      },
    });
  }
}

interface Way {
  readonly accounts: () => readonly string[];
  readonly client: () => Client;
  readonly random: Random;
}

class OpenNames implements OpenTarget {
  readonly place: string;
  readonly #kind: NamedKind;
  readonly #address: NamedAddress;
  readonly #way: Way;

  constructor(kind: NamedKind, address: NamedAddress, way: Way) {
    this.place = `${kind.scheme}:${address.region ?? ''}/${address.endpoint ?? ''}`;
    this.#kind = kind;
    this.#address = address;
    this.#way = way;
  }

  probe(application: string, signal: AbortSignal): Promise<void> {
    return this.#doing(application, signal, async (client) => {
      await client.tryPutting(this.#name(application, 'user'), randomUuid(this.#way.random), signal);
    });
  }

  deliver({ application, documents: given, changed }: Parcel, signal: AbortSignal): Promise<void> {
    return this.#doing(application, signal, async (client) => {
      for (const name of documents) {
        const document = given[name];
        if (document === undefined || !changed.includes(name)) continue;
        await this.#put(client, application, name, document.text, signal);
      }
    });
  }

  /** Who may write and not delete writes an empty document over it: no reader finds a secret there then. */
  remove(application: string, signal: AbortSignal): Promise<void> {
    return this.#doing(application, signal, async (client) => {
      for (const name of documents) {
        try {
          await client.remove(this.#name(application, name), signal);
        } catch (error) {
          if (!(error instanceof AwsError && error.reason === 'denied')) throw error;
          await this.#put(client, application, name, nothing, signal);
        }
      }
    });
  }

  /** Others go on with the same client. */
  close(): void {}

  #name(application: string, name: DocumentName): string {
    return `${this.#address.prefix}/${application}/${name}`;
  }

  async #put(
    client: Client,
    application: string,
    name: DocumentName,
    text: string,
    signal: AbortSignal,
  ): Promise<void> {
    const origin = { application, kmsKey: this.#address.kmsKey };
    await client.put(this.#name(application, name), text, origin, randomUuid(this.#way.random), signal);
  }

  #doing(application: string, signal: AbortSignal, action: (client: Client) => Promise<void>): Promise<void> {
    return targetCall(this.#address.text, signal, async () => {
      requireApplication(application);
      const accounts = this.#way.accounts();
      const client = this.#way.client();
      const owner = accounts.length === 0 ? undefined : await client.owner();
      if (owner !== undefined && !accounts.includes(owner)) {
        throw new CofferError(
          'permission_denied',
          `this server’s identity is of account ${owner}, which delivery.${this.#kind.scheme} does not list for ${this.#address.prefix}`,
        );
      }
      signal.throwIfAborted();
      await action(client);
    });
  }
}
