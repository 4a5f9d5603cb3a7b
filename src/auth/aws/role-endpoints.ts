/** The endpoints of roles. */
import { type Call, type Endpoint, endpoint, type Reply, type ResponseSchema } from '../../core/endpoint.ts';
import { randomUuid } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import { deleteNamedRole, readNamedRole, roleListEndpoint, writeNamedRole } from '../role-records.ts';
import { tokenSettingsSchema } from '../token-fields.ts';
import { type PrincipalArn, parseArn } from './arn.ts';
import type { AwsQuestions } from './questions.ts';
import { type AwsRole, newRole, type PrincipalBind, roleFields, type SentRole, shownRole } from './role.ts';
import { checkBound, parseAuthType, sentPrincipals, withFields } from './role-fields.ts';
import type { AwsRooms } from './rooms.ts';

const schema = {
  auth_type: { type: 'string' },
  bound_ami_id: { type: 'list' },
  bound_account_id: { type: 'list' },
  bound_region: { type: 'list' },
  bound_vpc_id: { type: 'list' },
  bound_subnet_id: { type: 'list' },
  bound_iam_role_arn: { type: 'list' },
  bound_iam_instance_profile_arn: { type: 'list' },
  bound_ec2_instance_id: { type: 'list' },
  bound_iam_principal_arn: { type: 'list' },
  bound_iam_principal_id: { type: 'list' },
  role_tag: { type: 'string' },
  allow_instance_migration: { type: 'bool' },
  disallow_reauthentication: { type: 'bool' },
  ignore_nonce: { type: 'bool' },
  first_login_within: { type: 'duration' },
  inferred_entity_type: { type: 'string' },
  inferred_aws_region: { type: 'string' },
  resolve_aws_unique_ids: { type: 'bool' },
  role_id: { type: 'string' },
  ...tokenSettingsSchema,
  '*': { type: 'any', optional: true, help: 'The same under older names, where these were used.' },
} as const satisfies ResponseSchema;

export function roleEndpoints(rooms: AwsRooms): readonly Endpoint[] {
  return [roleListEndpoint('roles'), roleListEndpoint(), roleEndpoint(rooms)];
}

function roleEndpoint(rooms: AwsRooms): Endpoint {
  return endpoint({
    pattern: 'role/:name',
    help: 'Shows, writes or deletes a role: which instances, or which principals of IAM, log in by it.',
    foldsNames: true,
    fields: roleFields,
    exists: async (call) => (await readNamedRole(call)) !== undefined,
    operations: {
      read: {
        summary: 'Show a role',
        response: schema,
        handle: async (call) => {
          const read = await readNamedRole<AwsRole>(call);
          return read === undefined ? undefined : { data: shownRole(read.role) };
        },
      },
      update: { summary: 'Write a role', handle: (call) => writeRole(rooms, call, call.fields) },
      delete: {
        summary: 'Delete a role',
        handle: async (call) => {
          await deleteNamedRole(call);
          return undefined;
        },
      },
    },
  });
}

async function writeRole(rooms: AwsRooms, call: Call, sent: SentRole): Promise<Reply | undefined> {
  const found = await readNamedRole<AwsRole>(call);
  const id = found?.role.id ?? randomUuid(rooms.environment.random);
  const before = (name: string) => newRole(name, id, parseAuthType(sent.auth_type) ?? 'iam');
  const planned = withFields(found?.role ?? before(''), sent, call.data);
  // Asked before anything is written, and not while others wait for the write.
  const principals = await resolved(rooms, call, planned, sentPrincipals(planned, sent));
  await writeNamedRole<AwsRole>(call, (role, name) => {
    const changed = withFields(role ?? before(name), sent, call.data);
    const bound = principals === undefined ? changed : { ...changed, principals };
    checkBound(bound);
    return bound;
  });
  return undefined;
}

/** With the ids of those that are no patterns. Rejects with what AWS answered for one that it does not know. */
async function resolved(
  rooms: AwsRooms,
  call: Call,
  role: AwsRole,
  arns: readonly string[] | undefined,
): Promise<readonly PrincipalBind[] | undefined> {
  if (arns === undefined) return undefined;
  const known = new Map(role.principals.map((bind) => [bind.arn, bind]));
  const questions = rooms.questionsFor(call.view);
  return Promise.all(
    arns.map(async (arn) => {
      const principal = arn.endsWith('*') ? undefined : parseArn(arn);
      const nameless =
        principal === undefined || principal.kind === 'root' || principal.kind === 'assumed-role';
      if (nameless || !role.resolveUniqueIds) return { arn };
      const before = known.get(arn);
      // One that was written by its name alone is asked for now.
      if (before?.uniqueId !== undefined) return before;
      return { arn, uniqueId: await idOf(questions, principal, arn) };
    }),
  );
}

async function idOf(questions: AwsQuestions, principal: PrincipalArn, arn: string): Promise<string> {
  const found = await questions.principal(principal);
  // IAM finds a role by its name alone; one of another path is another one.
  if (found.arn === arn) return found.uniqueId;
  throw new CofferError('invalid_request', `bound_iam_principal_arn: IAM has no ${arn}, but ${found.arn}`);
}
