/** AWS that refuses, throttles, is slow or loses answers: callers are told what to do, and nothing stays. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { account } from '../../../test/fakes/aws-cloud.ts';
import {
  type AwsMount,
  awsMount,
  lettersOf,
  loggedIn,
  tellEverything,
  withPausesPassing,
  written,
} from '../../../test/fakes/aws-mount.ts';
import { ask, finishDuties, rootToken } from '../../../test/fakes/client.ts';
import { type FaultyQuery, type QueryFault, startFaultyQuery } from '../../../test/fakes/faulty-query.ts';
import { resetMoto, startMoto } from '../../../test/setup/moto.ts';

const moto = await startMoto();
const roleArn = `arn:aws:iam::${account}:role/Admin`;
const identity = 'arn:aws:iam::123456789012:user/coffer-of-this-test';
const document = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 'ec2:Describe*', Resource: '*' }],
};

describe.skipIf(moto === undefined)('with AWS', () => {
  if (moto === undefined) return;
  let faulty: FaultyQuery;
  let mount: AwsMount;
  beforeAll(async () => {
    faulty = await startFaultyQuery(moto.endpoint);
  });
  beforeEach(async () => {
    await resetMoto(moto);
    faulty.fault = () => undefined;
    mount = await freshMount();
    faulty.calls.length = 0;
    faulty.sent.length = 0;
  });
  afterEach(() => mount.remove());

  async function freshMount(deadline = 15_000): Promise<AwsMount> {
    const made = await awsMount(faulty.endpoint, { places: { deadline } });
    await written(made.node, 'aws/config/root', { max_retries: 0 });
    await written(made.node, 'aws/roles/Admin', { credential_type: 'assumed_role', role_arns: roleArn });
    await written(made.node, 'aws/roles/deploy', { credential_type: 'iam_user', policy_document: document });
    return made;
  }
  afterAll(async () => {
    await faulty.close();
    await moto.close();
  });

  const fail = (action: string, fault: QueryFault) => {
    faulty.fault = (asked) => (asked === action ? fault : undefined);
  };
  const denial = `User: ${identity} is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`;

  it.each<readonly [string, QueryFault, number, RegExp]>([
    [
      'refusing',
      { kind: 'error', status: 403, code: 'AccessDenied', message: denial },
      400,
      /AWS denies sts:AssumeRole on arn:aws:iam::123456789012:role\/Admin in eu-central-1: allow it/,
    ],
    ['throttling', { kind: 'error', status: 400, code: 'Throttling' }, 429, /AWS throttles sts:AssumeRole/],
    [
      'finding a policy wrong',
      { kind: 'error', status: 400, code: 'MalformedPolicyDocument' },
      400,
      /wrong in itself/,
    ],
    [
      'not taking the keys',
      { kind: 'error', status: 403, code: 'InvalidClientTokenId' },
      503,
      /does not take the keys of this mount/,
    ],
    ['in trouble', { kind: 'error', status: 503, code: 'ServiceUnavailable' }, 503, /problem of its own/],
    ['silent', { kind: 'hang' }, 503, /did not answer sts:AssumeRole in time/],
    ['losing connections', { kind: 'drop' }, 503, /cannot be reached/],
  ])('%s a caller is told', async (_how, fault, status, message) => {
    if (fault.kind === 'hang') {
      await mount.remove();
      mount = await freshMount(2_000);
    }
    await tellEverything(mount, 'mail');
    fail('AssumeRole', fault);
    const answer = await ask(mount.node, 'read', 'aws/sts/Admin');
    expect([answer.status, answer.errors.join()]).toEqual([status, expect.stringMatching(message)]);
    expect(answer.errors.join()).toMatch(/^cannot make credentials of role "Admin": /);
    expect(answer.errors.join()).not.toContain(identity);
    const letters = await lettersOf(mount, 'mail', 1);
    expect(letters).toHaveLength(1);
    expect(letters[0]).toMatchObject({
      kind: 'credentials.refused',
      subject: 'Credentials refused by AWS: AWS role Admin to root',
      fields: { role: 'Admin', aws_role: roleArn, reason: expect.any(String) },
    });
  });

  it('trying again as often as the config says', async () => {
    await written(mount.node, 'aws/config/root', { max_retries: 2 });
    let left = 2;
    faulty.fault = () => (left-- > 0 ? { kind: 'error', status: 400, code: 'Throttling' } : undefined);
    expect((await ask(mount.node, 'read', 'aws/sts/Admin')).status).toBe(200);
    expect(faulty.calls).toEqual(['AssumeRole', 'AssumeRole', 'AssumeRole']);
  });

  it('asking nothing where the request is wrong, or nobody accepts the notice', async () => {
    await written(mount.node, 'aws/roles/Admin', { notify: 'mail' });
    await tellEverything(mount, 'mail');
    mount.sinks.set('mail', 'fails');
    for (const fields of [{}, { ttl: '1s' }, { role_arn: 'other' }])
      await ask(mount.node, 'read', 'aws/sts/Admin', fields);
    expect(faulty.calls).toEqual([]);
    await mount.remove();
    mount = await awsMount(faulty.endpoint, { mute: true });
    await written(mount.node, 'aws/roles/Admin', {
      credential_type: 'assumed_role',
      role_arns: roleArn,
      notify: 'mail',
    });
    faulty.calls.length = 0;
    const answer = await ask(mount.node, 'read', 'aws/sts/Admin');
    expect([answer.status, answer.errors.join()]).toEqual([503, expect.stringContaining('can tell nobody')]);
    expect(faulty.calls).toEqual([]);
  });

  it('threat 27: every session goes with all that narrows it', async () => {
    await written(mount.node, 'aws/roles/Admin', {
      policy_document: document,
      policy_arns: 'arn:aws:iam::aws:policy/ReadOnlyAccess',
      session_tags: { who: '{{token.display_name}}', team: 'web' },
      transitive_tags: 'who',
      external_id: 'ext-1',
      source_identity_template: '{{token.display_name}}',
    });
    await written(mount.node, 'aws/roles/fed', {
      credential_type: 'federation_token',
      policy_document: document,
      session_tags: { team: 'web' },
    });
    await ask(mount.node, 'read', 'aws/sts/Admin');
    await ask(mount.node, 'read', 'aws/sts/fed');
    const [assumed, federated] = faulty.sent.map(
      (text) => new URLSearchParams(text.slice(text.indexOf('\n') + 1)),
    );
    expect(Object.fromEntries(assumed ?? [])).toMatchObject({
      RoleArn: roleArn,
      DurationSeconds: '3600',
      Policy: JSON.stringify(document),
      'PolicyArns.member.1.arn': 'arn:aws:iam::aws:policy/ReadOnlyAccess',
      'Tags.member.1.Key': 'who',
      'Tags.member.1.Value': 'root',
      'Tags.member.2.Value': 'web',
      'TransitiveTagKeys.member.1': 'who',
      ExternalId: 'ext-1',
      SourceIdentity: 'root',
    });
    expect(Object.fromEntries(federated ?? [])).toMatchObject({
      Policy: JSON.stringify(document),
      'Tags.member.1.Key': 'team',
    });
  });

  it('threat 17: no token of ours is ever sent to AWS', async () => {
    for (const path of ['aws/sts/Admin', 'aws/creds/deploy']) {
      expect((await ask(mount.node, 'read', path)).status).toBe(200);
    }
    expect(faulty.sent.length).toBeGreaterThan(4);
    const sent = faulty.sent.join('\n').toLowerCase();
    for (const word of [rootToken, mount.root.secretKey.toLowerCase(), 'x-vault'])
      expect(sent).not.toContain(word);
  });

  it('threat 22: what callers are called is a value at AWS and nothing else', async () => {
    const hostile = "ann'&Action=CreateUser&UserName=evil\u2028{{role}}";
    const token = await loggedIn(mount, { who: hostile });
    await written(mount.node, 'aws/roles/Admin', { session_name_template: 'x{{token.metadata.who}}' });
    const { data } = await ask(mount.node, 'read', 'aws/sts/Admin', {}, token);
    expect(String(data['arn']).split('/').at(-1)).toMatch(
      /^xann__Action=CreateUser_UserName=evil___role__=[\w-]{16}$/,
    );
    await written(mount.node, 'aws/roles/Admin', { session_tags: { who: '{{token.metadata.who}}' } });
    const refused = await ask(mount.node, 'read', 'aws/sts/Admin', {}, token);
    expect([refused.status, refused.errors.join()]).toEqual([
      400,
      expect.stringContaining('session tag "who"'),
    ]);
    expect(await mount.cloud.users('evil')).toEqual([]);
  });

  it('threat 18: failing at any call of making a user nothing stays, and at any of ending it nothing in the end', async () => {
    const users = () => mount.cloud.users('vault-');
    for (const action of ['GetCallerIdentity', 'CreateUser', 'PutUserPolicy', 'CreateAccessKey']) {
      for (const kind of ['drop', 'lose'] as const) {
        fail(action, { kind });
        expect((await ask(mount.node, 'read', 'aws/creds/deploy')).status, `${action} ${kind}`).toBe(503);
        faulty.fault = () => undefined;
        mount.store.clock.jump(400);
        await finishDuties(mount.node, mount.store.clock);
        expect(await users(), `${action} ${kind}`).toEqual([]);
      }
    }
    for (const action of [
      'ListAccessKeys',
      'DeleteAccessKey',
      'ListGroupsForUser',
      'DeleteUserPolicy',
      'DeleteUser',
    ]) {
      const { lease } = await ask(mount.node, 'read', 'aws/creds/deploy');
      fail(action, { kind: 'lose' });
      const id = { lease_id: lease?.id ?? '' };
      expect((await ask(mount.node, 'update', 'sys/leases/revoke', id)).status, action).toBe(503);
      faulty.fault = () => undefined;
      mount.store.clock.jump(100);
      expect((await ask(mount.node, 'update', 'sys/leases/revoke', id)).status, action).toBe(204);
      expect(await users(), action).toEqual([]);
    }
  });

  it('threat 18: another account’s silence on a user is no proof that it is gone', async () => {
    const { lease } = await ask(mount.node, 'read', 'aws/creds/deploy');
    mount.store.clock.jump(100);
    await ask(mount.node, 'delete', 'aws/config/root');
    await written(mount.node, 'aws/config/root', {
      access_key: 'AKIAOTHER',
      secret_key: 'x',
      iam_endpoint: faulty.endpoint,
      sts_endpoint: faulty.endpoint,
      max_retries: 0,
    });
    const elsewhere =
      '<Arn>arn:aws:iam::210987654321:user/x</Arn><UserId>x</UserId><Account>210987654321</Account>';
    faulty.fault = (action) => {
      if (action === 'ListAccessKeys') return { kind: 'error', status: 404, code: 'NoSuchEntity' };
      if (action !== 'GetCallerIdentity') return undefined;
      const body = `<GetCallerIdentityResponse><GetCallerIdentityResult>${elsewhere}</GetCallerIdentityResult></GetCallerIdentityResponse>`;
      return { kind: 'answer', body };
    };
    const answer = await ask(mount.node, 'update', 'sys/leases/revoke', { lease_id: lease?.id ?? '' });
    expect([answer.status, answer.errors.join()]).toEqual([
      503,
      expect.stringContaining('account 210987654321 now'),
    ]);
    expect(await mount.cloud.users('vault-')).toHaveLength(1);
  });

  describe('slow to know a new key of the mount', () => {
    const keyOf = async () => String((await ask(mount.node, 'read', 'aws/config/root')).data['access_key']);

    /** STS turns the new key away so often. */
    function turnAway(times: number): void {
      let left = times;
      faulty.fault = (action) =>
        action === 'GetCallerIdentity' && left-- > 0
          ? { kind: 'error', status: 403, code: 'InvalidClientTokenId' }
          : undefined;
    }

    const rotated = async () =>
      (await withPausesPassing(mount.store.clock, ask(mount.node, 'update', 'aws/config/rotate-root')))
        .status;

    it('waits until it works', async () => {
      turnAway(3);
      expect(await rotated()).toBe(200);
      expect(await mount.cloud.keys(mount.root.name)).toEqual([await keyOf()]);
    });

    it('goes on with the old one, and puts the new one in place once it works', async () => {
      turnAway(Number.POSITIVE_INFINITY);
      expect(await rotated()).toBe(503);
      expect(await keyOf()).toBe(mount.root.accessKey);
      expect(await mount.cloud.keys(mount.root.name)).toHaveLength(2);
      expect((await ask(mount.node, 'read', 'aws/sts/Admin')).status).toBe(200);
      expect((await ask(mount.node, 'update', 'aws/config/rotate-root')).status).toBe(400);
      faulty.fault = () => undefined;
      mount.store.clock.jump(130);
      await finishDuties(mount.node, mount.store.clock);
      expect(await keyOf()).not.toBe(mount.root.accessKey);
      expect(await mount.cloud.keys(mount.root.name)).toEqual([await keyOf()]);
    });

    it('takes it back where it never works', async () => {
      turnAway(Number.POSITIVE_INFINITY);
      expect(await rotated()).toBe(503);
      for (let minutes = 0; minutes < 40; minutes += 10) {
        mount.store.clock.jump(600);
        await finishDuties(mount.node, mount.store.clock);
      }
      expect(await mount.cloud.keys(mount.root.name)).toEqual([mount.root.accessKey]);
      expect(await keyOf()).toBe(mount.root.accessKey);
      faulty.fault = () => undefined;
      expect(await rotated()).toBe(200);
    });
  });

  it('turning away keys that were rotated on another node, asks again with the new ones', async () => {
    const other = await mount.store.node();
    expect((await ask(other, 'read', 'aws/sts/Admin')).status).toBe(200);
    let turnedAway = 0;
    faulty.fault = async (action) => {
      if (action !== 'AssumeRole' || turnedAway > 0) return undefined;
      turnedAway += 1;
      expect((await ask(mount.node, 'update', 'aws/config/rotate-root')).status).toBe(200);
      return { kind: 'error', status: 403, code: 'InvalidClientTokenId' };
    };
    expect((await ask(other, 'read', 'aws/sts/Admin')).status).toBe(200);
    expect(turnedAway).toBe(1);
  });
});
