/** Taking a user of IAM apart: it is deleted once it has nothing any more. */
import { AwsError } from './aws-error.ts';

type Sdk = typeof import('@aws-sdk/client-iam');

/** One call about one user, within its deadline; the action is spelled without `iam:`. */
export type AskAboutUser = <T>(
  action: string,
  user: string,
  run: (
    sdk: Sdk,
    client: InstanceType<Sdk['IAMClient']>,
    bounds: { readonly abortSignal: AbortSignal },
  ) => Promise<T>,
) => Promise<T>;

interface UserKeys {
  listKeys(user: string): Promise<readonly { readonly accessKey: string }[]>;
  deleteKey(user: string, accessKey: string): Promise<void>;
}

/** Rejects with `AwsError`, `not-found` where there was no such user to begin with. */
export async function dismantleUser(ask: AskAboutUser, keys: UserKeys, user: string): Promise<void> {
  // Keys first: from here on nobody gets in with them, whatever becomes of the rest.
  for (const { accessKey } of await keys.listKeys(user)) await keys.deleteKey(user, accessKey);
  await leaveGroups(ask, user);
  await losePolicies(ask, user);
  await deleteUser(ask, user).catch(async (error: unknown) => {
    if (!(error instanceof AwsError) || error.reason !== 'conflict') throw error;
    // It has a password, most likely. Asked for only then, so that nobody needs the right who has no such users.
    await ask('DeleteLoginProfile', user, (sdk, client, bounds) =>
      client.send(new sdk.DeleteLoginProfileCommand({ UserName: user }), bounds),
    ).catch(ignoreGone);
    await deleteUser(ask, user);
  });
}

async function deleteUser(ask: AskAboutUser, UserName: string): Promise<void> {
  await ask('DeleteUser', UserName, (sdk, client, bounds) =>
    client.send(new sdk.DeleteUserCommand({ UserName }), bounds),
  ).catch(ignoreGone);
}

async function leaveGroups(ask: AskAboutUser, UserName: string): Promise<void> {
  const { Groups = [] } = await ask('ListGroupsForUser', UserName, (sdk, client, bounds) =>
    client.send(new sdk.ListGroupsForUserCommand({ UserName }), bounds),
  );
  for (const { GroupName } of Groups) {
    await ask('RemoveUserFromGroup', UserName, (sdk, client, bounds) =>
      client.send(new sdk.RemoveUserFromGroupCommand({ UserName, GroupName }), bounds),
    ).catch(ignoreGone);
  }
}

async function losePolicies(ask: AskAboutUser, UserName: string): Promise<void> {
  const { AttachedPolicies = [] } = await ask('ListAttachedUserPolicies', UserName, (sdk, client, bounds) =>
    client.send(new sdk.ListAttachedUserPoliciesCommand({ UserName }), bounds),
  );
  for (const { PolicyArn } of AttachedPolicies) {
    await ask('DetachUserPolicy', UserName, (sdk, client, bounds) =>
      client.send(new sdk.DetachUserPolicyCommand({ UserName, PolicyArn }), bounds),
    ).catch(ignoreGone);
  }
  const { PolicyNames = [] } = await ask('ListUserPolicies', UserName, (sdk, client, bounds) =>
    client.send(new sdk.ListUserPoliciesCommand({ UserName }), bounds),
  );
  for (const PolicyName of PolicyNames) {
    await ask('DeleteUserPolicy', UserName, (sdk, client, bounds) =>
      client.send(new sdk.DeleteUserPolicyCommand({ UserName, PolicyName }), bounds),
    ).catch(ignoreGone);
  }
}

export function isGone(error: unknown): boolean {
  return error instanceof AwsError && error.reason === 'not-found';
}

function ignoreGone(error: unknown): void {
  if (!isGone(error)) throw error;
}
