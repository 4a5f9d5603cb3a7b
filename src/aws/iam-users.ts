/** IAM's users: made with their rights, given keys, and taken apart again. */
import { AwsError } from './aws-error.ts';
import type { AwsOptions } from './aws-options.ts';
import { LazyClient } from './client-config.ts';
import { type AskAboutUser, dismantleUser, isGone } from './iam-user-removal.ts';

export interface NewUser {
  readonly name: string;
  /** With `/` at both ends. */
  readonly path: string;
  /** ARN of the policy that none of its own goes beyond; empty for none. */
  readonly boundary: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface AccessKey {
  readonly accessKey: string;
  readonly secretKey: string;
}

export interface ListedKey {
  readonly accessKey: string;
  /** Milliseconds; as AWS's clock has it. */
  readonly createdAt: number;
}

/** The most keys that IAM lets a user have. */
export const mostAccessKeys = 2;

/** Every call rejects with `AwsError`: `not-found` where there is no such user, or IAM does not know of it yet. */
export interface IamUsers {
  createUser(user: NewUser): Promise<void>;
  joinGroup(user: string, group: string): Promise<void>;
  attachPolicy(user: string, policyArn: string): Promise<void>;
  putPolicy(user: string, policyName: string, document: string): Promise<void>;
  createKey(user: string): Promise<AccessKey>;
  listKeys(user: string): Promise<readonly ListedKey[]>;
  /** A key that is not there is deleted already; one of a user that is not there rejects. */
  deleteKey(user: string, accessKey: string): Promise<void>;
  /** Name of the user that asks. */
  ownName(): Promise<string>;
  /** Takes keys, password and rights away, in this order, and then the user. What of it is gone already is success. */
  dismantle(user: string): Promise<void>;
  close(): void;
}

/** Connects to nothing and loads nothing before the first call. */
export function iamUsers(options: AwsOptions): IamUsers {
  const iam = new LazyClient(
    options,
    { service: 'IAM', env: 'IAM' },
    () => import('@aws-sdk/client-iam'),
    (sdk, config) => new sdk.IAMClient(config),
  );
  const ask: AskAboutUser = (action, user, run) =>
    iam.call({ action: `iam:${action}`, resource: `user ${user}` }, ({ sdk, client }, abortSignal) =>
      run(sdk, client, { abortSignal }),
    );
  const listKeys = (UserName: string) =>
    ask('ListAccessKeys', UserName, async (sdk, client, bounds) => {
      const { AccessKeyMetadata = [] } = await client.send(
        new sdk.ListAccessKeysCommand({ UserName }),
        bounds,
      );
      return AccessKeyMetadata.flatMap(({ AccessKeyId, CreateDate }) =>
        AccessKeyId === undefined ? [] : [{ accessKey: AccessKeyId, createdAt: CreateDate?.getTime() ?? 0 }],
      );
    });
  const deleteKey = (UserName: string, AccessKeyId: string) =>
    ask('DeleteAccessKey', UserName, async (sdk, client, bounds) => {
      await client.send(new sdk.DeleteAccessKeyCommand({ UserName, AccessKeyId }), bounds);
    });
  const users: Omit<IamUsers, 'dismantle'> = {
    createUser: ({ name, path, boundary, tags }) =>
      ask('CreateUser', name, async (sdk, client, bounds) => {
        const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
        await client.send(
          new sdk.CreateUserCommand({
            UserName: name,
            Path: path,
            ...(boundary === '' ? {} : { PermissionsBoundary: boundary }),
            ...(Tags.length === 0 ? {} : { Tags }),
          }),
          bounds,
        );
      }),
    joinGroup: (UserName, GroupName) =>
      ask('AddUserToGroup', UserName, async (sdk, client, bounds) => {
        await client.send(new sdk.AddUserToGroupCommand({ UserName, GroupName }), bounds);
      }),
    attachPolicy: (UserName, PolicyArn) =>
      ask('AttachUserPolicy', UserName, async (sdk, client, bounds) => {
        await client.send(new sdk.AttachUserPolicyCommand({ UserName, PolicyArn }), bounds);
      }),
    putPolicy: (UserName, PolicyName, PolicyDocument) =>
      ask('PutUserPolicy', UserName, async (sdk, client, bounds) => {
        await client.send(new sdk.PutUserPolicyCommand({ UserName, PolicyName, PolicyDocument }), bounds);
      }),
    createKey: (UserName) =>
      ask('CreateAccessKey', UserName, async (sdk, client, bounds) => {
        const { AccessKey } = await client.send(new sdk.CreateAccessKeyCommand({ UserName }), bounds);
        const { AccessKeyId, SecretAccessKey } = AccessKey ?? {};
        if (AccessKeyId && SecretAccessKey) return { accessKey: AccessKeyId, secretKey: SecretAccessKey };
        throw incomplete();
      }),
    listKeys,
    deleteKey: async (user, accessKey) => {
      await unlessGone(deleteKey(user, accessKey), async () => {
        // Which of the two is missing only the user's own keys tell.
        await listKeys(user);
      });
    },
    ownName: () =>
      ask('GetUser', 'of the keys that ask', async (sdk, client, bounds) => {
        const { User } = await client.send(new sdk.GetUserCommand({}), bounds);
        if (User?.UserName) return User.UserName;
        throw incomplete();
      }),
    close: () => iam.close(),
  };
  return { ...users, dismantle: (user) => dismantleUser(ask, users, user) };
}

async function unlessGone(call: Promise<void>, gone: () => Promise<void>): Promise<void> {
  await call.catch((error: unknown) => {
    if (!isGone(error)) throw error;
    return gone();
  });
}

function incomplete(): AwsError {
  return new AwsError('aws-fault', 'IAM answered without what it was asked for; try again');
}
