/** STS, as far as credentials are made with it: sessions of roles, federated users, and of whoever asks. */
import { AwsError } from './aws-error.ts';
import type { AwsOptions } from './aws-options.ts';
import { LazyClient } from './client-config.ts';

/** Keys that end by themselves. */
export interface SessionKeys {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly token: string;
  /** Milliseconds; as AWS's clock has it. */
  readonly expiresAt: number;
  /** Who they are; empty where STS does not say. */
  readonly arn: string;
}

/** What narrows a session: it has what its policies allow and what its role or user has, and never more. */
export interface SessionNarrowing {
  /** An IAM policy in JSON. */
  readonly policy?: string | undefined;
  /** ARNs of managed policies. */
  readonly policyArns: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
}

export interface RoleSession extends SessionNarrowing {
  readonly roleArn: string;
  /** 2 to 64 of letters, digits and `_+=,.@-`. */
  readonly sessionName: string;
  /** From 900. */
  readonly seconds: number;
  /** Names of tags that go on into roles that the session assumes. */
  readonly transitiveTags: readonly string[];
  readonly sourceIdentity?: string | undefined;
  readonly externalId?: string | undefined;
}

export interface FederatedSession extends SessionNarrowing {
  /** 2 to 32 of letters, digits and `_+=,.@-`. */
  readonly name: string;
  readonly seconds: number;
}

export interface OwnSession {
  readonly seconds: number;
  /** Serial number or ARN of a device for one-time codes, and its code of now. */
  readonly device?: { readonly serialNumber: string; readonly code: string } | undefined;
}

export interface CallerIdentity {
  readonly arn: string;
  readonly account: string;
}

/** Every call rejects with `AwsError`, and is repeated at most as often as the options say. */
export interface StsClient {
  callerIdentity(): Promise<CallerIdentity>;
  assumeRole(order: RoleSession): Promise<SessionKeys>;
  federationToken(order: FederatedSession): Promise<SessionKeys>;
  sessionToken(order: OwnSession): Promise<SessionKeys>;
  close(): void;
}

/** Connects to nothing and loads nothing before the first call. */
export function stsClient(options: AwsOptions): StsClient {
  const sts = new LazyClient(
    options,
    { service: 'STS', env: 'STS' },
    () => import('@aws-sdk/client-sts'),
    (sdk, config) => new sdk.STSClient(config),
  );
  return {
    callerIdentity: () => {
      const about = { action: 'sts:GetCallerIdentity', resource: 'its own identity' };
      return sts.call(about, async ({ sdk, client }, abortSignal) => {
        const { Arn, Account } = await client.send(new sdk.GetCallerIdentityCommand({}), { abortSignal });
        if (Arn !== undefined && Account !== undefined) return { arn: Arn, account: Account };
        throw incomplete();
      });
    },
    assumeRole: (order) => {
      const about = { action: 'sts:AssumeRole', resource: order.roleArn };
      return sts.call(about, async ({ sdk, client }, abortSignal) => {
        const input = {
          RoleArn: order.roleArn,
          RoleSessionName: order.sessionName,
          DurationSeconds: order.seconds,
          ...narrowed(order),
          ...(order.transitiveTags.length === 0 ? {} : { TransitiveTagKeys: [...order.transitiveTags] }),
          ...(order.sourceIdentity === undefined ? {} : { SourceIdentity: order.sourceIdentity }),
          ...(order.externalId === undefined ? {} : { ExternalId: order.externalId }),
        };
        const answer = await client.send(new sdk.AssumeRoleCommand(input), { abortSignal });
        return whole(answer.Credentials, answer.AssumedRoleUser?.Arn);
      });
    },
    federationToken: (order) => {
      const about = { action: 'sts:GetFederationToken', resource: `federated user ${order.name}` };
      return sts.call(about, async ({ sdk, client }, abortSignal) => {
        const input = { Name: order.name, DurationSeconds: order.seconds, ...narrowed(order) };
        const answer = await client.send(new sdk.GetFederationTokenCommand(input), { abortSignal });
        return whole(answer.Credentials, answer.FederatedUser?.Arn);
      });
    },
    sessionToken: ({ seconds, device }) => {
      const about = { action: 'sts:GetSessionToken', resource: 'a session of its own' };
      return sts.call(about, async ({ sdk, client }, abortSignal) => {
        const proven =
          device === undefined ? {} : { SerialNumber: device.serialNumber, TokenCode: device.code };
        const answer = await client.send(
          new sdk.GetSessionTokenCommand({ DurationSeconds: seconds, ...proven }),
          { abortSignal },
        );
        return whole(answer.Credentials, undefined);
      });
    },
    close: () => sts.close(),
  };
}

function narrowed({ policy, policyArns, tags }: SessionNarrowing) {
  return {
    ...(policy === undefined ? {} : { Policy: policy }),
    ...(policyArns.length === 0 ? {} : { PolicyArns: policyArns.map((arn) => ({ arn })) }),
    ...(Object.keys(tags).length === 0
      ? {}
      : { Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) }),
  };
}

interface Said {
  readonly AccessKeyId: string | undefined;
  readonly SecretAccessKey: string | undefined;
  readonly SessionToken: string | undefined;
  readonly Expiration: Date | undefined;
}

function whole(said: Said | undefined, arn = ''): SessionKeys {
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = said ?? {};
  if (!AccessKeyId || !SecretAccessKey || !SessionToken || Expiration === undefined) throw incomplete();
  return {
    accessKey: AccessKeyId,
    secretKey: SecretAccessKey,
    token: SessionToken,
    expiresAt: Expiration.getTime(),
    arn,
  };
}

function incomplete(): AwsError {
  return new AwsError('aws-fault', 'STS answered without what it was asked for; try again');
}
