/** A node with a mount of role-secrets, and logins that prove whatever name they are told. */
import type { JsonObject } from '../../src/json.ts';
import type { CofferNode } from '../../src/main/node.ts';
import { aliasedType } from './aliased-method.ts';
import { ask, makePlace, type Place, type PlaceOptions, tokenOf } from './client.ts';

export const ownAccount = '111122223333';

export interface RolePlace {
  readonly place: Place;
  readonly node: CofferNode;
  /** A token of who logged in at an auth mount. */
  logIn(name: string, mount?: string, policies?: readonly string[]): Promise<string>;
  /** A token of one of the own account's roles. */
  role(name: string, policies?: readonly string[]): Promise<string>;
}

/** Mounts `roles/`, and the auth mounts `aws/`, `others/` and `people/`; the first of them proves roles of the own account. */
export async function makeRolePlace(config: JsonObject = {}, options: PlaceOptions = {}): Promise<RolePlace> {
  const place = await makePlace({ authMethods: [aliasedType, { ...aliasedType, type: 'aws' }], ...options });
  const node = await place.node();
  await ask(node, 'update', 'sys/mounts/roles', { type: 'role-secrets' });
  for (const path of ['aws', 'others']) await ask(node, 'update', `sys/auth/${path}`, { type: 'aws' });
  await ask(node, 'update', 'sys/auth/people', { type: 'aliased' });
  const set = await ask(node, 'update', 'roles/config', { account: ownAccount, ...config });
  if (set.status !== 204) throw new Error(`no rules: ${set.errors.join()}`);
  const logIn: RolePlace['logIn'] = async (alias, mount = 'aws', policies = []) =>
    tokenOf(await ask(node, 'update', `auth/${mount}/login`, { alias, policies: [...policies] }, null));
  return {
    place,
    node,
    logIn,
    role: (name, policies) => logIn(`${ownAccount}:role/${name}`, 'aws', policies),
  };
}
