/** Users of IAM as moto plays it. moto believes every signature, and knows who asks by the key; that a key is switched off it shows and does not heed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AwsCloud } from '../../../test/fakes/aws-cloud.ts';
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import { mountView } from '../../../test/fakes/mount-view.ts';
import { type Moto, startMoto } from '../../../test/setup/moto.ts';
import { type AwsPlaces, noAwsPlaces } from '../../aws/aws-places.ts';
import { iamClient } from '../../aws/iam-service-users.ts';
import { systemRandom } from '../../crypto/random.ts';
import { asCofferError } from '../../errors.ts';
import { describeProvider, serviceUser } from '../provider.contract.ts';
import type { Credential, OpenProvider, ProviderTurn, ServiceUser } from '../provider.ts';
import { awsIam } from './aws-iam.ts';

const clock = new HandClock();
const surroundings = {
  clock,
  random: systemRandom,
  mountPath: 'service-users/',
  digest: (text: string) => text,
};
const moto = await startMoto();
const secret = 'of-a-test';

function placesOf({ endpoint }: Moto): AwsPlaces {
  return { env: {}, endpoints: [endpoint], profiles: [] };
}

function opened({ endpoint }: Moto, options: Record<string, string> = {}): OpenProvider {
  const type = awsIam({ env: {}, endpoints: [endpoint], profiles: [] });
  const own = { access_key: 'AKIAIOSFODNN7EXAMPLE', iam_endpoint: endpoint, sts_endpoint: endpoint };
  return type.open({ options: { ...own, ...options }, secret }, surroundings);
}

async function works(cloud: AwsCloud, { username }: ServiceUser, { id }: Credential): Promise<boolean> {
  const listed = await cloud.iam('ListAccessKeys', { UserName: username }).catch(() => '');
  const members = listed.split('<member>').filter((member) => member.includes(`<AccessKeyId>${id}<`));
  const isActive = members.some((member) => member.includes('<Status>Active<'));
  return isActive && (await cloud.whoIs(id)).endsWith(`:user/coffer/${username}`);
}

describe.skipIf(moto === undefined)('on moto', () => {
  if (moto === undefined) return;
  const cloud = new AwsCloud(moto);
  afterAll(() => moto.close());

  describeProvider(
    'aws-iam',
    async () => ({
      open: () => opened(moto),
      turn: { view: await mountView(), signal: new AbortController().signal },
      works: (user, credential) => works(cloud, user, credential),
      close: async () => {},
    }),
    { kinds: { password: { oldEndsAt: 'retire' } }, most: 2 },
  );

  describe('users of IAM', () => {
    let turn: ProviderTurn;
    beforeAll(async () => {
      turn = { view: await mountView(), signal: new AbortController().signal };
      await cloud.iam('CreateGroup', { GroupName: 'apps' });
      await cloud.iam('CreateGroup', { GroupName: 'others' });
      const PolicyDocument = JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: 's3:ListBucket', Resource: '*' }],
      });
      await cloud.iam('CreatePolicy', { PolicyName: 'app', PolicyDocument });
    });

    it('are named by tags, and have the rights of the options, no more and no less', async () => {
      const user = serviceUser({ team: 'web team' });
      const arn = 'arn:aws:iam::123456789012:policy/app';
      await opened(moto, { groups: 'apps, others', policies: arn }).ensure(user, turn);
      const tags = await cloud.iam('ListUserTags', { UserName: user.username });
      expect(tags).toMatch(new RegExp(`coffer:application</Key>\\s*<Value>${user.application}<`));
      expect(tags).toMatch(/coffer:team<\/Key>\s*<Value>web team</);
      expect(await cloud.iam('ListAttachedUserPolicies', { UserName: user.username })).toContain(arn);
      await opened(moto, { groups: 'apps' }).ensure({ ...user, team: 'no “tag”' }, turn);
      const groups = await cloud.iam('ListGroupsForUser', { UserName: user.username });
      expect(groups).toContain('apps');
      expect(groups).not.toContain('others');
      expect(await cloud.iam('ListAttachedUserPolicies', { UserName: user.username })).not.toContain(arn);
      expect(await cloud.iam('ListUserTags', { UserName: user.username })).not.toContain('coffer:team');
    });

    it('threat 13: that are somebody else’s are left alone', async () => {
      const provider = opened(moto);
      const foreign = serviceUser();
      await cloud.makeUser(foreign.username);
      const elsewhere = serviceUser();
      await opened(moto, { path: '/other/' }).ensure(elsewhere, turn);
      const ours = serviceUser();
      await provider.ensure(ours, turn);
      const calls: (() => Promise<unknown>)[] = [
        () => provider.ensure(foreign, turn),
        () => provider.disable(foreign.username, turn),
        () => provider.delete(foreign.username, turn),
        () => provider.ensure(elsewhere, turn),
        () => provider.delete(elsewhere.username, turn),
        // One of ours, for another application.
        () => provider.ensure({ ...ours, application: 'another' }, turn),
      ];
      for (const call of calls) await expect(call()).rejects.toThrow(/not one of this provider/);
      expect(await cloud.keys(foreign.username)).toHaveLength(1);
      expect((await provider.list(foreign.username, undefined, turn)).users).toEqual([]);
    });

    it('whose disabling was cut off in the middle come back with the keys that they had', async () => {
      const user = serviceUser();
      const provider = opened(moto);
      await provider.ensure(user, turn);
      const first = await provider.stage(user, { kind: 'password', generation: 1, proposed: 'x' }, turn);
      const off = await provider.stage(
        user,
        { kind: 'password', generation: 2, proposed: 'x', current: first },
        turn,
      );
      // Somebody has switched one off for a reason of their own.
      await cloud.iam('UpdateAccessKey', {
        UserName: user.username,
        AccessKeyId: off.id,
        Status: 'Inactive',
      });
      await provider.disable(user.username, turn);
      await provider.disable(user.username, turn);
      await provider.ensure(user, turn);
      expect(await works(cloud, user, first)).toBe(true);
      expect(await works(cloud, user, off)).toBe(false);
    });

    it('have keys that IAM may not list yet, for a minute and no longer', async () => {
      let lags = true;
      const type = awsIam(placesOf(moto), (options) => {
        const real = iamClient(options);
        const during = (signal: AbortSignal) => {
          const calls = real.during(signal);
          return { ...calls, keys: async (name: string) => (lags ? [] : calls.keys(name)) };
        };
        return { during, close: () => real.close() };
      });
      const { endpoint } = moto;
      const options = { access_key: 'AKIAIOSFODNN7EXAMPLE', iam_endpoint: endpoint, sts_endpoint: endpoint };
      const provider = type.open({ options, secret }, surroundings);
      const user = serviceUser();
      await provider.ensure(user, turn);
      const staged = await provider.stage(user, { kind: 'password', generation: 1, proposed: 'x' }, turn);
      await expect(provider.verify(user, staged, turn)).rejects.toMatchObject({ code: 'unavailable' });
      clock.jump(61);
      expect(await provider.verify(user, staged, turn)).toBe('refused');
      lags = false;
      expect(await provider.verify(user, staged, turn)).toBe('accepted');
      provider.close();
    });

    it('have the sessions ended that were made before', async () => {
      const user = serviceUser();
      const provider = opened(moto);
      await provider.ensure(user, turn);
      await provider.revokeSessions?.(user, turn);
      const own = { UserName: user.username, PolicyName: 'coffer-revoked-sessions' };
      const document = decodeURIComponent(await cloud.iam('GetUserPolicy', own));
      expect(document).toContain('aws:TokenIssueTime');
      expect(document).toContain(new Date(clock.now()).toISOString());
      await provider.delete(user.username, turn);
      expect(await cloud.users(user.username)).toEqual([]);
    });

    it('threat 22: have names that IAM takes', async () => {
      const provider = opened(moto);
      for (const username of ['', 'a b', 'x'.repeat(65), '../x', 'ä']) {
        const user = serviceUser({ username });
        await expect(provider.ensure(user, turn)).rejects.toMatchObject({ code: 'invalid_request' });
        await expect(provider.delete(username, turn)).rejects.toMatchObject({ code: 'invalid_request' });
      }
    });
  });

  it('threat 16: a denial names the action, and neither keys nor who asked', async () => {
    const strict = await startMoto({ freeCalls: 2 });
    if (strict === undefined) throw new Error('moto was there before');
    try {
      const keys = await new AwsCloud(strict).makeUser('asker');
      const type = awsIam(placesOf(strict));
      const options = {
        access_key: keys.accessKey,
        iam_endpoint: strict.endpoint,
        sts_endpoint: strict.endpoint,
      };
      const provider = type.open({ options, secret: keys.secretKey }, surroundings);
      const turn = { view: await mountView(), signal: new AbortController().signal };
      const error = asCofferError(
        await provider.ensure(serviceUser(), turn).catch((thrown: unknown) => thrown),
      );
      expect(error).toMatchObject({
        code: 'permission_denied',
        message: expect.stringContaining('iam:GetUser'),
      });
      expect(error.message).not.toContain('asker');
      expect(`${error.message} ${String(error.cause)}`).not.toContain(keys.secretKey);
      provider.close();
    } finally {
      await strict.close();
    }
  });
});

describe('settings of aws-iam', () => {
  const listed: AwsPlaces = { env: {}, endpoints: ['http://127.0.0.1:1'], profiles: [] };
  const key = { access_key: 'AKIAIOSFODNN7EXAMPLE' };

  it.each([
    [{ ...key, iam_endpoint: 'http://169.254.169.254' }, 'x', 'aws.endpoints'],
    [{ ...key, sts_endpoint: 'https://evil.example.com' }, 'x', 'aws.endpoints'],
    [{}, '', 'aws.ambient'],
    [{}, 'x', 'access_key is the id of a key'],
    [key, '', 'access_key is the id of a key'],
    [{ ...key, path: '/' }, 'x', 'path is where the users are'],
    [{ ...key, path: '/a/../b/ /' }, 'x', 'path is where the users are'],
    [{ ...key, boundary: 'admin' }, 'x', 'boundary is of ARNs'],
    [{ ...key, policies: 'arn:aws:iam::aws:policy/A, B' }, 'x', 'policies is of ARNs'],
    [{ ...key, groups: 'a b' }, 'x', 'groups are names'],
    [{ ...key, region: '../x' }, 'x', 'an AWS region'],
    [{ ...key, role_arn: 'role' }, 'x', 'role_arn is the ARN'],
    [{ ...key, profile: 'admin' }, 'x', 'no option "profile"'],
  ])('threat 21: are refused: %o', (options, given, words) => {
    const open = () =>
      awsIam(listed).open({ options: options as Record<string, string>, secret: given }, surroundings);
    expect(open).toThrow(words);
    expect(() =>
      awsIam(noAwsPlaces).open({ options: options as Record<string, string>, secret: given }, surroundings),
    ).toThrow();
  });

  it('let the server’s own identity ask only where it is lent', () => {
    expect(
      awsIam({ ...listed, ambient: true }).open({ options: {}, secret: '' }, surroundings).concurrency,
    ).toBe(4);
  });
});
