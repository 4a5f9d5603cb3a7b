/** `config/identity`: by what a principal is known to identity, and what a login tells of it. */
import { type Endpoint, endpoint, type Fields, type FieldValues } from '../../core/endpoint.ts';
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { View } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';

const iamAliases = ['role_id', 'unique_id', 'full_arn', 'canonical_arn'] as const;
const ec2Aliases = ['role_id', 'instance_id', 'image_id'] as const;

/** What can be told of a login, besides the role. */
export const iamMetadata = [
  'account_id',
  'auth_type',
  'canonical_arn',
  'client_arn',
  'client_user_id',
  'inferred_aws_region',
  'inferred_entity_id',
  'inferred_entity_type',
  'inferred_hostname',
] as const;
export const ec2Metadata = [
  'account_id',
  'ami_id',
  'auth_type',
  'instance_id',
  'region',
  'role',
  'role_tag_max_ttl',
] as const;

export interface IdentityConfig {
  readonly iamAlias: (typeof iamAliases)[number];
  readonly ec2Alias: (typeof ec2Aliases)[number];
  readonly iamMetadata: readonly string[];
  readonly ec2Metadata: readonly string[];
}

export const usualIdentityConfig: IdentityConfig = {
  iamAlias: 'role_id',
  ec2Alias: 'role_id',
  iamMetadata: ['account_id', 'auth_type'],
  ec2Metadata: ['account_id', 'ami_id', 'auth_type', 'instance_id', 'region', 'role', 'role_tag_max_ttl'],
};

export const identityConfigPath = 'config/identity';

const fields = {
  iam_alias: { type: 'string', help: 'role_id (the default), unique_id, full_arn or canonical_arn.' },
  ec2_alias: { type: 'string', help: 'role_id (the default), instance_id or image_id.' },
  iam_metadata: { type: 'list', help: 'What a login of type iam tells; "default" for the usual.' },
  ec2_metadata: { type: 'list', help: 'What a login of type ec2 tells; "default" for the usual.' },
} as const satisfies Fields;

export async function readIdentityConfig(view: View): Promise<IdentityConfig> {
  const sealed = await view.read(identityConfigPath);
  return sealed === undefined ? usualIdentityConfig : decodeStored<IdentityConfig>(sealed.open());
}

export function identityConfigEndpoint(): Endpoint {
  return endpoint({
    pattern: 'config/identity',
    help: 'By what a principal is known to identity, and what a login tells of it.',
    fields,
    operations: {
      read: {
        summary: 'Show how principals are known',
        response: {
          iam_alias: { type: 'string' },
          ec2_alias: { type: 'string' },
          iam_metadata: { type: 'list' },
          ec2_metadata: { type: 'list' },
        },
        handle: async (call) => {
          const config = await readIdentityConfig(call.view);
          return {
            data: {
              iam_alias: config.iamAlias,
              ec2_alias: config.ec2Alias,
              iam_metadata: config.iamMetadata,
              ec2_metadata: config.ec2Metadata,
            },
          };
        },
      },
      update: {
        summary: 'Set how principals are known',
        handle: async (call) => {
          const config = withFields(await readIdentityConfig(call.view), call.fields);
          await call.view.commit([{ path: identityConfigPath, value: encodeStored(config) }]);
          return undefined;
        },
      },
    },
  });
}

function withFields(before: IdentityConfig, sent: FieldValues<typeof fields>): IdentityConfig {
  return {
    iamAlias: alias('iam', iamAliases, sent.iam_alias) ?? before.iamAlias,
    ec2Alias: alias('ec2', ec2Aliases, sent.ec2_alias) ?? before.ec2Alias,
    iamMetadata:
      metadata(iamMetadata, usualIdentityConfig.iamMetadata, sent.iam_metadata) ?? before.iamMetadata,
    ec2Metadata:
      metadata(ec2Metadata, usualIdentityConfig.ec2Metadata, sent.ec2_metadata) ?? before.ec2Metadata,
  };
}

function alias<T extends string>(what: string, known: readonly T[], sent: string | undefined): T | undefined {
  if (sent === undefined || sent === '') return undefined;
  const found = known.find((each) => each === sent);
  if (found !== undefined) return found;
  throw refused(`invalid ${what} alias type provided: it is one of ${known.join(', ')}`);
}

function metadata(
  known: readonly string[],
  usually: readonly string[],
  sent: readonly string[] | undefined,
): readonly string[] | undefined {
  if (sent === undefined) return undefined;
  const wanted = sent.flatMap((name) => (name === 'default' ? usually : [name]));
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown === undefined) return [...new Set(wanted)];
  throw refused(
    `iam_metadata or ec2_metadata contains an unavailable field, please select from ${known.join(', ')}`,
  );
}

function refused(reason: string): CofferError {
  return new CofferError('invalid_request', reason);
}
