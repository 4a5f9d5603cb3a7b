/** The engine with AWS as moto plays it. moto believes every signature, and knows who asks by the key. */
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
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
import {
  type Asked,
  ask,
  auditText,
  finishDuties,
  keysOf,
  makeToken,
  storedText,
  writePolicy,
} from '../../../test/fakes/client.ts';
import { resetMoto, startMoto } from '../../../test/setup/moto.ts';
import type { JsonObject } from '../../json.ts';

const moto = await startMoto();
const roleArn = `arn:aws:iam::${account}:role/team/Admin`;
const readOnly = `arn:aws:iam::${account}:policy/read-only`;
const allow = { Effect: 'Allow', Action: 'ec2:Describe*', Resource: '*' };
const document = { Version: '2012-10-17', Statement: [allow] };

describe.skipIf(moto === undefined)('credentials of AWS, on moto', () => {
  if (moto === undefined) return;
  let mount: AwsMount;
  beforeEach(async () => {
    await resetMoto(moto);
    mount = await awsMount(moto.endpoint);
  });
  afterEach(() => mount.remove());
  afterAll(() => moto.close());

  const read = (path: string, fields: JsonObject = {}, token?: string): Promise<Asked> =>
    ask(mount.node, 'read', path, fields, token);
  const write = (path: string, data: JsonObject, token?: string): Promise<Asked> =>
    ask(mount.node, 'update', path, data, token);
  const made = () => mount.cloud.users('vault-');

  describe('of users', () => {
    beforeEach(async () => {
      const PolicyDocument = JSON.stringify(document);
      await mount.cloud.iam('CreatePolicy', { PolicyName: 'read-only', PolicyDocument });
      await written(mount.node, 'aws/roles/deploy', {
        credential_type: 'iam_user',
        policy_document: document,
        policy_arns: readOnly,
        iam_tags: ['team=web'],
        user_path: '/made/',
      });
    });

    it('make a user with its rights, and end it with its lease', async () => {
      const { status, data, lease } = await read('aws/creds/deploy');
      expect(status).toBe(200);
      expect(data).toEqual({
        access_key: expect.stringMatching(/^AKIA/),
        secret_key: expect.any(String),
        security_token: null,
        session_token: null,
      });
      expect(lease).toMatchObject({ renewable: true, duration: 32 * 86_400 });
      const [user = ''] = await made();
      expect(user).toMatch(/^vault-root-deploy-\d{10}-[\dA-Za-z]{20}$/);
      expect(await mount.cloud.whoIs(String(data['access_key']))).toBe(
        `arn:aws:iam::${account}:user/made/${user}`,
      );
      expect(await mount.cloud.iam('ListUserTags', { UserName: user })).toContain('<Value>web</Value>');
      expect(await mount.cloud.iam('ListAttachedUserPolicies', { UserName: user })).toContain('read-only');
      const own = await mount.cloud.iam('GetUserPolicy', { UserName: user, PolicyName: 'coffer' });
      expect(decodeURIComponent(own)).toContain('ec2:Describe*');
      await written(mount.node, 'sys/leases/revoke', { lease_id: lease?.id ?? '' });
      expect(await made()).toEqual([]);
    });

    it('live as config/lease says, are renewed, and end by themselves', async () => {
      await written(mount.node, 'aws/config/lease', { lease: '30m', lease_max: '1h' });
      expect((await read('aws/config/lease')).data).toEqual({ lease: '30m0s', lease_max: '1h0m0s' });
      const { lease } = await read('aws/creds/deploy');
      expect(lease?.duration).toBe(1_800);
      mount.store.clock.jump(1_000);
      expect((await write('sys/leases/renew', { lease_id: lease?.id ?? '' })).lease?.duration).toBe(1_800);
      mount.store.clock.jump(1_500);
      expect((await write('sys/leases/renew', { lease_id: lease?.id ?? '' })).lease?.duration).toBe(1_100);
      expect(await made()).toHaveLength(1);
      mount.store.clock.jump(1_200);
      await finishDuties(mount.node, mount.store.clock);
      expect(await made()).toEqual([]);
    });

    it('threat 18: end with the token that asked for them, and with the mount', async () => {
      await writePolicy(mount.node, 'deploy', 'path "aws/creds/deploy" { capabilities = ["read"] }');
      const token = await makeToken(mount.node, { policies: ['deploy'] });
      expect((await read('aws/creds/deploy', {}, token)).status).toBe(200);
      await read('aws/creds/deploy');
      expect(await made()).toHaveLength(2);
      await written(mount.node, 'auth/token/revoke', { token });
      await finishDuties(mount.node, mount.store.clock);
      expect(await made()).toHaveLength(1);
      mount.store.clock.jump(60);
      await ask(mount.node, 'delete', 'sys/mounts/aws');
      await finishDuties(mount.node, mount.store.clock);
      expect(await made()).toEqual([]);
    });

    it('that somebody else has deleted are over, once IAM would have known them', async () => {
      const { lease } = await read('aws/creds/deploy');
      const [user = ''] = await made();
      for (const key of await mount.cloud.keys(user)) {
        await mount.cloud.iam('DeleteAccessKey', { UserName: user, AccessKeyId: key });
      }
      await mount.cloud.iam('DeleteUserPolicy', { UserName: user, PolicyName: 'coffer' });
      await mount.cloud.iam('DetachUserPolicy', {
        UserName: user,
        PolicyArn: readOnly,
      });
      await mount.cloud.iam('DeleteUser', { UserName: user });
      const early = await write('sys/leases/revoke', { lease_id: lease?.id ?? '' });
      expect([early.status, early.errors.join()]).toEqual([
        503,
        expect.stringContaining('does not know user'),
      ]);
      mount.store.clock.jump(61);
      expect((await write('sys/leases/revoke', { lease_id: lease?.id ?? '' })).status).toBe(204);
    });

    it('threat 18: that were given more meanwhile go whole: keys, groups, password', async () => {
      const { lease } = await read('aws/creds/deploy');
      const [user = ''] = await made();
      await mount.cloud.makeKey(user);
      await mount.cloud.iam('CreateGroup', { GroupName: `group-${user.slice(-8)}` });
      await mount.cloud.iam('AddUserToGroup', { UserName: user, GroupName: `group-${user.slice(-8)}` });
      expect((await write('sys/leases/revoke', { lease_id: lease?.id ?? '' })).status).toBe(204);
      expect(await made()).toEqual([]);
      const group = await mount.cloud.iam('GetGroup', { GroupName: `group-${user.slice(-8)}` });
      expect(group).not.toContain(user);
    });

    it('that AWS does not finish are taken back, and nothing is leased', async () => {
      await written(mount.node, 'aws/roles/deploy', { policy_arns: `arn:aws:iam::${account}:policy/none` });
      // IAM is asked again for what it may not know yet.
      const { status, errors } = await withPausesPassing(mount.store.clock, read('aws/creds/deploy'));
      expect([status, errors.join()]).toEqual([
        400,
        expect.stringMatching(/^cannot make credentials of role "deploy"/),
      ]);
      expect(await made()).toEqual([]);
      const kept = await keysOf(mount.store.storage, 'mount/');
      expect(kept.filter((key) => key.includes('/intent/'))).toEqual([]);
    });

    it('are refused by name before AWS is asked', async () => {
      for (const [path, fields, message] of [
        ['aws/creds/none', {}, /^Role "none" not found$/],
        ['aws/creds/deploy', { role_arn: roleArn }, /do not go with users of IAM/],
      ] as const) {
        const { status, errors } = await read(path, fields);
        expect([status, errors.join()]).toEqual([400, expect.stringMatching(message)]);
      }
      expect((await read('aws/creds/.x')).status).toBe(400);
    });
  });

  describe('of sessions', () => {
    const sessionRole = (fields: JsonObject = {}) =>
      written(mount.node, 'aws/roles/Admin', {
        credential_type: 'assumed_role',
        role_arns: roleArn,
        ...fields,
      });

    it('assume a role for an hour, by either path and method', async () => {
      await sessionRole();
      for (const path of ['aws/creds/Admin', 'aws/sts/Admin']) {
        for (const operation of ['read', 'update'] as const) {
          const { status, data, lease } = await ask(mount.node, operation, path);
          expect(status).toBe(200);
          expect(data).toMatchObject({
            access_key: expect.stringMatching(/^ASIA/),
            ttl: 3_600,
            arn: expect.stringMatching(
              /^arn:aws:sts::123456789012:assumed-role\/Admin\/vault-root-Admin-\d{10}-[\dA-Za-z]{20}$/,
            ),
          });
          expect(data['session_token']).toBe(data['security_token']);
          expect(lease).toMatchObject({ renewable: false, duration: 3_600 });
          expect(await mount.cloud.whoIs(String(data['access_key']))).toBe(data['arn']);
          expect((await write('sys/leases/renew', { lease_id: lease?.id ?? '' })).status).toBe(400);
          expect((await write('sys/leases/revoke', { lease_id: lease?.id ?? '' })).status).toBe(204);
        }
      }
    });

    it('last as asked, within the role’s and the mount’s longest', async () => {
      await sessionRole({ default_sts_ttl: '20m', max_sts_ttl: '2h' });
      const ttl = async (wish?: string) => {
        const { data, lease, warnings } = await read(
          'aws/sts/Admin',
          wish === undefined ? {} : { ttl: wish },
        );
        expect(lease?.duration).toBe(data['ttl']);
        return [data['ttl'], warnings.length];
      };
      expect(await ttl()).toEqual([1_200, 0]);
      expect(await ttl('1h')).toEqual([3_600, 0]);
      expect(await ttl('9h')).toEqual([7_200, 1]);
      const short = await read('aws/sts/Admin', { ttl: '5m' });
      expect([short.status, short.errors.join()]).toEqual([400, expect.stringContaining('900 seconds')]);
      await written(mount.node, 'sys/mounts/aws/tune', { default_lease_ttl: '5m', max_lease_ttl: '30m' });
      expect(await ttl('1h')).toEqual([1_800, 1]);
    });

    it('threat 27: an empty or a missing list of roles allows none, and the list is exact', async () => {
      const warned = await write('aws/roles/Admin', {
        credential_type: 'assumed_role',
        policy_document: document,
      });
      expect([warned.status, warned.warnings.join()]).toEqual([200, expect.stringContaining('nobody gets')]);
      for (const fields of [{}, { role_arn: roleArn }]) {
        expect((await read('aws/sts/Admin', fields)).status).toBe(400);
      }
      const other = roleArn.replace(account, '210987654321');
      await sessionRole({ role_arns: [roleArn, other] });
      const none = await read('aws/sts/Admin');
      expect([none.status, none.errors.join()]).toEqual([
        400,
        expect.stringContaining('did not supply a role_arn'),
      ]);
      for (const arn of [
        `${roleArn}x`,
        roleArn.toLowerCase(),
        `${roleArn} `,
        '*',
        roleArn.replace(':role/', ':role/x/../'),
      ]) {
        expect((await read('aws/sts/Admin', { role_arn: arn })).status, arn).toBe(400);
      }
      const { data } = await read('aws/sts/Admin', { role_arn: other });
      expect(data['arn']).toMatch(/^arn:aws:sts::210987654321:/);
    });

    it('of a federated user want a policy', async () => {
      const bare = await write('aws/roles/fed', { credential_type: 'federation_token' });
      expect(bare.warnings.join()).toContain('nobody gets');
      const refused = await read('aws/sts/fed');
      expect([refused.status, refused.errors.join()]).toEqual([
        400,
        expect.stringContaining('policy_document'),
      ]);
      await written(mount.node, 'aws/roles/fed', { policy_document: JSON.stringify(document) });
      const { data } = await read('aws/sts/fed');
      expect(data['arn']).toMatch(/:federated-user\/vault-\d{10}-[\dA-Za-z]{15}$/);
      expect(data['ttl']).toBe(3_600);
    });

    it('of the mount’s own user may want a code', async () => {
      const { warnings } = await write('aws/roles/own', {
        credential_type: 'session_token',
        mfa_serial: `arn:aws:iam::${account}:mfa/device`,
      });
      expect(warnings.join()).toContain('all rights');
      for (const mfa_code of ['', '12345', '１２３４５６', ' 123456']) {
        expect((await write('aws/sts/own', { mfa_code })).status).toBe(400);
      }
      const { data } = await write('aws/sts/own', { mfa_code: '123456' });
      expect(Object.keys(data).toSorted()).toEqual(
        ['access_key', 'secret_key', 'security_token', 'session_token', 'ttl'].toSorted(),
      );
    });

    it('are named for whoever asks', async () => {
      await sessionRole({ session_name_template: '{{token.metadata.issuer}}.{{token.metadata.account}}' });
      const named = async (meta: JsonObject) => {
        const token = await loggedIn(mount, meta);
        const { data, errors } = await read('aws/sts/Admin', {}, token);
        return errors.length > 0 ? errors.join() : String(data['arn']).split('/').at(-1);
      };
      expect(await named({ issuer: 'acme', account: 'admin' })).toBe('acme.admin');
      expect(await named({ issuer: 'Öl & Gas', account: 'admin' })).toMatch(/^_l___Gas\.admin=[\w-]{16}$/);
      expect(await named({ issuer: 'acme' })).toBe(
        'this role wants token.metadata.account, which your token does not have',
      );
      const token = await loggedIn(mount, { issuer: 'a', account: 'b' });
      expect((await read('aws/sts/Admin', { role_session_name: 'other' }, token)).status).toBe(400);
      // Whoever makes a token by another says what its metadata is.
      const meta = { issuer: 'acme', account: 'admin' };
      const child = await makeToken(mount.node, { policies: ['all'], meta }, token);
      expect((await read('aws/sts/Admin', {}, child)).status).toBe(400);
    });

    it('take the name that a caller gives where the role says none', async () => {
      await sessionRole();
      const { data } = await read('aws/sts/Admin', { role_session_name: 'ann@example.com' });
      expect(data['arn']).toMatch(/\/ann@example\.com$/);
      const long = await read('aws/sts/Admin', { role_session_name: 'x'.repeat(90) });
      expect(String(long.data['arn']).split('/').at(-1)).toHaveLength(64);
    });

    it('are made only where a policy says so, and for that role alone', async () => {
      await sessionRole();
      await written(mount.node, 'aws/roles/other', { credential_type: 'assumed_role', role_arns: roleArn });
      await writePolicy(mount.node, 'admin', 'path "aws/sts/Admin" { capabilities = ["read"] }');
      const token = await makeToken(mount.node, { policies: ['admin'] });
      expect((await read('aws/sts/Admin', {}, token)).status).toBe(200);
      for (const path of ['aws/sts/other', 'aws/creds/Admin', 'aws/sts/admin', 'aws/config/root']) {
        expect((await read(path, {}, token)).status, path).toBe(403);
      }
    });
  });

  it('one policy gives each login the role that it says, and no other', async () => {
    for (const role of ['Admin', 'Reader']) {
      const fields = { credential_type: 'assumed_role', role_arns: roleArn.replace('Admin', role) };
      await written(mount.node, `aws/roles/${role}`, fields);
    }
    const text = 'path "aws/sts/{{token.metadata.role}}" { capabilities = ["read", "update"] }';
    await writePolicy(mount.node, 'chosen', text);
    const statuses = async (meta: JsonObject) => {
      const token = await loggedIn(mount, meta, 'chosen');
      const answers = [await read('aws/sts/Admin', {}, token), await write('aws/sts/Reader', {}, token)];
      return answers.map(({ status }) => status);
    };
    expect(await statuses({ role: 'Admin' })).toEqual([200, 403]);
    expect(await statuses({ role: 'Reader' })).toEqual([403, 200]);
    for (const meta of [{}, { role: '*' }, { role: '+' }, { role: 'admin' }, { role: '' }]) {
      expect(await statuses(meta), JSON.stringify(meta)).toEqual([403, 403]);
    }
  });

  describe('people are told', () => {
    beforeEach(() =>
      written(mount.node, 'aws/roles/Admin', { credential_type: 'assumed_role', role_arns: roleArn }),
    );

    it('what was handed out, to whom, with which lease and until when', async () => {
      await tellEverything(mount, 'mail');
      const token = await makeToken(mount.node, { policies: ['all'], display_name: 'ann' });
      const { lease } = await read('aws/sts/Admin', {}, token);
      const [letter] = await lettersOf(mount, 'mail', 1);
      expect(letter).toMatchObject({
        kind: 'credentials.issued',
        subject: 'Credentials issued: aws/sts/Admin to token-ann',
        fields: {
          path: 'aws/sts/Admin',
          role: 'Admin',
          credential_type: 'assumed_role',
          aws_role: roleArn,
          aws_name: expect.stringMatching(/^vault-token-ann-Admin-/),
          display_name: 'token-ann',
          remote_address: '192.0.2.1',
          lease_id: lease?.id,
          expires: new Date(mount.store.clock.now() + 3_600_000).toISOString(),
        },
      });
    });

    it('first, where a role says so: without acceptance AWS is not asked', async () => {
      await written(mount.node, 'aws/roles/Admin', { notify: 'mail' });
      const nobody = await read('aws/sts/Admin');
      expect([nobody.status, nobody.errors.join()]).toEqual([400, expect.stringContaining('mail')]);
      await tellEverything(mount, 'mail');
      mount.sinks.set('mail', 'fails');
      expect((await read('aws/sts/Admin')).status).toBe(503);
      mount.sinks.set('mail', 'accepts');
      expect((await read('aws/sts/Admin')).status).toBe(200);
      const letters = await lettersOf(mount, 'mail', 2);
      expect(letters.map(({ kind }) => kind)).toEqual(['credentials.requested', 'credentials.issued']);
      expect(letters[0]?.fields).toMatchObject({ role: 'Admin', aws_role: roleArn, display_name: 'root' });
    });

    it('threat 16: and no key, token or code is in a notice, the log, the audit log or the store', async () => {
      await written(mount.node, 'aws/roles/deploy', {
        credential_type: 'iam_user',
        policy_document: document,
      });
      await written(mount.node, 'aws/roles/own', {
        credential_type: 'session_token',
        mfa_serial_number: 'GAHT12345678',
      });
      await written(mount.node, 'aws/static-roles/fixed', {
        username: mount.root.name,
        rotation_period: '1h',
      });
      await tellEverything(mount, 'mail');
      const answers = [
        await read('aws/creds/deploy'),
        await read('aws/sts/Admin'),
        await write('aws/sts/own', { mfa_code: '604813' }),
        await read('aws/static-creds/fixed'),
        await read('aws/config/root'),
      ];
      const secrets = answers.flatMap(({ data }) =>
        ['secret_key', 'security_token'].flatMap((name) =>
          typeof data[name] === 'string' ? [data[name]] : [],
        ),
      );
      expect(secrets).toHaveLength(6);
      const told = [
        JSON.stringify(await lettersOf(mount, 'mail', 3)),
        JSON.stringify(mount.store.log),
        auditText(mount.store.auditDirectory),
        await storedText(mount.store.storage),
        JSON.stringify(answers[4]),
      ].join('\n');
      expect(told).toContain('credentials.issued');
      for (const secret of [...secrets, '604813', mount.root.secretKey]) expect(told).not.toContain(secret);
    });
  });

  it('a static role’s user gets another key, which takes the place of the one before the last', async () => {
    const user = `fixed-${process.pid}`;
    const before = await mount.cloud.makeUser(user);
    await written(mount.node, 'aws/static-roles/fixed', { username: user, rotation_period: '1h' });
    const keyOf = async () => String((await read('aws/static-creds/fixed')).data['access_key']);
    const first = await keyOf();
    expect((await mount.cloud.keys(user)).toSorted()).toEqual([before.accessKey, first].toSorted());
    expect(await mount.cloud.whoIs(first)).toMatch(new RegExp(`:user/${user}$`));
    mount.store.clock.jump(3_601);
    await finishDuties(mount.node, mount.store.clock);
    const second = await keyOf();
    expect((await mount.cloud.keys(user)).toSorted()).toEqual([first, second].toSorted());
    expect((await read('aws/static-creds/fixed')).data).toMatchObject({
      username: user,
      rotation_period: 3_600,
    });
    expect((await ask(mount.node, 'list', 'aws/static-roles/')).data['keys']).toEqual(['fixed']);
    for (const [data, message] of [
      [{ username: 'other' }, /cannot update the username/],
      [{ rotation_period: '30s' }, /60 seconds or more/],
    ] as const) {
      const answer = await write('aws/static-roles/fixed', data);
      expect([answer.status, answer.errors.join()]).toEqual([400, expect.stringMatching(message)]);
    }
    // Both of a user's keys may be in use by somebody: neither is taken.
    const full = await write('aws/static-roles/full', { username: user, rotation_period: '1h' });
    expect([full.status, full.errors.join()]).toEqual([
      400,
      expect.stringContaining('two access keys already'),
    ]);
    expect((await read('aws/static-roles/full')).status).toBe(404);
    await ask(mount.node, 'delete', 'aws/static-roles/fixed');
    expect((await read('aws/static-creds/fixed')).status).toBe(400);
  });

  describe('config/root', () => {
    it('shows no secret, and may be without keys only where the server says so', async () => {
      expect((await read('aws/config/root')).data).toMatchObject({
        access_key: mount.root.accessKey,
        max_retries: -1,
        region: 'eu-central-1',
      });
      await ask(mount.node, 'delete', 'aws/config/root');
      await written(mount.node, 'aws/roles/Admin', { credential_type: 'assumed_role', role_arns: roleArn });
      for (const answer of [
        await read('aws/sts/Admin'),
        await write('aws/config/root', { region: 'eu-west-1' }),
      ]) {
        expect([answer.status, answer.errors.join()]).toEqual([400, expect.stringContaining('aws.ambient')]);
      }
      await mount.remove();
      const env = { AWS_ACCESS_KEY_ID: 'AKIAOFTHESERVER', AWS_SECRET_ACCESS_KEY: 'x' };
      mount = await awsMount(moto.endpoint, { places: { env, ambient: true } });
      await written(mount.node, 'aws/config/root', { access_key: '', secret_key: '' });
      await written(mount.node, 'aws/roles/Admin', { credential_type: 'assumed_role', role_arns: roleArn });
      expect((await read('aws/sts/Admin')).status).toBe(200);
      expect((await write('aws/config/rotate-root', {})).errors.join()).toContain('nothing to rotate');
    });

    it('threat 21: leads to no address that the server’s settings do not list', async () => {
      for (const data of [
        { iam_endpoint: 'http://169.254.169.254' },
        { sts_endpoint: 'metadata.internal' },
      ]) {
        const { status, errors } = await write('aws/config/root', data);
        expect([status, errors.join()]).toEqual([400, expect.stringContaining('aws.endpoints')]);
      }
    });

    it('rotates to another key of the same user, and works on', async () => {
      const { status, data } = await write('aws/config/rotate-root', {});
      expect(status).toBe(200);
      expect(data).toEqual({ access_key: expect.stringMatching(/^AKIA/) });
      expect(await mount.cloud.keys(mount.root.name)).toEqual([data['access_key']]);
      expect((await read('aws/config/root')).data['access_key']).toBe(data['access_key']);
      await written(mount.node, 'aws/roles/Admin', { credential_type: 'assumed_role', role_arns: roleArn });
      expect((await read('aws/sts/Admin')).status).toBe(200);
      await mount.cloud.makeKey(mount.root.name);
      const { status: second, errors } = await write('aws/config/rotate-root', {});
      expect([second, errors.join()]).toEqual([400, expect.stringContaining('two access keys')]);
    });

    it.each([
      [{ access_key: 'AKIA!' }, /letters and digits/],
      [{ secret_key: '' }, /go together/],
      [{ region: 'nowhere' }, /region is a region/],
      [{ max_retries: 99 }, /max_retries/],
      [{ role_arn: 'x' }, /role_arn/],
      [{ external_id: 'abc' }, /external_id goes with role_arn/],
      [{ username_template: 'same' }, /username_template/],
      [{ identity_token_audience: 'x' }, /identity_token_audience/],
      [{ rotation_period: '1h' }, /rotate-root/],
    ])('refuses %j', async (data, message) => {
      const before = (await read('aws/config/root')).data;
      const { status, errors } = await write('aws/config/root', data);
      expect([status, errors.join()]).toEqual([400, expect.stringMatching(message)]);
      expect((await read('aws/config/root')).data).toEqual(before);
    });
  });
});
