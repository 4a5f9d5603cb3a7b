/** Nodes with a mount whose applications have their users in Coffer itself, and applications that are registered there by the provider's seam. */
import { randomBytes } from 'node:crypto';
import { systemRandom } from '../../src/crypto/random.ts';
import type { EngineEnvironment } from '../../src/engine/engine.ts';
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

export const issuer = 'https://coffer.example';

/** What an application was given. */
export interface Registered {
  readonly user: ServiceUser;
  readonly password: Credential;
  readonly client: Credential;
}

/** A row of the catalog that tells with what the mount was made. */
function watchedType(seen: (environment: EngineEnvironment) => void): ProviderType {
  return {
    ...builtin,
    attend(mount) {
      seen(mount.environment);
      if (builtin.attend === undefined) throw new Error('it has no endpoints');
      return builtin.attend(mount);
    },
  };
}

export class BuiltinPlace implements AsyncDisposable {
  readonly place: Place;
  readonly node: CofferNode;
  readonly provider: OpenProvider;
  readonly turn: ProviderTurn;

  private constructor(place: Place, node: CofferNode, provider: OpenProvider, turn: ProviderTurn) {
    this.place = place;
    this.node = node;
    this.provider = provider;
    this.turn = turn;
  }

  static async open(options: PlaceOptions = {}): Promise<BuiltinPlace> {
    let environment: EngineEnvironment | undefined;
    const type = watchedType((seen) => {
      environment = seen;
    });
    const engine = serviceUsers({ targets: new Map(), providers: new Map([[type.type, type]]) });
    const program = { address: () => issuer };
    const place = await makePlace({ engines: [engine], program, ...options });
    const node = await place.node();
    await ask(node, 'update', 'sys/mounts/service-users', { type: 'service-users' });
    const { core } = node.state;
    const mount = core?.mounts.table.at('service-users/');
    if (core === undefined || mount === undefined || environment === undefined)
      throw new Error('not mounted');
    const { digest } = environment;
    const provider = builtin.open(
      { options: {}, secret: '' },
      { clock: place.clock, random: systemRandom, mountPath: 'service-users/', digest },
    );
    const turn = { view: core.view(mount.entry.uuid), signal: new AbortController().signal };
    return new BuiltinPlace(place, node, provider, turn);
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
