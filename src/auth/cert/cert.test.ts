import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  extension,
  type Holder,
  issue,
  issueAuthority,
  issueClient,
  revoke,
  utf8,
  type Wish,
} from '../../../test/fakes/authority.ts';
import { sequence } from '../../../test/fakes/certificate.ts';
import {
  type Asked,
  ask,
  finishDuties,
  keysOf,
  makePlace,
  makeToken,
  type Place,
  tokenOf,
} from '../../../test/fakes/client.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

const root = issueAuthority('root', undefined, far());
const middle = issueAuthority('middle', root, far());
const alice = issueClient('alice', root, far({ serial: '0a01' }));

/** The clock of tests goes by itself: certificates here are good for years around now. */
function far(wish: Wish = {}): Wish {
  const years = 5 * 365 * 86_400_000;
  return { notBefore: Date.now() - years, notAfter: Date.now() + years, ...wish };
}

let place: Place;
let node: CofferNode;
beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
  await ask(node, 'update', 'sys/auth/cert', { type: 'cert' });
});
afterEach(() => place.remove());

const over = (...shown: readonly Holder[]) => ({
  request: { clientCertificate: () => (shown.length === 0 ? undefined : shown.map(({ der }) => der)) },
});
const role = (name: string, fields: JsonObject) => ask(node, 'update', `auth/cert/certs/${name}`, fields);
const login = (shown: readonly Holder[], fields: JsonObject = {}, from = '192.0.2.1') =>
  ask(node, 'update', 'auth/cert/login', fields, null, { ...over(...shown), from });
const outcome = ({ status, errors }: Asked) => [status, ...errors];
const refusal = [400, 'invalid certificate or no client certificate supplied'];
const renew = (token: string, shown: readonly Holder[]) =>
  ask(node, 'update', 'auth/token/renew-self', {}, token, over(...shown));

describe('a login', () => {
  it('brings an orphan token with the role’s policies and times, and what the certificate says', async () => {
    const ids = [
      extension('551d0e', Buffer.from('0402abcd', 'hex')),
      extension('551d23', Buffer.from('3004800212ef', 'hex')),
      extension('2a030405', utf8('blue')),
    ];
    await role('Web', {
      certificate: root.certificate,
      token_policies: 'a',
      token_ttl: 600,
      allowed_metadata_extensions: '1.2.3.4.5,1.2.3',
    });
    const answer = await login([issueClient('host', root, far({ serial: '00ff', extensions: ids }))]);
    expect(answer.auth).toMatchObject({
      policies: ['a', 'default'],
      leaseDuration: 600,
      renewable: true,
      orphan: true,
      metadata: {
        cert_name: 'web',
        common_name: 'host',
        serial_number: '255',
        subject_key_id: 'ab:cd',
        authority_key_id: '12:ef',
        '1-2-3-4-5': 'blue',
      },
    });
    const { data } = await ask(node, 'update', 'auth/token/lookup', { token: tokenOf(answer) });
    expect(data).toMatchObject({ path: 'auth/cert/login', display_name: 'web' });
  });

  it('goes by intermediates that the client sent, and to an intermediate that is trusted', async () => {
    await role('web', { certificate: root.certificate });
    const leaf = issueClient('a', middle, far());
    expect((await login([leaf, middle])).status).toBe(200);
    expect(outcome(await login([leaf]))).toEqual(refusal);
    await role('lower', { certificate: middle.certificate });
    expect((await login([leaf])).auth?.metadata).toMatchObject({ cert_name: 'lower' });
  });

  it('takes a client’s own certificate where that is what a role has, and prefers such a role', async () => {
    const own = issue({ commonName: 'own', ...far() });
    await role('a-authority', { certificate: root.certificate });
    await role('own', { certificate: own.certificate });
    await role('z-alice', { certificate: alice.certificate });
    expect((await login([own])).auth?.metadata).toMatchObject({ cert_name: 'own' });
    expect((await login([alice])).auth?.metadata).toMatchObject({ cert_name: 'z-alice' });
    expect((await login([alice], { name: 'a-authority' })).auth?.metadata).toMatchObject({
      cert_name: 'a-authority',
    });
    expect(outcome(await login([alice], { name: 'own' }))).toEqual(refusal);
  });

  it('follows the role when that gets another certificate, and ends with it', async () => {
    await role('web', { certificate: root.certificate });
    const token = tokenOf(await login([alice]));
    const other = issueAuthority('other', undefined, far());
    await role('web', { certificate: other.certificate });
    expect(outcome(await login([alice]))).toEqual(refusal);
    expect((await login([issueClient('b', other, far())])).status).toBe(200);
    expect((await renew(token, [alice])).status).toBe(400);
    expect((await ask(node, 'delete', 'auth/cert/certs/web')).status).toBe(204);
    expect(outcome(await login([issueClient('b', other, far())]))).toEqual(refusal);
    expect(
      await keysOf(place.storage, 'mount/').then((keys) => keys.filter((key) => key.includes('/authority/'))),
    ).toEqual([]);
  });

  it('is bound to the role’s networks, and so is its token', async () => {
    await role('web', { certificate: root.certificate, token_bound_cidrs: '192.0.2.0/24' });
    expect(outcome(await login([alice], {}, '198.51.100.1'))).toEqual(refusal);
    const token = tokenOf(await login([alice]));
    const use = (from: string) => ask(node, 'read', 'auth/token/lookup-self', {}, token, { from });
    expect([(await use('192.0.2.9')).status, (await use('198.51.100.1')).status]).toEqual([200, 403]);
  });
});

describe('what a role wants a certificate to say', () => {
  const rich = issueClient(
    'web.example.org',
    root,
    far({
      organizationalUnit: 'engineering',
      dns: ['a.example.org', '*.wild.example.org'],
      emails: ['ops@example.org'],
      uris: ['spiffe://example.org/web'],
      extensions: [
        extension('2a030405', utf8('blue-7')),
        extension('2a030406', Buffer.from('0201ff', 'hex')),
      ],
    }),
  );

  it.each([
    [{ allowed_names: 'web.example.org' }, true],
    [{ allowed_names: ['nobody', '*@example.org'] }, true],
    [{ allowed_names: 'engineering' }, false],
    [{ allowed_common_names: '*.example.org' }, true],
    [{ allowed_common_names: 'example.org' }, false],
    [{ allowed_common_names: 'WEB.example.org' }, false],
    [{ allowed_common_names: 'a.example.org' }, false],
    [{ allowed_dns_sans: 'a.*' }, true],
    // A wildcard of the certificate is a text: it stands for nothing.
    [{ allowed_dns_sans: 'b.wild.example.org' }, false],
    [{ allowed_dns_sans: '*.wild.example.org' }, true],
    [{ allowed_email_sans: '*@example.org' }, true],
    [{ allowed_email_sans: '*@example.com' }, false],
    [{ allowed_uri_sans: 'spiffe://example.org/*' }, true],
    [{ allowed_uri_sans: 'spiffe://example.org' }, false],
    [{ allowed_organizational_units: 'eng*' }, true],
    [{ allowed_organizational_units: 'eng' }, false],
    [{ required_extensions: '1.2.3.4.5:blue-*' }, true],
    [{ required_extensions: ['1.2.3.4.5:blue-*', '1.2.3.4.5:red'] }, false],
    [{ required_extensions: '1.2.3.4.6:*' }, false],
    [{ required_extensions: 'hex:1.2.3.4.6:0201FF' }, true],
    [{ required_extensions: '1.2.3.4.7:*' }, false],
    [{ allowed_common_names: 'web.example.org', allowed_email_sans: 'nobody' }, false],
  ])('%j: %s', async (fields, right) => {
    await role('web', { certificate: root.certificate, ...fields });
    expect((await login([rich])).status).toBe(right ? 200 : 400);
  });

  it('is matched in time that does not explode', async () => {
    await role('web', { certificate: root.certificate, allowed_common_names: `${'*a'.repeat(200)}*b` });
    expect(outcome(await login([issueClient('a'.repeat(1_000), root, far())]))).toEqual(refusal);
  });
});

describe('threat 24: a certificate that is not to be trusted', () => {
  it('gets one answer, whatever is wrong with it, and no token', async () => {
    await role('web', { certificate: root.certificate });
    await role('alice', { certificate: alice.certificate });
    const lookAlike = issueAuthority('root', undefined, far());
    const plain = issueClient('plain', root, far());
    const wrong: readonly (readonly Holder[])[] = [
      [],
      [issueClient('a', root, far({ purposes: ['01'] }))],
      [issueClient('a', lookAlike, far())],
      [issueClient('a', lookAlike, far()), lookAlike],
      // Another authority of the same name gave out the same serial number and subject.
      [issueClient('alice', lookAlike, far({ serial: '0a01' }))],
      // The same key, in a certificate of somebody's own making.
      [issue({ commonName: 'alice', keyOf: alice, serial: '0a01', ...far() })],
      [issueClient('a', root, { notAfter: Date.now() - 86_400_000 * 30, notBefore: 0 })],
      [issueClient('a', root, far({ notBefore: Date.now() + 86_400_000 * 365 }))],
      [issueClient('a', root, far({ hash: 'sha1' }))],
      [issueClient('a', root, far({ commonName: 'alice\0' }))],
      [issueClient('a', root, far({ dns: ['alice\0.example.org'] }))],
      // Somebody who has a certificate is not an authority by that.
      [issueClient('a', plain, far()), plain],
      [
        issueClient('a', issueAuthority('no', root, far({ authority: false })), far()),
        issueAuthority('no', root, far()),
      ],
      [issueClient('a', root, far({ extensions: [extension('551d1e', sequence(), true)] }))],
      [{ ...alice, der: Buffer.from('not a certificate') }],
      [{ ...alice, der: Buffer.concat([alice.der, Buffer.from([0])]) }],
      Array.from({ length: 10 }, (_, index) => issueAuthority(`x${index}`, undefined, far())),
    ];
    const body = async (shown: readonly Holder[], fields: JsonObject = {}) => ({
      ...(await login(shown, fields)),
      requestId: '',
    });
    const refused = await body([]);
    expect(outcome(await login([]))).toEqual(refusal);
    for (const shown of wrong) {
      expect(await body(shown)).toEqual(refused);
      expect(await body(shown, { name: 'web' })).toEqual(refused);
    }
    for (const name of ['nobody', 'a/b', '\0', 'x'.repeat(10_000), '../web']) {
      expect(await body([alice], { name })).toEqual(refused);
    }
    // Plain HTTP, whatever headers of a proxy say.
    expect(outcome(await ask(node, 'update', 'auth/cert/login', {}, null))).toEqual(refusal);
    expect(await keysOf(place.storage, 'core/token/id/')).toHaveLength(1);
  });

  it('is one that was revoked, by the one that issued it', async () => {
    await role('web', { certificate: root.certificate });
    const bob = issueClient('bob', root, far({ serial: '0a02' }));
    const elsewhere = issueAuthority('elsewhere', undefined, far());
    await role('elsewhere', { certificate: elsewhere.certificate });
    const same = issueClient('alice', elsewhere, far({ serial: '0a01' }));
    const upload = await ask(node, 'update', 'auth/cert/crls/Mine', { crl: revoke(root, ['0a01', '7f']) });
    expect(outcome(upload)).toEqual([204]);
    expect(outcome(await login([alice]))).toEqual(refusal);
    expect([(await login([bob])).status, (await login([same])).status]).toEqual([200, 200]);
    const shown = await ask(node, 'read', 'auth/cert/crls/mine');
    expect(shown.data).toEqual({ serials: { '2561': {}, '127': {} } });
    expect((await ask(node, 'list', 'auth/cert/crls/')).data).toEqual({ keys: ['mine'] });
    // A list that takes its place says all that there is to say.
    await ask(node, 'update', 'auth/cert/crls/mine', { crl: revoke(root, ['0a02']) });
    expect([(await login([alice])).status, (await login([bob])).status]).toEqual([200, 400]);
    await ask(node, 'delete', 'auth/cert/crls/mine');
    expect((await login([bob])).status).toBe(200);
    expect((await ask(node, 'read', 'auth/cert/crls/mine')).status).toBe(404);
  });

  it('is one whose issuer was revoked', async () => {
    await role('web', { certificate: root.certificate });
    const bad = issueAuthority('bad', root, far({ serial: '0b' }));
    const leaf = issueClient('a', bad, far());
    expect((await login([leaf, bad])).status).toBe(200);
    await ask(node, 'update', 'auth/cert/crls/a', { crl: revoke(root, ['0b']) });
    expect(outcome(await login([leaf, bad]))).toEqual(refusal);
  });
});

describe('a revocation list', () => {
  it('may be long, and leaves nothing behind when another takes its place', async () => {
    await role('web', { certificate: root.certificate });
    const serials = Array.from({ length: 5_000 }, (_, index) => (0x10_00_00 + index).toString(16));
    const upload = await ask(node, 'update', 'auth/cert/crls/long', { crl: revoke(root, serials) });
    expect(outcome(upload)).toEqual([204]);
    const last = issueClient('last', root, far({ serial: serials.at(-1) ?? '' }));
    expect(outcome(await login([last]))).toEqual(refusal);
    const { data } = await ask(node, 'read', 'auth/cert/crls/long');
    expect(Object.keys(data['serials'] ?? {})).toHaveLength(5_000);
    await ask(node, 'update', 'auth/cert/crls/long', { crl: revoke(root, []) });
    expect((await login([last])).status).toBe(200);
    place.clock.jump(4_000);
    await finishDuties(node, place.clock);
    const parts = await keysOf(place.storage, 'mount/').then((keys) =>
      keys.filter((key) => key.includes('/crl-part/')),
    );
    expect(parts).toHaveLength(1);
    expect((await login([last])).status).toBe(200);
  });

  it('is refused when it is none, is part of one, or is signed by another', async () => {
    await role('web', { certificate: root.certificate });
    const upload = async (fields: JsonObject) =>
      outcome(await ask(node, 'update', 'auth/cert/crls/a', fields));
    const forged = revoke(root, ['01'], { signer: issueAuthority('root', undefined, far()) });
    expect(await upload({ crl: forged })).toEqual([
      400,
      'the list is not signed by the authority that it names',
    ]);
    const delta = [extension('551d1b', Buffer.from('020101', 'hex'), true)];
    expect((await upload({ crl: revoke(root, [], { extensions: delta }) }))[1]).toMatch(/not a whole one/);
    const partial = [extension('551d1c', sequence(), true)];
    expect((await upload({ crl: revoke(root, [], { extensions: partial }) }))[1]).toMatch(/not a whole one/);
    expect((await upload({ url: 'http://169.254.169.254/' }))[1]).toMatch(/url is not supported/);
    for (const crl of ['', 'x', root.certificate, alice.key, 'AAAA', 'A'.repeat(3_000_000)]) {
      expect((await upload({ crl }))[0]).toBe(400);
    }
    expect((await ask(node, 'read', 'auth/cert/crls/a')).status).toBe(404);
    // Of an issuer that no role knows it is taken for what it says.
    const stranger = issueAuthority('stranger', undefined, far());
    const answer = await ask(node, 'update', 'auth/cert/crls/a', { crl: revoke(stranger, ['01']) });
    expect(answer.warnings[0]).toMatch(/signature was not checked/);
  });
});

describe('threat 18: renewal', () => {
  it('asks for the same certificate, as good as ever', async () => {
    await role('web', { certificate: root.certificate, token_ttl: 600 });
    const token = tokenOf(await login([alice]));
    const again = issueClient('alice', root, far({ serial: '0a01', keyOf: alice }));
    expect((await renew(token, [alice])).status).toBe(200);
    for (const shown of [[], [issueClient('bob', root, far())], [again]]) {
      expect((await renew(token, shown)).errors[0]).toMatch(/bound to the client certificate/);
    }
    // Nor is there a way around by another's hand.
    expect((await ask(node, 'update', 'auth/token/renew', { token })).status).toBe(400);
    const accessor = (await ask(node, 'update', 'auth/token/lookup', { token })).data['accessor'] ?? '';
    expect((await ask(node, 'update', 'auth/token/renew-accessor', { accessor })).status).toBe(400);
    await ask(node, 'update', 'auth/cert/crls/a', { crl: revoke(root, ['0a01']) });
    expect((await renew(token, [alice])).status).toBe(400);
  });

  it('asks for none where the mount is configured so', async () => {
    await role('web', { certificate: root.certificate });
    const token = tokenOf(await login([alice]));
    await ask(node, 'update', 'auth/cert/config', { disable_binding: true });
    expect((await ask(node, 'read', 'auth/cert/config')).data['disable_binding']).toBe(true);
    expect((await renew(token, [])).status).toBe(200);
    await role('web', { token_policies: 'more' });
    expect((await renew(token, [])).status).toBe(400);
    await ask(node, 'update', 'auth/cert/config', {});
    expect((await ask(node, 'read', 'auth/cert/config')).data['disable_binding']).toBe(true);
  });

  it('keeps what the configuration said before where it says nothing, and alias metadata apart', async () => {
    await ask(node, 'update', 'auth/cert/config', { enable_identity_alias_metadata: true });
    await ask(node, 'update', 'auth/cert/config', { disable_binding: true });
    const { data } = await ask(node, 'read', 'auth/cert/config');
    expect(data).toEqual({ disable_binding: true, enable_identity_alias_metadata: true });
    await role('web', { certificate: root.certificate });
    const entity = (await login([alice])).auth?.entityId ?? '';
    const [alias] = (await node.state.core?.identities.entity(entity))?.record.aliases ?? [];
    expect(alias).toMatchObject({ name: 'alice', metadata: { cert_name: 'web', common_name: 'alice' } });
  });

  it('asks for it only of tokens that were made so', async () => {
    const token = await makeToken(node, { ttl: '1h' });
    expect((await renew(token, [])).status).toBe(200);
  });
});

describe('a role', () => {
  it('is shown, listed, changed in part and deleted', async () => {
    expect(outcome(await role('Web', { certificate: root.certificate, policies: 'a', ttl: 60 }))).toEqual([
      204,
    ]);
    await role('web', { allowed_names: 'a,b', display_name: 'shown', certificate: '' });
    const { data } = await ask(node, 'read', 'auth/cert/certs/WEB');
    expect(data).toMatchObject({
      certificate: root.certificate,
      display_name: 'shown',
      allowed_names: ['a', 'b'],
      allowed_dns_sans: [],
      token_policies: ['a'],
      policies: ['a'],
      ttl: 60,
    });
    expect((await ask(node, 'list', 'auth/cert/certs/')).data).toEqual({ keys: ['web'] });
    await ask(node, 'delete', 'auth/cert/certs/web');
    expect((await ask(node, 'read', 'auth/cert/certs/web')).status).toBe(404);
    expect((await ask(node, 'delete', 'auth/cert/certs/web')).status).toBe(204);
  });

  it.each([
    [{}, /certificate/],
    [{ certificate: 'text' }, /failed to parse certificate/],
    [{ certificate: alice.key }, /leave keys/],
    [{ certificate: root.certificate + alice.certificate }, /not both/],
    [
      {
        certificate: issueAuthority('old', undefined, { notAfter: Date.now() - 86_400_000 * 9, notBefore: 0 })
          .certificate,
      },
      /expired/,
    ],
    [
      { certificate: issueAuthority('weak', undefined, far({ keyType: 'RSA-1024' })).certificate },
      /too weak/,
    ],
    [
      {
        certificate: issueAuthority(
          'n',
          undefined,
          far({ extensions: [extension('551d1e', sequence(), true)] }),
        ).certificate,
      },
      /2\.5\.29\.30/,
    ],
    [{ certificate: issueAuthority('k', undefined, far({ keyUsage: 0x80 })).certificate }, /keyCertSign/],
    [{ certificate: root.certificate.repeat(21) }, /at most 20/],
    [{ certificate: root.certificate, ocsp_enabled: true }, /OCSP/],
    [{ certificate: root.certificate, ocsp_servers_override: 'http://a' }, /OCSP/],
    [{ certificate: root.certificate, required_extensions: 'x:y' }, /1\.2\.3\.4:PATTERN/],
    [{ certificate: root.certificate, allowed_metadata_extensions: 'x' }, /OIDs/],
    [{ certificate: root.certificate, token_policies: 'root' }, /./],
    [{ certificate: root.certificate, allowed_names: ['x'.repeat(600)] }, /at most/],
  ])('is refused for %#', async (fields, why) => {
    const { status, errors } = await role('web', fields);
    expect([status, errors[0]]).toEqual([400, expect.stringMatching(why)]);
    expect((await ask(node, 'read', 'auth/cert/certs/web')).status).toBe(404);
  });

  it('is written by one of many at a time, with its indexes', async () => {
    const others = Array.from({ length: 8 }, (_, index) =>
      issueAuthority(`authority-${index}`, undefined, far()),
    );
    const answers = await Promise.all(others.map(({ certificate }) => role('web', { certificate })));
    expect(answers.map(({ status }) => status)).toEqual(others.map(() => 204));
    const keys = await keysOf(place.storage, 'mount/');
    expect(keys.filter((key) => key.includes('/authority/'))).toHaveLength(1);
  });
});
