/** From any kind of slot to any other, while the store is served: each step leaves a store that a key at hand opens. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, makePlace, type Place } from '../../test/fakes/client.ts';
import { makeKmsKey, testRegion } from '../../test/fakes/moto-calls.ts';
import { startMoto } from '../../test/setup/moto.ts';
import { systemRandom } from '../crypto/random.ts';
import { KeyfileSeal } from '../seal/keyfile/keyfile-seal.ts';
import { passphraseSlotsOf } from '../seal/passphrase/slot-maker.ts';
import { openConfiguredSeals } from './configured-seals.ts';
import type { CofferNode } from './node.ts';

const moto = await startMoto();
afterAll(() => moto?.close());

const kinds = ['keyfile', 'passphrase', 'shamir', 'awskms'] as const;
type Kind = (typeof kinds)[number];
const pairs = kinds.flatMap((from) => kinds.filter((to) => to !== from).map((to) => ({ from, to })));
const passphrase = 'nine quiet harbours under Malmberget';
const secret = { value: 'kept all along' };

/** What opens a slot: by hand, or nothing where the node has it. */
interface Way {
  readonly id: string;
  readonly kind: Kind;
  readonly keys: readonly string[];
}

describe.skipIf(moto === undefined)('the seal of a store that is served', () => {
  const given = moto ?? { endpoint: '', env: {}, pid: 0, close: async () => undefined };
  const root = mkdtempSync(join(tmpdir(), 'coffer-migration-'));
  afterAll(() => rmSync(root, { recursive: true }));
  beforeAll(() => makeKmsKey(given, 'coffer'));

  const configured = openConfiguredSeals([`awskms:alias/coffer?region=${testRegion}`], given.env);
  // The least that is sound: the slots are opened many times, and what they cost is not what is asked here.
  const cheap = passphraseSlotsOf({ logN: 15, r: 8, p: 1 });
  const makers = configured.makers.map((maker) => (maker.kind === cheap.kind ? cheap : maker));
  const keyfileOf = (place: Place) => join(root, `${place.keys[0]?.slice(0, 16)}.keyfile`);
  const sealsFor = (place: Place, kind: Kind) => {
    if (kind === 'keyfile') return [new KeyfileSeal({ path: keyfileOf(place), random: systemRandom })];
    return kind === 'awskms' ? configured.seals : [];
  };

  async function add(place: Place, node: CofferNode, kind: Kind): Promise<Way> {
    const fields = {
      keyfile: {},
      passphrase: { passphrase },
      shamir: { secret_shares: 3, secret_threshold: 2 },
      awskms: {},
    }[kind];
    const { status, data } = await ask(node, 'update', 'sys/seal-slots', { type: kind, ...fields });
    expect(status).toBe(200);
    const id = String(data['id']);
    if (kind === 'keyfile') writeFileSync(keyfileOf(place), String(data['keyfile']), { mode: 0o600 });
    const keys = { keyfile: [], awskms: [], passphrase: [passphrase], shamir: data['keys'] as string[] }[
      kind
    ];
    return { id, kind, keys };
  }

  /** A node that starts with this way in and no other; as it would after a crash at this moment. */
  async function opens(place: Place, way: Way): Promise<boolean> {
    const node = place.sealedNode({ seals: sealsFor(place, way.kind) });
    await node.state.start();
    for (const key of way.keys) await node.state.submitKey(key).catch(() => undefined);
    const open = node.state.core !== undefined;
    if (open) expect((await ask(node, 'read', 'secret/data/one')).data['data']).toEqual(secret);
    await node.state.drop();
    return open;
  }

  it.each(pairs)('goes from $from to $to', async ({ from, to }) => {
    const place = await makePlace({ slotMakers: makers });
    try {
      const first = await place.node();
      await ask(first, 'update', 'secret/data/one', { data: secret });
      const [made = ''] = (await ask(first, 'list', 'sys/seal-slots')).data['keys'] as string[];
      const old =
        from === 'shamir' ? { id: made, kind: from, keys: place.keys } : await add(place, first, from);
      // A node that has what both kinds need, as settings would say it.
      const node = place.sealedNode({ seals: [...sealsFor(place, from), ...sealsFor(place, to)] });
      await node.state.start();
      for (const key of place.keys) await node.state.submitKey(key);
      const verify = ({ id, keys }: Way) =>
        ask(node, 'update', `sys/seal-slots/${id}/verify`, { keys: [...keys] });
      if (from !== 'shamir') {
        expect((await verify(old)).status).toBe(200);
        expect((await ask(node, 'delete', `sys/seal-slots/${made}`)).status).toBe(204);
      }
      expect(await opens(place, old)).toBe(true);

      const next = await add(place, node, to);
      expect(await opens(place, old)).toBe(true);
      expect(await opens(place, next)).toBe(true);
      const automatic = to === 'keyfile' || to === 'awskms';
      if (!automatic) {
        // Nothing on this node shows that it opens: the old one stays until somebody has shown it.
        const early = await ask(node, 'delete', `sys/seal-slots/${old.id}`);
        expect(early.status).toBe(400);
        expect((await verify(next)).status).toBe(200);
      }
      expect((await ask(node, 'delete', `sys/seal-slots/${old.id}`)).status).toBe(204);
      expect(await opens(place, next)).toBe(true);
      expect(await opens(place, old)).toBe(false);
      const left = (await ask(node, 'list', 'sys/seal-slots')).data;
      expect(left['keys']).toEqual([next.id]);
      const last = await ask(node, 'delete', `sys/seal-slots/${next.id}`);
      expect(last).toMatchObject({ status: 400, errors: [expect.stringContaining('last key slot')] });
    } finally {
      await place.remove();
    }
  });

  it('says on a node of other settings what it lacks, and on one without any', async () => {
    await makeKmsKey(given, 'other');
    const place = await makePlace({ slotMakers: makers });
    try {
      const node = await place.node();
      const { id } = await add(place, node, 'awskms');
      const other = openConfiguredSeals([`awskms:alias/nobody?region=${testRegion}`], given.env);
      const stranger = place.sealedNode({ seals: other.seals });
      await stranger.state.start();
      expect(place.log).toContainEqual({
        message: 'a key slot did not open the store',
        fields: expect.objectContaining({
          kind: 'awskms',
          slot: id,
          reason: expect.stringContaining('KMS has no key alias/nobody in eu-central-1'),
        }),
      });
      expect(await stranger.state.status()).toMatchObject({
        sealed: true,
        waiting: { kind: 'awskms', code: 'unavailable' },
      });
      await stranger.state.submitKey(place.keys[0] ?? '');
      expect(await stranger.state.status()).toMatchObject({ sealed: false, waiting: undefined });
      const refused = await ask(node, 'update', 'sys/seal-slots', { type: 'awskms', kms_key: 'alias/other' });
      expect(refused).toMatchObject({
        status: 400,
        errors: [expect.stringContaining('one of those that the server names: alias/coffer')],
      });
    } finally {
      await place.remove();
    }
  });

  it('needs the settings to name a key before a slot of it is made', async () => {
    const place = await makePlace();
    const node = await place.node();
    expect(await ask(node, 'update', 'sys/seal-slots', { type: 'awskms' })).toMatchObject({
      status: 400,
      errors: [expect.stringContaining('start it with --seal awskms:alias/NAME')],
    });
    await place.remove();
  });

  it('of several regions opens while one of them is left', async () => {
    await makeKmsKey(given, 'coffer', 'us-west-2');
    const addresses = [testRegion, 'us-west-2'].map((region) => `awskms:alias/coffer?region=${region}`);
    const both = openConfiguredSeals(addresses, given.env);
    const place = await makePlace({ seals: both.seals, slotMakers: both.makers });
    try {
      const node = await place.node();
      const infos = Object.values((await ask(node, 'list', 'sys/seal-slots')).data['key_info'] as object);
      expect(infos.map((info) => info.type).toSorted()).toEqual(['awskms', 'awskms', 'shamir']);
      for (const seal of both.seals) {
        const one = place.sealedNode({ seals: [seal] });
        await one.state.start();
        expect(one.state.core).toBeDefined();
      }
    } finally {
      await place.remove();
    }
  });
});
