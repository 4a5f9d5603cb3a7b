import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  auditText,
  keysOf,
  makePlace,
  makeToken,
  type Place,
  writePolicy,
} from '../../../test/fakes/client.ts';
import type { CofferNode } from '../../main/node.ts';

const passphrase = 'nine quiet ferries toward Visby';
let place: Place;
let node: CofferNode;

beforeEach(async () => {
  place = await makePlace({ split: { shares: 3, threshold: 2 } });
  node = await place.node();
});
afterEach(() => place.remove());

const attempt = 'sys/generate-root/attempt';
const update = 'sys/generate-root/update';

function decode(encoded: unknown, otp: string): string {
  const bytes = Buffer.from(String(encoded), 'base64');
  return Buffer.from(bytes.map((byte, index) => byte ^ otp.charCodeAt(index))).toString();
}

async function start(fields = {}): Promise<{ readonly nonce: string; readonly otp: string }> {
  const { status, data } = await ask(node, 'update', attempt, fields);
  expect(status).toBe(200);
  return { nonce: String(data['nonce']), otp: String(data['otp']) };
}

describe('another root token', () => {
  it('takes as many unseal keys as the store does, and leaves only under the one-time password', async () => {
    expect((await ask(node, 'read', attempt)).data).toEqual({
      nonce: '',
      started: false,
      progress: 0,
      required: 2,
      complete: false,
      encoded_token: '',
      encoded_root_token: '',
      pgp_fingerprint: '',
      otp: '',
      otp_length: 28,
    });
    const { nonce, otp } = await start();
    expect(otp).toHaveLength(28);
    const first = await ask(node, 'update', update, { key: place.keys[0] ?? '', nonce }, null);
    expect(first.data).toMatchObject({
      progress: 1,
      required: 2,
      complete: false,
      encoded_token: '',
      otp: '',
    });
    const last = await ask(node, 'update', update, { key: place.keys[2] ?? '', nonce }, null);
    expect(last.data).toMatchObject({ complete: true, progress: 2, nonce });
    expect(last.data['encoded_token']).toBe(last.data['encoded_root_token']);
    expect(last.data['encoded_token']).not.toMatch(/=$/);
    const token = decode(last.data['encoded_token'], otp);
    expect(token).toMatch(/^hvs\.[0-9A-Za-z]{24}$/);
    const self = await ask(node, 'read', 'auth/token/lookup-self', {}, token);
    expect(self.data).toMatchObject({ policies: ['root'], ttl: 0, orphan: true });
    expect((await ask(node, 'read', attempt)).data).toMatchObject({ started: false, encoded_token: '' });
    const seen = auditText(place.auditDirectory) + JSON.stringify(place.log);
    for (const secret of [token, otp, String(last.data['encoded_token']), ...place.keys]) {
      expect(seen).not.toContain(secret);
    }
    expect(seen).toContain(update);
  });

  it('threat 14: takes no keys of a slot that was removed since it began', async () => {
    const [first] = (await ask(node, 'list', 'sys/seal-slots')).data['keys'] as string[];
    await ask(node, 'update', `sys/seal-slots/${first}/verify`, { keys: place.keys.slice(0, 2) });
    const { id } = (await ask(node, 'update', 'sys/seal-slots', { type: 'passphrase', passphrase })).data;
    const { nonce } = await start();
    expect((await ask(node, 'delete', `sys/seal-slots/${id}`)).status).toBe(204);
    const refused = await ask(node, 'update', update, { key: passphrase, nonce }, null);
    expect(refused.status).toBe(400);
    expect((await ask(node, 'read', attempt)).data['encoded_token']).toBe('');
  });

  it('takes the key of any slot', async () => {
    await ask(node, 'update', 'sys/seal-slots', { type: 'passphrase', passphrase });
    const { nonce, otp } = await start({ otp: 'abcdefghijklmnopqrstuvwxyz12' });
    expect(otp).toBe('');
    await ask(node, 'update', update, { key: place.keys[0] ?? '', nonce }, null);
    const made = await ask(node, 'update', update, { key: passphrase, nonce }, null);
    expect(made.data['complete']).toBe(true);
    const token = decode(made.data['encoded_token'], 'abcdefghijklmnopqrstuvwxyz12');
    expect((await ask(node, 'read', 'auth/token/lookup-self', {}, token)).status).toBe(200);
  });

  it.each(['abc', 'a'.repeat(27), 'a'.repeat(29), `${'a'.repeat(27)}ä`])(
    'takes a password of the token’s own length: %s',
    async (otp) => {
      expect(await ask(node, 'update', attempt, { otp })).toMatchObject({
        status: 400,
        errors: [expect.stringMatching(/28/)],
      });
      expect((await ask(node, 'read', attempt)).data['started']).toBe(false);
    },
  );

  it('refuses wrong keys, and counts anew then', async () => {
    const { nonce } = await start();
    const before = await keysOf(place.storage, 'core/token/');
    await ask(node, 'update', update, { key: place.keys[0] ?? '', nonce }, null);
    const wrong = (place.keys[1] ?? '').replace(/^../, (byte) => (byte === '00' ? '01' : '00'));
    expect((await ask(node, 'update', update, { key: wrong, nonce }, null)).status).toBe(400);
    for (const key of ['', 'no key', 'ab'.repeat(32)]) {
      expect((await ask(node, 'update', update, { key, nonce }, null)).status).toBe(400);
    }
    expect((await ask(node, 'read', attempt)).data).toMatchObject({ started: true, progress: 0 });
    expect(await keysOf(place.storage, 'core/token/')).toEqual(before);
  });

  it('of two keys that complete it at once makes one', async () => {
    const { nonce } = await start();
    await ask(node, 'update', update, { key: place.keys[0] ?? '', nonce }, null);
    const both = await Promise.all(
      [place.keys[1], place.keys[2]].map((key) =>
        ask(node, 'update', update, { key: key ?? '', nonce }, null),
      ),
    );
    expect(both.filter(({ data }) => data['complete'] === true)).toHaveLength(1);
  });

  it('ends after an hour, and with a seal', async () => {
    const { nonce } = await start();
    await ask(node, 'update', update, { key: place.keys[0] ?? '', nonce }, null);
    place.clock.jump(3_600);
    expect((await ask(node, 'update', update, { key: place.keys[1] ?? '', nonce }, null)).status).toBe(400);
    expect((await ask(node, 'read', attempt)).data['started']).toBe(false);
    const second = await start();
    await ask(node, 'update', 'sys/seal');
    for (const key of place.keys) await ask(node, 'update', 'sys/unseal', { key }, null);
    const stale = { key: place.keys[1] ?? '', nonce: second.nonce };
    expect((await ask(node, 'update', update, stale, null)).status).toBe(400);
  });
});

describe('threat 14: an attempt', () => {
  it('is begun, watched and cancelled by nobody without sudo, and told to nobody', async () => {
    const powerless = await makeToken(node, { policies: ['default'] });
    for (const token of [null, powerless, 'no-such-token']) {
      expect((await ask(node, 'update', attempt, {}, token)).status).toBe(403);
    }
    const { nonce, otp } = await start();
    for (const token of [null, powerless, 'no-such-token']) {
      for (const given of [{}, { nonce: '' }, { nonce: 'wrong' }]) {
        expect((await ask(node, 'delete', attempt, given, token)).status).toBe(403);
      }
      const shown = await ask(node, 'read', attempt, {}, token);
      expect(shown).toMatchObject({ status: 200, data: { started: true, nonce: '' } });
      expect(JSON.stringify(shown.data)).not.toContain(otp);
      const wrong = await ask(node, 'update', update, { key: place.keys[0] ?? '', nonce: 'wrong' }, token);
      expect(wrong).toMatchObject({ status: 400, errors: ['incorrect nonce supplied'] });
      const none = await ask(node, 'update', update, { key: place.keys[0] ?? '' }, token);
      expect(none).toMatchObject({ status: 400, errors: ['missing nonce'] });
    }
    expect((await ask(node, 'read', attempt)).data).toMatchObject({ started: true, progress: 0, nonce });
    expect((await ask(node, 'delete', attempt, { nonce }, null)).status).toBe(204);
    expect((await ask(node, 'read', attempt)).data).toMatchObject({ started: false });
  });

  it('is one at a time', async () => {
    const { nonce } = await start();
    expect(await ask(node, 'update', attempt)).toMatchObject({
      status: 400,
      errors: [expect.stringMatching(/already/)],
    });
    expect((await ask(node, 'read', attempt)).data).toMatchObject({ nonce });
    expect((await ask(node, 'delete', attempt)).status).toBe(204);
  });

  it('is open to all only where the server was told so', async () => {
    const open = await makePlace({ unauthenticatedKeyOperations: true });
    const other = await open.node();
    const begun = await ask(other, 'update', attempt, {}, null);
    expect(begun.status).toBe(200);
    expect((await ask(other, 'read', attempt, {}, null)).data['nonce']).toBe(begun.data['nonce']);
    expect((await ask(other, 'delete', attempt, {}, null)).status).toBe(204);
    expect((await ask(other, 'read', attempt, {}, null)).data['started']).toBe(false);
    await open.remove();
  });
});

describe('sys/generate-root-token, the same attempt for clients that come with a token', () => {
  const path = 'sys/generate-root-token';

  it('makes a root token, and undoes the password', async () => {
    const begun = await ask(node, 'update', `${path}/attempt`);
    const { nonce, otp } = begun.data as { readonly nonce: string; readonly otp: string };
    expect((await ask(node, 'read', `${path}/attempt`)).data).toMatchObject({ nonce, started: true });
    expect((await ask(node, 'read', attempt)).data).toMatchObject({ nonce, started: true });
    await ask(node, 'update', `${path}/update`, { key: place.keys[0] ?? '', nonce });
    const last = await ask(node, 'update', `${path}/update`, { key: place.keys[1] ?? '', nonce });
    expect(last.data).toMatchObject({ complete: true, progress: 2 });
    const sent = { encoded_token: last.data['encoded_token'] ?? '', otp };
    const { data } = await ask(node, 'update', 'sys/decode-token', sent);
    const self = await ask(node, 'read', 'auth/token/lookup-self', {}, String(data['token']));
    expect(self.data).toMatchObject({ policies: ['root'] });
    const seen = auditText(place.auditDirectory);
    for (const secret of [String(data['token']), otp, String(sent.encoded_token), ...place.keys])
      expect(seen).not.toContain(secret);
  });

  it('is cancelled, and wants no PGP key, no wrong nonce and no other length', async () => {
    expect((await ask(node, 'update', `${path}/attempt`, { pgp_key: 'a' })).status).toBe(400);
    expect((await ask(node, 'update', `${path}/attempt`, { otp: 'short' })).status).toBe(400);
    await ask(node, 'update', `${path}/attempt`);
    const wrong = { key: place.keys[0] ?? '', nonce: 'another' };
    expect((await ask(node, 'update', `${path}/update`, wrong)).status).toBe(400);
    expect((await ask(node, 'delete', `${path}/attempt`)).status).toBe(204);
    expect((await ask(node, 'read', `${path}/attempt`)).data).toMatchObject({ started: false });
  });

  it('threat 14: is for nobody without a token and sudo', async () => {
    await writePolicy(node, 'some', `path "${path}/*" { capabilities = ["read", "update", "delete"] }`);
    const token = await makeToken(node, { policies: ['some'] });
    for (const by of [null, token]) {
      for (const operation of ['read', 'update', 'delete'] as const)
        expect((await ask(node, operation, `${path}/attempt`, {}, by)).status).toBe(403);
      expect((await ask(node, 'update', `${path}/update`, { key: place.keys[0] ?? '' }, by)).status).toBe(
        403,
      );
    }
  });

  it.each([
    { encoded_token: '', otp: '' },
    { encoded_token: 'AAAA', otp: 'ab' },
    { encoded_token: '??', otp: 'a' },
    { encoded_token: 'A'.repeat(100_000), otp: 'a' },
  ])('decodes nothing of other lengths', async (fields) => {
    expect((await ask(node, 'update', 'sys/decode-token', fields)).status).toBe(400);
  });
});
