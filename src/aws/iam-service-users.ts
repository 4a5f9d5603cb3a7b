/** IAM's users that belong to applications: found, marked by tags, given keys and rights, and taken apart. Each call ends with its caller's signal. */
import { AwsError } from './aws-error.ts';
import type { AwsOptions } from './aws-options.ts';
import { LazyClient } from './client-config.ts';
import { type AskAboutUser, dismantleUser, isGone } from './iam-user-removal.ts';
import type { AccessKey, ListedKey, NewUser } from './iam-users.ts';

type Sdk = typeof import('@aws-sdk/client-iam');

export interface KnownUser {
  /** With `/` at both ends. */
  readonly path: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface UserKey extends ListedKey {
  readonly active: boolean;
}

export interface UserRights {
  /** Names. */
  readonly groups: readonly string[];
  /** ARNs. */
  readonly policies: readonly string[];
}

/** Calls reject with `AwsError`: `not-found` where there is no such user, unless it is said otherwise. */
export interface IamServiceUsers {
  /** Undefined where there is none. */
  find(user: string): Promise<KnownUser | undefined>;
  /** Names below a path, a page at a time; `next` goes on behind it. */
  list(
    path: string,
    after: string | undefined,
  ): Promise<{ readonly names: readonly string[]; readonly next?: string }>;
  create(user: NewUser): Promise<void>;
  tag(user: string, tags: Readonly<Record<string, string>>): Promise<void>;
  untag(user: string, names: readonly string[]): Promise<void>;
  rights(user: string): Promise<UserRights>;
  /** From what it has to what it is to have. */
  changeRights(user: string, has: UserRights, wanted: UserRights): Promise<void>;
  putPolicy(user: string, policyName: string, document: string): Promise<void>;
  keys(user: string): Promise<readonly UserKey[]>;
  createKey(user: string): Promise<AccessKey>;
  /** A key that is not there is deleted already. */
  deleteKey(user: string, accessKey: string): Promise<void>;
  setActive(user: string, accessKey: string, active: boolean): Promise<void>;
  /** Takes keys, password and rights away, in this order, and then the user. */
  dismantle(user: string): Promise<void>;
}

export interface IamClient {
  /** The calls of one turn. */
  during(signal: AbortSignal): IamServiceUsers;
  close(): void;
}

/** Names on a page of a list. */
const pageSize = 50;

/** Connects to nothing and loads nothing before the first call. */
export function iamClient(options: AwsOptions): IamClient {
  const iam = new LazyClient(
    options,
    { service: 'IAM', env: 'IAM' },
    () => import('@aws-sdk/client-iam'),
    (sdk, config) => new sdk.IAMClient(config),
  );
  return {
    during(signal) {
      const ask: AskAboutUser = (action, user, run) =>
        iam.call({ action: `iam:${action}`, resource: `user ${user}` }, ({ sdk, client }, ownEnd) =>
          run(sdk, client, { abortSignal: AbortSignal.any([ownEnd, signal]) }),
        );
      return { ...userCalls(ask), ...rightsCalls(ask), ...keyCalls(ask) };
    },
    close: () => iam.close(),
  };
}

function userCalls(ask: AskAboutUser) {
  return {
    find: (UserName: string) =>
      ask('GetUser', UserName, async (sdk, client, bounds) => {
        const { User } = await client.send(new sdk.GetUserCommand({ UserName }), bounds);
        return { path: User?.Path ?? '/', tags: tagsOf(User?.Tags ?? []) };
      }).catch(ignoreGone),
    list: (PathPrefix: string, Marker: string | undefined) =>
      ask('ListUsers', `below ${PathPrefix}`, async (sdk, client, bounds) => {
        const input = { PathPrefix, MaxItems: pageSize, ...(Marker === undefined ? {} : { Marker }) };
        const found = await client.send(new sdk.ListUsersCommand(input), bounds);
        const names = (found.Users ?? []).flatMap(({ UserName }) => UserName ?? []);
        return found.IsTruncated === true && found.Marker ? { names, next: found.Marker } : { names };
      }),
    create: ({ name, path, boundary, tags }: NewUser) =>
      ask('CreateUser', name, async (sdk, client, bounds) => {
        const input = { UserName: name, Path: path, Tags: listed(tags) };
        const limited = boundary === '' ? input : { ...input, PermissionsBoundary: boundary };
        await client.send(new sdk.CreateUserCommand(limited), bounds);
      }),
    tag: (UserName: string, tags: Readonly<Record<string, string>>) =>
      ask('TagUser', UserName, async (sdk, client, bounds) => {
        await client.send(new sdk.TagUserCommand({ UserName, Tags: listed(tags) }), bounds);
      }),
    untag: (UserName: string, names: readonly string[]) =>
      ask('UntagUser', UserName, async (sdk, client, bounds) => {
        await client.send(new sdk.UntagUserCommand({ UserName, TagKeys: [...names] }), bounds);
      }),
  };
}

function rightsCalls(ask: AskAboutUser) {
  const told =
    <T>(make: (sdk: Sdk, name: string) => T) =>
    async (action: string, user: string, names: readonly string[]) => {
      for (const name of names) {
        // One command of IAM's, whose types have no common name.
        await ask(action, user, (sdk, client, bounds) => client.send(make(sdk, name) as never, bounds));
      }
    };
  return {
    rights: async (UserName: string): Promise<UserRights> => {
      const { Groups = [] } = await ask('ListGroupsForUser', UserName, (sdk, client, bounds) =>
        client.send(new sdk.ListGroupsForUserCommand({ UserName }), bounds),
      );
      const { AttachedPolicies = [] } = await ask(
        'ListAttachedUserPolicies',
        UserName,
        (sdk, client, bounds) => client.send(new sdk.ListAttachedUserPoliciesCommand({ UserName }), bounds),
      );
      return {
        groups: Groups.flatMap(({ GroupName }) => GroupName ?? []),
        policies: AttachedPolicies.flatMap(({ PolicyArn }) => PolicyArn ?? []),
      };
    },
    changeRights: async (UserName: string, has: UserRights, wanted: UserRights) => {
      const less = (of: readonly string[], others: readonly string[]) =>
        of.filter((one) => !others.includes(one));
      // What is too much goes first.
      await told((sdk, GroupName) => new sdk.RemoveUserFromGroupCommand({ UserName, GroupName }))(
        'RemoveUserFromGroup',
        UserName,
        less(has.groups, wanted.groups),
      );
      await told((sdk, PolicyArn) => new sdk.DetachUserPolicyCommand({ UserName, PolicyArn }))(
        'DetachUserPolicy',
        UserName,
        less(has.policies, wanted.policies),
      );
      await told((sdk, GroupName) => new sdk.AddUserToGroupCommand({ UserName, GroupName }))(
        'AddUserToGroup',
        UserName,
        less(wanted.groups, has.groups),
      );
      await told((sdk, PolicyArn) => new sdk.AttachUserPolicyCommand({ UserName, PolicyArn }))(
        'AttachUserPolicy',
        UserName,
        less(wanted.policies, has.policies),
      );
    },
    putPolicy: (UserName: string, PolicyName: string, PolicyDocument: string) =>
      ask('PutUserPolicy', UserName, async (sdk, client, bounds) => {
        await client.send(new sdk.PutUserPolicyCommand({ UserName, PolicyName, PolicyDocument }), bounds);
      }),
  };
}

function keyCalls(ask: AskAboutUser) {
  const keys = (UserName: string): Promise<readonly UserKey[]> =>
    ask('ListAccessKeys', UserName, async (sdk, client, bounds) => {
      const { AccessKeyMetadata = [] } = await client.send(
        new sdk.ListAccessKeysCommand({ UserName }),
        bounds,
      );
      return AccessKeyMetadata.flatMap(({ AccessKeyId, CreateDate, Status }) =>
        AccessKeyId === undefined
          ? []
          : [
              {
                accessKey: AccessKeyId,
                createdAt: CreateDate?.getTime() ?? 0,
                active: Status === sdk.StatusType.Active,
              },
            ],
      );
    });
  const deleteKey = (UserName: string, AccessKeyId: string) =>
    ask('DeleteAccessKey', UserName, async (sdk, client, bounds) => {
      await client.send(new sdk.DeleteAccessKeyCommand({ UserName, AccessKeyId }), bounds);
    }).catch(ignoreGone);
  return {
    keys,
    deleteKey,
    createKey: (UserName: string) =>
      ask('CreateAccessKey', UserName, async (sdk, client, bounds) => {
        const { AccessKey } = await client.send(new sdk.CreateAccessKeyCommand({ UserName }), bounds);
        const { AccessKeyId, SecretAccessKey } = AccessKey ?? {};
        if (AccessKeyId && SecretAccessKey) return { accessKey: AccessKeyId, secretKey: SecretAccessKey };
        throw new AwsError('aws-fault', 'IAM answered without what it was asked for; try again');
      }),
    setActive: (UserName: string, AccessKeyId: string, active: boolean) =>
      ask('UpdateAccessKey', UserName, async (sdk, client, bounds) => {
        const Status = active ? sdk.StatusType.Active : sdk.StatusType.Inactive;
        await client.send(new sdk.UpdateAccessKeyCommand({ UserName, AccessKeyId, Status }), bounds);
      }),
    dismantle: (user: string) => dismantleUser(ask, { listKeys: keys, deleteKey }, user),
  };
}

function tagsOf(tags: readonly { readonly Key: string | undefined; readonly Value: string | undefined }[]) {
  return Object.fromEntries(tags.map(({ Key = '', Value = '' }) => [Key, Value]));
}

function listed(tags: Readonly<Record<string, string>>) {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

function ignoreGone(error: unknown): undefined {
  if (!isGone(error)) throw error;
}
