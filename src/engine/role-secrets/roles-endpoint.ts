/** `roles`: who may read a secret, for those who administer. */
import { type Call, type Endpoint, endpoint, type FieldValues, type Reply } from '../../core/endpoint.ts';
import { retryOnConflict } from '../../core/retry.ts';
import { CofferError } from '../../errors.ts';
import { isSame } from './principals.ts';
import { administered, secretName } from './rights.ts';
import type { RoleMount } from './role-mount.ts';

const fields = {
  add: { type: 'list', help: 'Who may read it besides: app, aws/123456789012:role/app, userpass/ann.' },
  remove: { type: 'list', help: 'Who may no longer read it, as it was added or is shown.' },
} as const;

const response = {
  roles: { type: 'list', help: 'Each with the present path of its auth mount.' },
} as const;

type RolesCall = Call & { readonly fields: FieldValues<typeof fields> };

export function rolesEndpoint(mount: RoleMount): Endpoint {
  return endpoint({
    pattern: 'roles/:path*',
    help: 'Shows and changes who may read a secret.',
    fields,
    operations: {
      read: {
        summary: 'Show who may read a secret',
        ownDecision: true,
        response,
        handle: async (call) => {
          const found = await mount.secrets.read(call.view, secretName(call));
          const { roles } = administered(found, call.caller);
          return { data: { roles: [...mount.naming(found.rules).show(roles)] } };
        },
      },
      update: {
        summary: 'Change who may read a secret',
        ownDecision: true,
        response,
        handle: (call) => change(mount, call),
      },
    },
  });
}

async function change({ secrets, naming }: RoleMount, call: RolesCall): Promise<Reply> {
  const name = secretName(call);
  return retryOnConflict(async () => {
    const found = await secrets.read(call.view, name);
    const secret = administered(found, call.caller);
    const { add = [], remove = [] } = call.fields;
    if (add.length + remove.length === 0) {
      throw new CofferError('invalid_request', 'say whom to add or whom to remove');
    }
    const names = naming(found.rules);
    const added = names.parse(add);
    const removed = names.parseRemoved(remove);
    if (added.some((one) => removed.some((other) => isSame(one, other)))) {
      throw new CofferError('invalid_request', 'a principal is both to be added and to be removed');
    }
    const kept = secret.roles.filter((role) => ![...added, ...removed].some((each) => isSame(each, role)));
    const roles = [...kept, ...added];
    await secrets.commit(call.view, found, { secret: { ...secret, roles, updatedAt: call.clock.now() } });
    return { data: { roles: [...names.show(roles)] } };
  });
}
