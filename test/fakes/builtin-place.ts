/** Nodes with a mount whose applications have their users in Coffer itself, and applications that are registered there by the provider's seam. */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../src/clock.ts';
import { systemRandom } from '../../src/crypto/random.ts';
import type { EngineEnvironment, EngineType } from '../../src/engine/engine.ts';
import { serviceUsers } from '../../src/engine/service-users/service-users.ts';
import type { CofferNode } from '../../src/main/node.ts';
import { builtin } from '../../src/service-user/builtin/builtin.ts';
import type {
  Credential,
  CredentialKind,
  OpenProvider,
  ProviderTurn,
  ProviderType,
  ServiceUser,
} from '../../src/service-user/provider.ts';
import { ask, makePlace, type Place, type PlaceOptions } from './client.ts';
import { quietTarget } from './service-place.ts';

export const issuer = 'https://coffer.example';

/** What an application was given. */
export interface Registered {
  readonly user: ServiceUser;
  readonly password: Credential;
  readonly client: Credential;
}

/**
 * The engine with targets that take everything, and with the provider `builtin` watched: what the newest mount was made with is what its users' secrets are digested
 * by.
 */
export class WatchedBuiltin {
  #environment: EngineEnvironment | undefined;
  readonly engine: EngineType = serviceUsers({
    targets: new Map(['s3', 'kv', 'directory'].map((scheme) => [scheme, quietTarget(scheme)])),
    providers: new Map([[builtin.type, this.#watched()]]),
  });

  /** The provider of the mount `service-users/` as it is now, as the machine calls it. */
  users(node: CofferNode, clock: Clock): Users {
    const { core } = node.state;
    const mount = core?.mounts.table.at('service-users/');
    const environment = this.#environment;
    if (core === undefined || mount === undefined || environment === undefined)
      throw new Error('not mounted');
    const digest = (text: string) => environment.digest(text);
    const surroundings = { clock, random: systemRandom, mountPath: environment.mountPath, digest };
    const provider = builtin.open({ options: {}, secret: '' }, surroundings);
    const turn = { view: core.view(mount.entry.uuid), signal: new AbortController().signal };
    return new Users(provider, turn, digest);
  }

  #watched(): ProviderType {
    return {
      ...builtin,
      attend: (mount) => {
        this.#environment = mount.environment;
        if (builtin.attend === undefined) throw new Error('it has no endpoints');
        return builtin.attend(mount);
      },
    };
  }
}

export class Users {
  readonly provider: OpenProvider;
  readonly turn: ProviderTurn;
  /** Of the mount. */
  readonly digest: (text: string) => string;

  constructor(provider: OpenProvider, turn: ProviderTurn, digest: (text: string) => string) {
    this.provider = provider;
    this.turn = turn;
    this.digest = digest;
  }

  async register(application: string, more: Partial<ServiceUser> = {}): Promise<Registered> {
    const user = serviceUser(application, more);
    await this.provider.ensure(user, this.turn);
    return {
      user,
      password: await this.rotate(user, 'password', 1),
      client: await this.rotate(user, 'client', 1),
    };
  }

  /** Stages and commits a generation; those before it stay. */
  async rotate(user: ServiceUser, kind: CredentialKind, generation: number): Promise<Credential> {
    const proposed = randomBytes(24).toString('base64url');
    const staged = await this.provider.stage(user, { kind, generation, proposed }, this.turn);
    await this.provider.commit(user, staged, this.turn);
    return staged;
  }
}

export class BuiltinPlace extends Users implements AsyncDisposable {
  readonly place: Place;
  readonly node: CofferNode;

  private constructor(place: Place, node: CofferNode, { provider, turn, digest }: Users) {
    super(provider, turn, digest);
    this.place = place;
    this.node = node;
  }

  static async open(options: PlaceOptions = {}): Promise<BuiltinPlace> {
    const watched = new WatchedBuiltin();
    const program = { address: () => issuer };
    const place = await makePlace({ engines: [watched.engine], program, ...options });
    const node = await place.node();
    await ask(node, 'update', 'sys/mounts/service-users', { type: 'service-users' });
    return new BuiltinPlace(place, node, watched.users(node, place.clock));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.place.remove();
  }
}

export function serviceUser(application: string, more: Partial<ServiceUser> = {}): ServiceUser {
  return {
    username: `stups_${application}`,
    application,
    name: `Application ${application}`,
    subtitle: '',
    team: 'a-team',
    scopes: [{ resourceType: 'parcel', id: 'read' }],
    confidential: true,
    redirectUrl: null,
    ...more,
  };
}

/** Fields that show a client. */
export function clientFields({ client }: Registered): { client_id: string; client_secret: string } {
  return { client_id: client.id, client_secret: client.secret ?? '' };
}

/** Fields of the grant `password`. */
export function passwordGrant(registered: Registered) {
  return {
    grant_type: 'password',
    username: registered.user.username,
    password: registered.password.secret ?? '',
    ...clientFields(registered),
  };
}
