/** IAM and STS in memory, that do whatever they are asked: for tests that are about answers, and not about AWS. */
import { randomBytes } from 'node:crypto';
import { AwsError } from '../../src/aws/aws-error.ts';
import type { AccessKey, IamUsers } from '../../src/aws/iam-users.ts';
import type { SessionKeys, StsClient } from '../../src/aws/sts.ts';
import type { AwsServices } from '../../src/engine/aws/clients.ts';
import { account } from './aws-cloud.ts';

export function memoryAws(now: () => number, ownName = 'coffer'): AwsServices {
  const users = new Map<string, Map<string, number>>([[ownName, new Map()]]);
  const keysOf = (user: string): Map<string, number> => {
    const keys = users.get(user);
    if (keys !== undefined) return keys;
    throw new AwsError('not-found', 'no such user');
  };
  const newKey = (prefix: string): AccessKey => ({
    accessKey: prefix + randomBytes(8).toString('hex').toUpperCase(),
    secretKey: randomBytes(20).toString('base64url'),
  });
  const iam: IamUsers = {
    createUser: async ({ name }) => void users.set(name, new Map()),
    joinGroup: async (user) => void keysOf(user),
    attachPolicy: async (user) => void keysOf(user),
    putPolicy: async (user) => void keysOf(user),
    createKey: async (user) => {
      const key = newKey('AKIA');
      // One key a user is enough here, and nobody ever has too many.
      keysOf(user).clear();
      keysOf(user).set(key.accessKey, now());
      return key;
    },
    listKeys: async (user) => [...keysOf(user)].map(([accessKey, createdAt]) => ({ accessKey, createdAt })),
    deleteKey: async (user, key) => void keysOf(user).delete(key),
    ownName: async () => ownName,
    dismantle: async (user) => {
      keysOf(user);
      users.delete(user);
    },
    close() {},
  };
  const session = (seconds: number, arn: string): SessionKeys => ({
    ...newKey('ASIA'),
    token: randomBytes(60).toString('base64'),
    expiresAt: now() + seconds * 1_000,
    arn,
  });
  const sts: StsClient = {
    callerIdentity: async () => ({ arn: `arn:aws:iam::${account}:user/${ownName}`, account }),
    assumeRole: async ({ seconds, roleArn, sessionName }) => session(seconds, `${roleArn}/${sessionName}`),
    federationToken: async ({ seconds, name }) =>
      session(seconds, `arn:aws:sts::${account}:federated-user/${name}`),
    sessionToken: async ({ seconds }) => session(seconds, ''),
    close() {},
  };
  return { iam, sts };
}
