import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  auditText,
  makePlace,
  makeToken,
  type Place,
  storedText,
  writePolicy,
} from '../../../test/fakes/client.ts';
import { systemRandom } from '../../crypto/random.ts';
import type { CofferNode } from '../../main/node.ts';
import { KeyfileSeal } from '../../seal/keyfile/keyfile-seal.ts';

const passphrase = 'seven tumbling lanterns over Ystad';
let directory: string;
let keyfile: string;
let place: Place;
let node: CofferNode;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'coffer-slots-'));
  keyfile = join(directory, 'keyfile');
  place = await makePlace({ seals: [new KeyfileSeal({ path: keyfile, random: systemRandom })] });
  node = await place.node();
});
afterEach(async () => {
  await place.remove();
  rmSync(directory, { recursive: true });
});

async function add(fields: Record<string, string | number>) {
  const added = await ask(node, 'update', 'sys/seal-slots', fields);
  return { ...added, id: String(added.data['id'] ?? '') };
}

async function ids(): Promise<readonly string[]> {
  return (await ask(node, 'list', 'sys/seal-slots')).data['keys'] as string[];
}

describe('a slot that is added', () => {
  it('of a passphrase opens the store, on a node that starts sealed', async () => {
    const added = await add({ type: 'passphrase', passphrase });
    expect(added).toMatchObject({ status: 200, data: { type: 'passphrase' } });
    const [first = ''] = (await ids()).filter((id) => id !== added.id);
    const rehearsed = await ask(node, 'update', `sys/seal-slots/${added.id}/verify`, { key: passphrase });
    expect(rehearsed).toMatchObject({ status: 200, data: { id: added.id, opens: true } });
    expect((await ask(node, 'delete', `sys/seal-slots/${first}`)).status).toBe(204);
    const other = place.sealedNode();
    await other.state.start();
    expect(await other.state.status()).toMatchObject({ sealed: true, kind: 'passphrase', threshold: 1 });
    await expect(other.state.submitKey(place.keys[0] ?? '')).rejects.toMatchObject({ code: 'wrong_key' });
    expect((await ask(other, 'update', 'sys/unseal', { key: ` ${passphrase}\n` }, null)).data).toMatchObject({
      sealed: false,
    });
  });

  it('of a keyfile opens at the next start, by itself', async () => {
    const added = await add({ type: 'keyfile' });
    writeFileSync(keyfile, String(added.data['keyfile']), { mode: 0o600 });
    const rehearsed = await ask(node, 'update', `sys/seal-slots/${added.id}/verify`);
    expect(rehearsed.status).toBe(200);
    const other = place.sealedNode();
    await other.state.start();
    expect(await other.state.status()).toMatchObject({ sealed: false });
    const info = (await ask(other, 'read', `sys/seal-slots/${added.id}`)).data;
    expect(info).toMatchObject({ type: 'keyfile', automatic: true, verified: true });
  });

  it('of shares opens with as many as it needs', async () => {
    const added = await add({ type: 'shamir', secret_shares: 3, secret_threshold: 2 });
    const keys = added.data['keys'] as string[];
    expect(keys).toHaveLength(3);
    expect(added.data['keys_base64']).toHaveLength(3);
    const path = `sys/seal-slots/${added.id}/verify`;
    expect((await ask(node, 'update', path, { keys: keys.slice(1) })).status).toBe(200);
    expect((await ask(node, 'update', path, { keys: keys.slice(0, 1) })).status).toBe(400);
    expect((await ask(node, 'update', path, { keys: [keys[0] ?? '', keys[0] ?? ''] })).status).toBe(400);
    const other = await add({ type: 'shamir', secret_shares: 3, secret_threshold: 2 });
    const strange = (other.data['keys'] as string[]).slice(0, 2);
    expect(await ask(node, 'update', path, { keys: strange })).toMatchObject({
      status: 400,
      errors: [expect.stringMatching(/do not open/)],
    });
  });

  it.each([
    [{ type: 'nothing' }, /keyfile, shamir, passphrase/],
    [{ type: 'passphrase' }, /"passphrase"/],
    [{ type: 'passphrase', passphrase: 'short' }, /too weak/],
    [{ type: 'passphrase', passphrase, secret_shares: 3 }, /nothing else/],
    [{ type: 'keyfile', passphrase }, /nothing else/],
    [{ type: 'shamir', secret_shares: 2 }, /secret_threshold/],
    [{ type: 'shamir', secret_shares: 2, secret_threshold: 3 }, /threshold/],
    [{ type: 'shamir', secret_shares: 256, secret_threshold: 3 }, /255/],
    [{}, /type/],
  ])('threat 30: is refused, and nothing changes, for %j', async (fields, message) => {
    const before = await ids();
    const refused = await ask(node, 'update', 'sys/seal-slots', { ...fields });
    expect(refused).toMatchObject({ status: 400, errors: [expect.stringMatching(message)] });
    expect(await ids()).toEqual(before);
  });

  it('is one of thirty-two at most', async () => {
    for (let index = 1; index < 32; index++) expect((await add({ type: 'keyfile' })).status).toBe(200);
    expect(await add({ type: 'keyfile' })).toMatchObject({
      status: 400,
      errors: [expect.stringMatching(/32/)],
    });
    expect(await ids()).toHaveLength(32);
  });

  it('beside others that are added at the same moment, is there with all of them', async () => {
    const other = await place.node();
    const added = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        ask(index % 2 === 0 ? node : other, 'update', 'sys/seal-slots', { type: 'keyfile' }),
      ),
    );
    expect(added.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
    const there = await ids();
    for (const { data } of added) expect(there).toContain(data['id']);
  });
});

describe('a slot that is removed', () => {
  it('is never the last one', async () => {
    const [only = ''] = await ids();
    expect(await ask(node, 'delete', `sys/seal-slots/${only}`)).toMatchObject({
      status: 400,
      errors: [expect.stringMatching(/last key slot/)],
    });
  });

  it('is never the last one that is known to open', async () => {
    const added = await add({ type: 'passphrase', passphrase });
    await add({ type: 'keyfile' });
    const [first = ''] = (await ids()).filter((id) => id !== added.id);
    const removal = () => ask(node, 'delete', `sys/seal-slots/${first}`);
    expect(await removal()).toMatchObject({
      status: 400,
      errors: [expect.stringMatching(/verify one of them/)],
    });
    const wrong = await ask(node, 'update', `sys/seal-slots/${added.id}/verify`, { key: `${passphrase}?` });
    expect(wrong.status).toBe(400);
    expect((await removal()).status).toBe(400);
    await ask(node, 'update', `sys/seal-slots/${added.id}/verify`, { key: passphrase });
    expect((await removal()).status).toBe(204);
  });

  it('opens nothing any more, also on a node that was sealed before', async () => {
    const sealed = place.sealedNode();
    await sealed.state.start();
    const added = await add({ type: 'passphrase', passphrase });
    await ask(node, 'update', `sys/seal-slots/${added.id}/verify`, { key: passphrase });
    const [first = ''] = (await ids()).filter((id) => id !== added.id);
    await ask(node, 'delete', `sys/seal-slots/${first}`);
    const refused = await ask(sealed, 'update', 'sys/unseal', { key: place.keys[0] ?? '' }, null);
    expect(refused.status).toBe(400);
    expect((await ask(sealed, 'update', 'sys/unseal', { key: passphrase }, null)).data).toMatchObject({
      sealed: false,
    });
  });

  it('is refused where the one left opened once by itself, and does so no more', async () => {
    const added = await add({ type: 'keyfile' });
    const [first = ''] = (await ids()).filter((id) => id !== added.id);
    writeFileSync(keyfile, String(added.data['keyfile']), { mode: 0o600 });
    expect((await ask(node, 'update', `sys/seal-slots/${added.id}/verify`)).status).toBe(200);
    rmSync(keyfile);
    const removal = () => ask(node, 'delete', `sys/seal-slots/${first}`);
    expect(await removal()).toMatchObject({ status: 400, errors: [expect.stringMatching(/known to open/)] });
    expect(await ids()).toHaveLength(2);
    writeFileSync(keyfile, String(added.data['keyfile']), { mode: 0o600 });
    expect((await removal()).status).toBe(204);
  });

  it('with another one at the same moment leaves one', async () => {
    const added = await add({ type: 'passphrase', passphrase });
    await ask(node, 'update', `sys/seal-slots/${added.id}/verify`, { key: passphrase });
    const outcomes = await Promise.all(
      (await ids()).map((id) => ask(node, 'delete', `sys/seal-slots/${id}`)),
    );
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual([204, 400]);
    expect(await ids()).toHaveLength(1);
  });

  it('is not found when it is not there', async () => {
    for (const id of ['nothing', '6b1d5a52-6f0c-4f5e-9f0a-0c1f6f1f7a11']) {
      expect((await ask(node, 'delete', `sys/seal-slots/${id}`)).status).toBe(404);
      expect((await ask(node, 'read', `sys/seal-slots/${id}`)).status).toBe(404);
      expect((await ask(node, 'update', `sys/seal-slots/${id}/verify`, { key: 'x' })).status).toBe(404);
    }
  });
});

it('threat 05: every one of these takes sudo', async () => {
  const all = '["create", "read", "update", "delete", "list"]';
  await writePolicy(node, 'almost', `path "sys/seal-slots*" { capabilities = ${all} }`);
  const token = await makeToken(node, { policies: ['almost'] });
  const [id = ''] = await ids();
  const before = await storedText(place.storage);
  for (const [operation, path] of [
    ['list', 'sys/seal-slots'],
    ['read', 'sys/seal-slots'],
    ['update', 'sys/seal-slots'],
    ['read', `sys/seal-slots/${id}`],
    ['delete', `sys/seal-slots/${id}`],
    ['update', `sys/seal-slots/${id}/verify`],
  ] as const) {
    expect((await ask(node, operation, path, { type: 'keyfile' }, token)).status, path).toBe(403);
  }
  expect(await ids()).toEqual([id]);
  expect((await storedText(place.storage)).length).toBe(before.length);
});

it('threat 16: nothing that opens a slot is in the audit log or the program’s log', async () => {
  const byPassphrase = await add({ type: 'passphrase', passphrase });
  const byKeyfile = await add({ type: 'keyfile' });
  const byShares = await add({ type: 'shamir', secret_shares: 2, secret_threshold: 2 });
  await ask(node, 'update', `sys/seal-slots/${byPassphrase.id}/verify`, { key: passphrase });
  await ask(node, 'update', `sys/seal-slots/${byPassphrase.id}/verify`, { keys: [`wrong ${passphrase}`] });
  const keyfileKey = /^key: (.*)$/m.exec(String(byKeyfile.data['keyfile']))?.[1] ?? '';
  const secrets = [
    passphrase,
    keyfileKey,
    ...(byShares.data['keys'] as string[]),
    ...(byShares.data['keys_base64'] as string[]),
  ];
  expect(secrets.every((secret) => secret.length > 20)).toBe(true);
  const seen =
    auditText(place.auditDirectory) + JSON.stringify(place.log) + (await storedText(place.storage));
  for (const secret of secrets) expect(seen).not.toContain(secret);
  expect(seen).toContain('sys/seal-slots');
});
