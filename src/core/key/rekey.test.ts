import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, auditText, makePlace, makeToken, type Place } from '../../../test/fakes/client.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;

beforeEach(async () => {
  place = await makePlace({ split: { shares: 3, threshold: 2 } });
  node = await place.node();
});
afterEach(() => place.remove());

const init = 'sys/rekey/init';
const update = 'sys/rekey/update';
const verify = 'sys/rekey/verify';

async function start(fields = {}): Promise<string> {
  const { status, data } = await ask(node, 'update', init, {
    secret_shares: 5,
    secret_threshold: 3,
    ...fields,
  });
  expect(status).toBe(200);
  return String(data['nonce']);
}

async function handIn(nonce: string, path = update, keys: readonly string[] = place.keys.slice(0, 2)) {
  let last = await ask(node, 'update', path, { key: keys[0] ?? '', nonce }, null);
  for (const key of keys.slice(1)) last = await ask(node, 'update', path, { key, nonce }, null);
  return last;
}

/** Whether these keys open the store, on a node that has just started. */
async function opens(keys: readonly string[]): Promise<boolean> {
  const other = place.sealedNode();
  await other.state.start();
  for (const key of keys) await ask(other, 'update', 'sys/unseal', { key }, null);
  return !(await other.state.status()).sealed;
}

describe('new unseal keys', () => {
  it.each([true, false])(
    'are made once, however often the last key comes at a time (verified: %s)',
    async (verified) => {
      const nonce = await start({ require_verification: verified });
      const [first = '', last = ''] = place.keys;
      await ask(node, 'update', update, { key: first, nonce }, null);
      const hand = () => ask(node, 'update', update, { key: last, nonce }, null);
      const answers = await Promise.all([hand(), hand(), hand()]);
      expect(answers.filter(({ data }) => data['complete'] === true)).toHaveLength(1);
    },
  );

  it('take the place of the old ones', async () => {
    expect((await ask(node, 'read', init)).data).toEqual({
      nonce: '',
      started: false,
      t: 0,
      n: 0,
      progress: 0,
      required: 2,
      pgp_fingerprints: null,
      backup: false,
      verification_required: false,
    });
    const nonce = await start();
    expect((await ask(node, 'read', init)).data).toMatchObject({
      nonce,
      started: true,
      t: 3,
      n: 5,
      required: 2,
    });
    const made = await handIn(nonce);
    expect(made.data).toMatchObject({ complete: true, nonce, verification_required: false, backup: false });
    const keys = made.data['keys'] as string[];
    expect(keys).toHaveLength(5);
    expect(made.data['keys_base64']).toEqual(keys.map((key) => Buffer.from(key, 'hex').toString('base64')));
    expect(await opens(keys.slice(1, 4))).toBe(true);
    expect(await opens(place.keys)).toBe(false);
    expect((await ask(node, 'read', init)).data).toMatchObject({ started: false, required: 3 });
    const seen = auditText(place.auditDirectory) + JSON.stringify(place.log);
    for (const key of [...keys, ...place.keys]) expect(seen).not.toContain(key);
  });

  it('are in force only once they were shown, where that was asked for', async () => {
    const nonce = await start({ require_verification: true });
    const made = await handIn(nonce);
    const keys = made.data['keys'] as string[];
    const first = String(made.data['verification_nonce']);
    expect(made.data).toMatchObject({ complete: true, verification_required: true });
    expect(await opens(place.keys)).toBe(true);
    expect((await ask(node, 'read', verify)).data).toEqual({
      nonce: first,
      started: true,
      t: 3,
      n: 5,
      progress: 0,
    });
    expect((await ask(node, 'read', init)).data).toMatchObject({ started: true, verification_nonce: first });
    expect((await handIn(nonce, verify, keys.slice(0, 1))).status).toBe(400);
    expect((await handIn(nonce)).status).toBe(400);
    await handIn(first, verify, keys.slice(0, 2));
    expect((await ask(node, 'read', verify)).data['progress']).toBe(2);
    const restarted = await ask(node, 'delete', verify);
    expect(restarted.data).toMatchObject({ started: true, progress: 0 });
    const second = String(restarted.data['nonce']);
    expect(second).not.toBe(first);
    expect((await handIn(first, verify, keys.slice(0, 1))).status).toBe(400);
    expect((await handIn(second, verify, keys.slice(2))).data).toEqual({ nonce: second, complete: true });
    expect(await opens(keys.slice(0, 3))).toBe(true);
    expect(await opens(place.keys)).toBe(false);
    expect((await ask(node, 'read', verify)).data).toMatchObject({ started: false, nonce: '' });
  });

  it('are not in force when the operation is cancelled before, or wrong ones are shown', async () => {
    const made = await handIn(await start({ require_verification: true }));
    const nonce = String(made.data['verification_nonce']);
    const [first = '', second = ''] = made.data['keys'] as string[];
    const wrong = await handIn(nonce, verify, [first, second, place.keys[2] ?? '']);
    expect(wrong.status).toBe(400);
    expect((await ask(node, 'delete', init)).status).toBe(204);
    expect((await handIn(nonce, verify, [first])).status).toBe(400);
    expect(await opens(place.keys)).toBe(true);
  });

  it('leave the other slots alone', async () => {
    const passphrase = 'eleven paper boats near Kalmar';
    await ask(node, 'update', 'sys/seal-slots', { type: 'passphrase', passphrase });
    const keys = (await handIn(await start())).data['keys'] as string[];
    expect(await opens([passphrase])).toBe(true);
    expect(await opens(keys)).toBe(true);
  });

  it.each([
    { secret_shares: 0, secret_threshold: 0 },
    { secret_shares: 2, secret_threshold: 3 },
    { secret_shares: 2, secret_threshold: 1 },
    { secret_shares: 256, secret_threshold: 2 },
    { pgp_keys: ['x'] },
    { backup: true },
  ])('are not begun with what makes no sense or is not supported: %j', async (fields) => {
    const refused = await ask(node, 'update', init, { secret_shares: 5, secret_threshold: 3, ...fields });
    expect(refused.status).toBe(400);
    expect((await ask(node, 'read', init)).data['started']).toBe(false);
  });

  it('are refused where there are no old ones', async () => {
    const passphrase = 'eleven paper boats near Kalmar';
    const added = await ask(node, 'update', 'sys/seal-slots', { type: 'passphrase', passphrase });
    const id = String(added.data['id']);
    const [shamir = ''] = ((await ask(node, 'list', 'sys/seal-slots')).data['keys'] as string[]).filter(
      (each) => each !== id,
    );
    await ask(node, 'update', `sys/seal-slots/${id}/verify`, { key: passphrase });
    await ask(node, 'delete', `sys/seal-slots/${shamir}`);
    const refused = await ask(node, 'update', init, { secret_shares: 1, secret_threshold: 1 });
    expect(refused).toMatchObject({
      status: 400,
      errors: [expect.stringMatching(/no unseal keys to change/)],
    });
    expect((await ask(node, 'read', init)).data).toMatchObject({ required: 0 });
  });

  it('come to nothing when the slot was removed meanwhile', async () => {
    const passphrase = 'eleven paper boats near Kalmar';
    const added = await ask(node, 'update', 'sys/seal-slots', { type: 'passphrase', passphrase });
    const id = String(added.data['id']);
    await ask(node, 'update', `sys/seal-slots/${id}/verify`, { key: passphrase });
    const [shamir = ''] = ((await ask(node, 'list', 'sys/seal-slots')).data['keys'] as string[]).filter(
      (each) => each !== id,
    );
    const nonce = await start();
    await ask(node, 'delete', `sys/seal-slots/${shamir}`);
    expect(await handIn(nonce)).toMatchObject({ status: 400, errors: [expect.stringMatching(/meanwhile/)] });
    expect((await ask(node, 'list', 'sys/seal-slots')).data['keys']).toEqual([id]);
  });

  it('wait an hour for the old ones', async () => {
    const nonce = await start();
    await handIn(nonce, update, place.keys.slice(0, 1));
    place.clock.jump(3_600);
    expect(await handIn(nonce, update, place.keys.slice(1, 2))).toMatchObject({
      status: 400,
      errors: ['no rekey in progress'],
    });
  });
});

it.each(['sys/rekey/backup', 'sys/rekey/recovery-key-backup'])('%s has nothing', async (path) => {
  for (const operation of ['read', 'delete'] as const) {
    expect(await ask(node, operation, path)).toMatchObject({
      status: 400,
      errors: ['no backed-up keys found'],
    });
    expect((await ask(node, operation, path, {}, null)).status).toBe(403);
  }
});

describe('threat 14: a rekey operation', () => {
  it('is begun, restarted and cancelled by nobody without sudo or the nonce, and told to nobody', async () => {
    const powerless = await makeToken(node, { policies: ['default'] });
    const wanted = { secret_shares: 2, secret_threshold: 2, require_verification: true };
    for (const token of [null, powerless])
      expect((await ask(node, 'update', init, wanted, token)).status).toBe(403);
    const nonce = await start({ require_verification: true });
    const stranger = async (given = {}) => {
      for (const token of [null, powerless]) {
        expect((await ask(node, 'delete', init, given, token)).status).toBe(403);
        expect((await ask(node, 'delete', verify, given, token)).status).toBe(403);
        const shown = [await ask(node, 'read', init, {}, token), await ask(node, 'read', verify, {}, token)];
        expect(shown.map(({ data }) => data['nonce'])).toEqual(['', '']);
        expect(shown[0]?.data['verification_nonce'] ?? '').toBe('');
      }
    };
    await stranger();
    await stranger({ nonce: 'wrong' });
    expect(
      (await ask(node, 'update', update, { key: place.keys[0] ?? '', nonce: 'x' }, null)).errors,
    ).toEqual(['incorrect nonce supplied']);
    const made = await handIn(nonce);
    expect(made.status).toBe(200);
    await stranger({ nonce: 'wrong' });
    const verification = String(made.data['verification_nonce']);
    expect((await ask(node, 'delete', verify, { nonce: verification }, null)).status).toBe(200);
    expect((await ask(node, 'delete', init, { nonce }, null)).status).toBe(204);
    expect((await ask(node, 'read', init)).data['started']).toBe(false);
  });

  it('is open to all only where the server was told so', async () => {
    const open = await makePlace({ unauthenticatedKeyOperations: true });
    const other = await open.node();
    const begun = await ask(other, 'update', init, { secret_shares: 1, secret_threshold: 1 }, null);
    expect(begun.status).toBe(200);
    expect((await ask(other, 'read', init, {}, null)).data['nonce']).toBe(begun.data['nonce']);
    expect((await ask(other, 'delete', init, {}, null)).status).toBe(204);
    expect((await ask(other, 'read', 'sys/rekey/backup', {}, null)).status).toBe(403);
    await open.remove();
  });
});
