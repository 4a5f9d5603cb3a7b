/**
 * What a mount of `aws` begins with where nobody is there yet to set it up: roles of IAM that administer, and one by which every role
 * of the account logs in with no rights besides its own. Names count, as they do in lists of secrets: there may be no such role of IAM
 * yet, and one that is made anew is the same. Below an IAM path it is another one: who may make roles there, and nowhere else, must not
 * become an administrator by a name.
 */
import { encodeStored } from '../../core/stored-json.ts';
import type { ViewWrite } from '../../core/view.ts';
import { type Random, randomUuid } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import { canonicalRoleName, roleFolder } from '../role-records.ts';
import { clientConfigPath, noClientConfig } from './client-config.ts';
import { identityConfigPath, usualIdentityConfig } from './identity-config.ts';
import { type AwsRole, newRole, type PrincipalBind } from './role.ts';

export interface AwsFounding {
  /** `aws`, `aws-cn`, … */
  readonly partition: string;
  /** Twelve digits. */
  readonly account: string;
  /** Names of IAM roles, none twice. */
  readonly administrators: readonly string[];
  /** What their logins grant. */
  readonly policy: string;
  /** What logins have to sign, so that a request that was signed for somebody else is none. */
  readonly serverId: string;
}

/** The role of the method by which every role of the account may log in. */
export const everyRole = 'account';

/** Seconds. */
const lives = { ttl: 3_600, maxTtl: 12 * 3_600 };

/**
 * The name of the method's role that stands for a role of IAM, by which it logs in without naming one. Throws `usage` for a name that
 * can be none.
 */
export function administratorRole(name: string): string {
  const folded = /^[\w+=,.@-]{1,64}$/.test(name) ? canonicalRoleName(name) : undefined;
  if (folded !== undefined && folded !== everyRole) return folded;
  throw new CofferError(
    'usage',
    `${JSON.stringify(name.slice(0, 80))} can not be distinguished: that takes the name of an IAM role, without its path, of letters, ` +
      `digits and ._-, a letter or a digit first; ${everyRole} is taken`,
  );
}

/** Records of the new mount. Throws as `administratorRole` does. */
export function foundingRecords(founding: AwsFounding, random: Random): readonly ViewWrite[] {
  const { partition, account, administrators, policy, serverId } = founding;
  const roles = [
    ...administrators.map((name) =>
      roleOf(
        administratorRole(name),
        [policy],
        { arn: `arn:${partition}:iam::${account}:role/${name}`, pathToo: true },
        random,
      ),
    ),
    // As STS names sessions, so that IAM need not be asked whether somebody may log in.
    roleOf(everyRole, [], { arn: `arn:${partition}:sts::${account}:assumed-role/*` }, random),
  ];
  return [
    { path: clientConfigPath, value: encodeStored({ ...noClientConfig, serverId }) },
    { path: identityConfigPath, value: encodeStored(identity) },
    ...roles.map((role) => ({ path: roleFolder + role.name, value: encodeStored(role) })),
  ];
}

/** Many log in by one role of the method: each is somebody of their own. */
const identity = {
  ...usualIdentityConfig,
  iamAlias: 'unique_id',
  iamMetadata: ['account_id', 'auth_type', 'canonical_arn', 'client_arn'],
} as const satisfies typeof usualIdentityConfig;

function roleOf(name: string, policies: readonly string[], bind: PrincipalBind, random: Random): AwsRole {
  const role = newRole(name, randomUuid(random), 'iam');
  return {
    ...role,
    principals: [bind],
    resolveUniqueIds: false,
    token: { ...role.token, ...lives, policies },
  };
}
