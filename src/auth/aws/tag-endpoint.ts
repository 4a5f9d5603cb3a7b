/** `role/:name/tag`: makes a role tag, to be put on an instance. */
import { type Endpoint, endpoint, type Fields, type FieldValues } from '../../core/endpoint.ts';
import { parseAssignablePolicies } from '../../core/policy/assignable.ts';
import { CofferError } from '../../errors.ts';
import { readNamedRole } from '../role-records.ts';
import type { AwsRole } from './role.ts';
import { encodeTag, longestTag, type RoleTag } from './role-tag.ts';
import type { AwsRooms } from './rooms.ts';

const fields = {
  policies: {
    type: 'list',
    help: 'Those of the role’s policies that a login is left with; all when absent.',
  },
  max_ttl: { type: 'duration', help: 'Longest life of a login’s token.' },
  instance_id: { type: 'string', help: 'The one instance it is for.' },
  allow_instance_migration: { type: 'bool', help: 'Take a newer pendingTime for the nonce.' },
  disallow_reauthentication: { type: 'bool', help: 'One login for the instance.' },
} as const satisfies Fields;

export function tagEndpoint({ environment }: AwsRooms): Endpoint {
  return endpoint({
    pattern: 'role/:name/tag',
    help: 'Makes a tag that narrows what an instance is granted by the role.',
    foldsNames: true,
    fields,
    operations: {
      update: {
        summary: 'Make a role tag',
        computes: true,
        response: { tag_key: { type: 'string' }, tag_value: { type: 'string' } },
        handle: async (call) => {
          const read = await readNamedRole<AwsRole>(call);
          if (read === undefined) throw refused('entry not found for this role');
          const { role } = read;
          if (role.roleTag === '')
            throw refused('tag creation is not enabled for this role: set its role_tag');
          const nonce = environment.random.bytes(16).toString('base64url');
          const value = encodeTag(tagOf(role, nonce, call.fields), role, environment.digest);
          if (value.length > longestTag)
            throw refused(`the tag would be longer than ${longestTag} characters`);
          return { data: { tag_key: role.roleTag, tag_value: value } };
        },
      },
    },
  });
}

function tagOf(role: AwsRole, nonce: string, sent: FieldValues<typeof fields>): RoleTag {
  const policies = parseAssignablePolicies(sent.policies ?? role.token.policies, { root: false });
  const other = policies.find((name) => !role.token.policies.includes(name));
  if (other !== undefined) throw refused(`"${other}" is not among the policies of the role`);
  const instance = sent.instance_id ?? '';
  if (instance !== '' && !/^i-[0-9a-f]{8,17}$/.test(instance)) throw refused('instance_id is none');
  if (sent.allow_instance_migration === true && sent.disallow_reauthentication === true)
    throw refused('cannot set both disallow_reauthentication and allow_instance_migration');
  return {
    nonce,
    role: role.name,
    policies,
    disallowReauthentication: sent.disallow_reauthentication ?? false,
    allowInstanceMigration: sent.allow_instance_migration ?? false,
    maxTtl: sent.max_ttl ?? 0,
    instance,
  };
}

function refused(reason: string): CofferError {
  return new CofferError('invalid_request', reason);
}
