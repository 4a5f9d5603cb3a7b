/** A node with a mount of service users, people in teams, and providers and targets that take everything and remember nothing. */

import type { TargetType } from '../../src/delivery/target.ts';
import { serviceUsers } from '../../src/engine/service-users/service-users.ts';
import { CofferError } from '../../src/errors.ts';
import type { JsonObject } from '../../src/json.ts';
import type { CofferNode } from '../../src/main/node.ts';
import type { OpenProvider, ProviderType } from '../../src/service-user/provider.ts';
import { aliasedType } from './aliased-method.ts';
import { type Asked, ask, makePlace, type Place, type PlaceOptions, tokenOf, writePolicy } from './client.ts';

const nothing = () => Promise.resolve();

const provider: OpenProvider = {
  traits: { kinds: { password: { oldEndsAt: 'retire' }, client: { oldEndsAt: 'retire' } }, most: 5 },
  concurrency: 8,
  ensure: nothing,
  disable: nothing,
  delete: nothing,
  list: async () => ({ users: [] }),
  stage: async ({ username }, { kind, generation, proposed }) => ({
    kind,
    generation,
    id: kind === 'password' ? username : `client-${generation}`,
    secret: proposed,
    reference: '',
  }),
  verify: async () => 'accepted',
  commit: nothing,
  retireOthers: nothing,
  close() {},
};

/** Takes everything, under the name of the one that needs no configuration. */
export const quietProvider: ProviderType = { type: 'builtin', summary: 'for tests', open: () => provider };

/** Spells buckets with their scheme, and refuses one that no configuration lists. @param scheme of its addresses */
export function quietTarget(scheme: string): TargetType {
  return {
    scheme,
    summary: 'for tests',
    parse(address) {
      if (address.includes('forbidden')) {
        throw new CofferError('invalid_request', `${scheme} goes where the setting delivery says`);
      }
      return address.startsWith(`${scheme}:`) ? address : `${scheme}://${address}`;
    },
    open: (address) => ({
      place: address,
      probe: nothing,
      deliver: nothing,
      remove: nothing,
      close() {},
    }),
  };
}

export interface ServicePlace {
  readonly place: Place;
  readonly node: CofferNode;
  /** A token of somebody in these identity groups. */
  member(name: string, teams?: readonly string[]): Promise<string>;
  /** A request below the mount. */
  ask(
    operation: Parameters<typeof ask>[1],
    path: string,
    data?: JsonObject,
    token?: string | null,
  ): Promise<Asked>;
  /** Work outside that is due now, to its end. */
  outside(): Promise<void>;
}

/** Everything that people do below the mount. */
export const servicePolicy =
  'path "service-users/*" { capabilities = ["create", "read", "update", "delete", "list"] }';

export const quietServiceUsers = serviceUsers({
  targets: new Map(['s3', 'kv', 'directory'].map((scheme) => [scheme, quietTarget(scheme)])),
  providers: new Map([['builtin', quietProvider]]),
});

export async function makeServicePlace(options: PlaceOptions = {}): Promise<ServicePlace> {
  const place = await makePlace({ engines: [quietServiceUsers], authMethods: [aliasedType], ...options });
  const node = await place.node();
  await ask(node, 'update', 'sys/mounts/service-users', { type: 'service-users' });
  await ask(node, 'update', 'sys/auth/people', { type: 'aliased' });
  await writePolicy(node, 'services', servicePolicy);
  const groups = new Map<string, string[]>();
  return {
    place,
    node,
    async member(alias, teams = []) {
      const login = () => ask(node, 'update', 'auth/people/login', { alias, policies: ['services'] }, null);
      const entity = (await login()).auth?.entityId ?? '';
      for (const team of teams) {
        const members = [...(groups.get(team) ?? []), entity];
        groups.set(team, members);
        await ask(node, 'update', 'identity/group', { name: team, member_entity_ids: members });
      }
      return tokenOf(await login());
    },
    ask: (operation, path, data = {}, token = undefined) =>
      ask(node, operation, `service-users/${path}`, data, token),
    async outside() {
      const { core } = node.state;
      if (core === undefined) throw new Error('the node is sealed');
      await core.outside.run();
      await core.outside.settled();
    },
  };
}
