/** IAM, as far as anything here needs it: who principals are, and which roles an instance profile hands out. */
import { AwsError } from './aws-error.ts';
import type { AwsOptions } from './aws-options.ts';
import { LazyClient } from './client-config.ts';

export interface IamPrincipal {
  /** With its path. */
  readonly arn: string;
  /** Given once and never again: `AROA…`, `AIDA…`. */
  readonly uniqueId: string;
}

export interface IamClient {
  /** By name, without path. Rejects with `AwsError`, `not-found` for nobody. */
  role(name: string): Promise<IamPrincipal>;
  user(name: string): Promise<IamPrincipal>;
  /** ARNs of its roles: one at most, as IAM is today. By name, without path. Rejects with `AwsError`. */
  instanceProfileRoles(name: string): Promise<readonly string[]>;
  close(): void;
}

/** Connects to nothing and loads nothing before the first call. */
export function iamClient(options: AwsOptions): IamClient {
  const iam = new LazyClient(
    options,
    { service: 'IAM', env: 'IAM' },
    () => import('@aws-sdk/client-iam'),
    (sdk, config) => new sdk.IAMClient(config),
  );
  return {
    role: (name) =>
      iam.call({ action: 'iam:GetRole', resource: `role ${name}` }, async ({ sdk, client }, abortSignal) => {
        const { Role } = await client.send(new sdk.GetRoleCommand({ RoleName: name }), { abortSignal });
        return whole(Role?.Arn, Role?.RoleId);
      }),
    user: (name) =>
      iam.call({ action: 'iam:GetUser', resource: `user ${name}` }, async ({ sdk, client }, abortSignal) => {
        const { User } = await client.send(new sdk.GetUserCommand({ UserName: name }), { abortSignal });
        return whole(User?.Arn, User?.UserId);
      }),
    instanceProfileRoles: (name) => {
      const about = { action: 'iam:GetInstanceProfile', resource: `instance profile ${name}` };
      return iam.call(about, async ({ sdk, client }, abortSignal) => {
        const input = { InstanceProfileName: name };
        const { InstanceProfile } = await client.send(new sdk.GetInstanceProfileCommand(input), {
          abortSignal,
        });
        return (InstanceProfile?.Roles ?? []).flatMap(({ Arn }) => (Arn === undefined ? [] : [Arn]));
      });
    },
    close: () => iam.close(),
  };
}

function whole(arn: string | undefined, uniqueId: string | undefined): IamPrincipal {
  if (arn !== undefined && uniqueId !== undefined) return { arn, uniqueId };
  throw new AwsError('aws-fault', 'IAM answered without what it was asked for; try again');
}
