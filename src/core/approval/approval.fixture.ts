/** A place with people: a requester and approvers, each with a login of their own. */
import { aliasedType } from '../../../test/fakes/aliased-method.ts';
import {
  type Asked,
  type AskOptions,
  ask,
  makePlace,
  type Place,
  type PlaceOptions,
  tokenOf,
  writePolicy,
} from '../../../test/fakes/client.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

/** What approvers are allowed to ask for: `from` decides on which requests. */
const approverPolicy = `
path "sys/approvals" { capabilities = ["list"] }
path "sys/approvals/+" { capabilities = ["read", "delete"] }
path "sys/approvals/+/approve" { capabilities = ["update"] }
path "sys/approvals/+/deny" { capabilities = ["update"] }
path "sys/control-group/authorize" { capabilities = ["update"] }
`;

export interface People {
  readonly place: Place;
  readonly node: CofferNode;
  /** A login; the policies besides `default` are the token's own. */
  logIn(alias: string, policies?: readonly string[], at?: string): Promise<string>;
  entityOf(alias: string): Promise<string>;
  /** Makes an internal group of these, or sets its members. */
  group(name: string, members: readonly string[]): Promise<void>;
  /** A request of somebody's. */
  as(
    token: string,
    operation: Parameters<typeof ask>[1],
    path: string,
    data?: JsonObject,
    options?: AskOptions,
  ): Promise<Asked>;
}

/** `secret/data/guarded` wants one of `admins`; ann and bob are of them, and rose asks. */
export async function makePeople(options: PlaceOptions = {}): Promise<People> {
  const place = await makePlace({
    ...options,
    authMethods: [aliasedType, ...(options.authMethods ?? [])],
  });
  const node = await place.node();
  for (const path of ['people', 'others']) {
    await ask(node, 'update', `sys/auth/${path}`, { type: 'aliased' });
  }
  await writePolicy(node, 'approver', approverPolicy);
  await writePolicy(
    node,
    'guarded',
    'path "secret/data/guarded" { capabilities = ["create", "read", "update"] approval { from = ["group/admins"] ttl = "10m" } }',
  );
  await ask(node, 'update', 'secret/data/guarded', { data: { password: 'hunter2' } });
  const people: People = {
    place,
    node,
    async logIn(alias, policies = [], at = 'people') {
      return tokenOf(await ask(node, 'update', `auth/${at}/login`, { alias, policies }, null));
    },
    async entityOf(alias) {
      const token = await people.logIn(alias);
      const { data } = await ask(node, 'read', 'auth/token/lookup-self', {}, token);
      return String(data['entity_id']);
    },
    async group(name, members) {
      const ids = await Promise.all(members.map((alias) => people.entityOf(alias)));
      const { status, errors } = await ask(node, 'update', `identity/group/name/${name}`, {
        member_entity_ids: ids,
      });
      if (status >= 400) throw new Error(`no group: ${errors.join()}`);
    },
    as: (token, operation, path, data = {}, asked = {}) => ask(node, operation, path, data, token, asked),
  };
  await people.group('admins', ['ann', 'bob']);
  return people;
}

/** The accessor and the token of a request that was kept. */
export function heldBy(asked: Asked): { readonly accessor: string; readonly token: string } {
  if (!asked.wrap) throw new Error(`not kept: ${asked.status} ${asked.errors.join()}`);
  return asked.wrap;
}

/** A header as a listener hands it over. */
export function headers(given: Readonly<Record<string, string>>): AskOptions {
  return { request: { header: (name) => given[name] } };
}
