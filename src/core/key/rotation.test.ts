import { createSecretKey } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  finishDuties,
  finishJobs,
  makePlace,
  makeToken,
  type Place,
  writePolicy,
} from '../../../test/fakes/client.ts';
import { openKeyring } from '../../barrier/keyring.ts';
import { usageWrite } from '../../barrier/seal-budget.ts';
import { systemRandom } from '../../crypto/random.ts';
import type { CofferNode } from '../../main/node.ts';
import { readBoot } from '../../seal/boot.ts';
import { openShamirSlot } from '../../seal/shamir/shamir.ts';
import { parseStorageKey, type Storage } from '../../storage/storage.ts';

let place: Place;
let node: CofferNode;

beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
});
afterEach(() => place.remove());

/** Which terms the store's records are sealed under. */
async function termsInUse(storage: Storage): Promise<ReadonlySet<number>> {
  const terms = new Set<number>();
  let after: string | undefined;
  do {
    const page = await storage.range('', { limit: 1_000, ...(after === undefined ? {} : { after }) });
    for (const { key, value } of page.items) {
      // Entries of indexes have no content: a mark stands there, and no term.
      if (value.length > 4 && !key.startsWith('boot/') && !key.startsWith('core/keyring'))
        terms.add(value.readUInt32BE(1));
    }
    after = page.next;
  } while (after !== undefined);
  return terms;
}

/** Writes down that the newest term has done so many seals. */
async function pretendSeals(seals: number): Promise<void> {
  const boot = await readBoot(place.storage);
  if (boot.kind === 'empty') throw new Error('no store');
  const [slot] = boot.slots;
  const shares = place.keys.map((key) => Buffer.from(key, 'hex'));
  const slotPlace = { storeId: boot.header.id, slotId: slot?.id ?? '' };
  const rootKey = await openShamirSlot(slot?.body ?? {}, slotPlace, shares);
  const keyring = await place.storage.read(parseStorageKey('core/keyring'));
  const opened = openKeyring(createSecretKey(rootKey), boot.header.id, keyring?.value ?? Buffer.alloc(0));
  await place.storage.commit([usageWrite(systemRandom, opened.newest, seals)]);
}

async function resealJobs() {
  const { data } = await ask(node, 'list', 'sys/jobs');
  const info = (data['key_info'] ?? {}) as Record<string, Record<string, unknown>>;
  return Object.values(info).filter(({ type }) => type === 'reseal');
}

describe('sys/rotate', () => {
  it.each(['sys/rotate', 'sys/rotate/keyring'])(
    '%s adds a term, and a job seals everything anew',
    async (path) => {
      for (let index = 0; index < 60; index++) {
        await ask(node, 'update', `secret/data/s${index}`, { data: { index } });
      }
      expect((await ask(node, 'update', path)).status).toBe(204);
      expect((await ask(node, 'read', 'sys/key-status')).data).toMatchObject({ term: 2 });
      await finishJobs(node);
      expect(await termsInUse(place.storage)).toEqual(new Set([2]));
      expect(await resealJobs()).toMatchObject([
        { status: 'done', requested_by: 'root', result: { term: 2, damaged: 0, retired: [1], dropped: [] } },
      ]);
      expect((await ask(node, 'read', 'sys/key-status')).data).toMatchObject({ term: 2, older_terms: [] });
      for (let index = 0; index < 60; index++) {
        expect((await ask(node, 'read', `secret/data/s${index}`)).data['data']).toEqual({ index });
      }
    },
  );

  it('is learned of by other nodes, whose sessions and caches go on', async () => {
    const other = await place.node();
    const token = await makeToken(other, { policies: ['root'], num_uses: 4 });
    await ask(other, 'update', 'secret/data/x', { data: { a: 1 } }, token);
    await ask(node, 'update', 'sys/rotate');
    await finishJobs(node);
    await ask(other, 'update', 'secret/data/x', { data: { a: 2 }, options: { cas: 1 } }, token);
    expect((await ask(other, 'read', 'secret/data/x', {}, token)).data['data']).toEqual({ a: 2 });
    expect((await ask(other, 'read', 'sys/key-status', {}, token)).data).toMatchObject({ term: 2 });
    expect((await ask(other, 'read', 'secret/data/x', {}, token)).status).toBe(403);
    expect(await termsInUse(place.storage)).toEqual(new Set([2]));
  });

  it('threat 05: takes sudo', async () => {
    await writePolicy(node, 'almost', 'path "sys/rotate*" { capabilities = ["update", "read"] }');
    const token = await makeToken(node, { policies: ['almost'] });
    for (const path of ['sys/rotate', 'sys/rotate/keyring', 'sys/rotate/reseal', 'sys/rotate/config']) {
      expect((await ask(node, 'update', path, { enabled: false }, token)).status, path).toBe(403);
    }
    expect((await ask(node, 'read', 'sys/key-status')).data).toMatchObject({ term: 1 });
  });

  it('done again before the first job is through, leaves one term', async () => {
    for (let index = 0; index < 3; index++) await ask(node, 'update', 'sys/rotate');
    await finishJobs(node);
    expect(await termsInUse(place.storage)).toEqual(new Set([4]));
    const retired = (await resealJobs()).flatMap(
      ({ result }) => (result as { retired?: number[] }).retired ?? [],
    );
    expect(retired.toSorted()).toEqual([1, 2, 3]);
    expect((await ask(node, 'read', 'sys/key-status')).data).toMatchObject({ term: 4, older_terms: [] });
  });

  it('done on two nodes at once, seals everything anew under the last term', async () => {
    const nodes = [node, await place.node()];
    await ask(node, 'update', 'secret/data/x', { data: { a: 1 } });
    const terms = await Promise.all(nodes.map(({ state }) => state.core?.rotation.rotate()));
    expect(terms.toSorted()).toEqual([2, 3]);
    await finishJobs(node);
    expect(await termsInUse(place.storage)).toEqual(new Set([3]));
    expect((await ask(node, 'read', 'sys/key-status')).data).toMatchObject({ term: 3, older_terms: [] });
  });

  it('drops the keys of terms that retired thirty days before', async () => {
    await ask(node, 'update', 'sys/rotate');
    await finishJobs(node);
    place.clock.jump(31 * 86_400);
    await finishDuties(node, place.clock);
    await ask(node, 'update', 'sys/rotate');
    await finishJobs(node);
    expect((await resealJobs()).map(({ result }) => result)).toContainEqual(
      expect.objectContaining({ term: 3, retired: [2], dropped: [1] }),
    );
    const restarted = await place.node();
    expect((await ask(restarted, 'read', 'sys/key-status')).data).toMatchObject({ term: 3 });
  });

  it('retires no term while a record does not open', async () => {
    await ask(node, 'update', 'secret/data/x', { data: { a: 1 } });
    const [damaged] = (await place.storage.range('mount/', { limit: 1 })).items;
    if (damaged === undefined) throw new Error('a record expected');
    const value = Buffer.from(damaged.value);
    value.writeUInt8(value.readUInt8(30) ^ 1, 30);
    await place.storage.commit([{ key: damaged.key, value }]);
    await ask(node, 'update', 'sys/rotate');
    await finishJobs(node);
    expect(await resealJobs()).toMatchObject([{ status: 'done', result: { damaged: 1, retired: [] } }]);
    expect((await ask(node, 'read', 'sys/key-status')).data).toMatchObject({ older_terms: [1] });
    await place.storage.commit([{ key: damaged.key, value: damaged.value }]);
    const again = await ask(node, 'update', 'sys/rotate/reseal');
    expect(again.data['job_id']).toMatch(/^[0-9a-f-]{36}$/);
    await finishJobs(node);
    expect((await ask(node, 'read', 'sys/key-status')).data).toMatchObject({ older_terms: [] });
  });
});

describe('rotation by itself', () => {
  async function lookAgain(): Promise<boolean> {
    place.clock.jump(61);
    return (await node.state.core?.rotation.rotateIfDue()) ?? false;
  }

  it('threat 25: comes when a term has sealed enough, long before its end', async () => {
    expect(await lookAgain()).toBe(false);
    await pretendSeals(3_865_470_565);
    expect(await lookAgain()).toBe(false);
    await pretendSeals(3_865_470_566);
    expect(await lookAgain()).toBe(true);
    expect((await ask(node, 'read', 'sys/key-status')).data).toMatchObject({ term: 2 });
    await finishJobs(node);
    expect(await termsInUse(place.storage)).toEqual(new Set([2]));
    expect(await resealJobs()).toMatchObject([{ requested_by: 'coffer', status: 'done' }]);
  });

  it('leaves its trace in the audit log, as nobody asked for it', async () => {
    await pretendSeals(3_865_470_566);
    expect(await lookAgain()).toBe(true);
    await finishJobs(node);
    await pretendSeals(2 ** 32);
    await place.node();
    const events = place.auditLines().filter(({ type }) => type === 'event');
    expect(events).toMatchObject([
      { event: 'keyring rotated by itself', term: 2 },
      { event: 'records sealed anew', term: 2, retired: [1], dropped: [] },
      { event: 'keyring rotated by itself', term: 3 },
    ]);
  });

  it('is the way out when the term is used up and nothing can be written, also at a start', async () => {
    await pretendSeals(2 ** 32);
    const fresh = await place.node();
    expect((await ask(fresh, 'read', 'sys/key-status')).data).toMatchObject({ term: 2 });
    expect((await ask(fresh, 'update', 'secret/data/x', { data: { a: 1 } })).status).toBe(200);
  });

  it('comes after the interval, if one is set', async () => {
    const set = await ask(node, 'update', 'sys/rotate/config', {
      interval: '24h',
      max_operations: 1_000_000,
    });
    expect(set.status).toBe(204);
    expect((await ask(node, 'read', 'sys/rotate/config')).data).toMatchObject({
      enabled: true,
      interval: 86_400,
      max_operations: 1_000_000,
    });
    expect(await lookAgain()).toBe(false);
    place.clock.jump(86_400);
    expect(await lookAgain()).toBe(true);
    expect(await lookAgain()).toBe(false);
  });

  it('does not come when switched off', async () => {
    await ask(node, 'update', 'sys/rotate/config', { enabled: false });
    await pretendSeals(3_900_000_000);
    expect(await lookAgain()).toBe(false);
  });

  it.each([
    { interval: 60 },
    { max_operations: 999_999 },
    { max_operations: 4_000_000_000 },
    { interval: -1 },
  ])('refuses bounds that make no sense: %o', async (fields) => {
    expect((await ask(node, 'update', 'sys/rotate/config', fields)).status).toBe(400);
    expect((await ask(node, 'read', 'sys/rotate/config')).data).toMatchObject({
      enabled: true,
      interval: 0,
      max_operations: 3_865_470_566,
    });
  });

  it('of two nodes that look at once one rotates', async () => {
    const other = await place.node();
    await pretendSeals(3_900_000_000);
    place.clock.jump(61);
    const both = await Promise.all([node, other].map(({ state }) => state.core?.rotation.rotateIfDue()));
    expect(both.filter((rotated) => rotated === true)).toHaveLength(1);
    expect((await ask(node, 'read', 'sys/key-status')).data).toMatchObject({ term: 2 });
  });
});

describe('under load', () => {
  it('nothing is lost, check-and-set users see no conflict of its making, and the old term retires', async () => {
    const writers = 6;
    const rounds = 25;
    const other = await place.node();
    const work = Array.from({ length: writers }, async (_, writer) => {
      const by = writer % 2 === 0 ? node : other;
      for (let round = 0; round < rounds; round++) {
        const asked = await ask(by, 'update', `secret/data/w${writer}`, {
          data: { round },
          options: { cas: round },
        });
        expect([asked.status, asked.errors]).toEqual([200, []]);
        const made = await ask(by, 'update', `secret/data/w${writer}/r${round}`, { data: { writer, round } });
        expect(made.status).toBe(200);
      }
    });
    const rotations = (async () => {
      for (let index = 0; index < 3; index++) {
        expect((await ask(node, 'update', 'sys/rotate')).status).toBe(204);
        await finishJobs(node);
      }
    })();
    await Promise.all([...work, rotations]);
    await ask(node, 'update', 'sys/rotate/reseal');
    await finishJobs(node);
    expect(await termsInUse(place.storage)).toEqual(new Set([4]));
    expect((await ask(other, 'read', 'sys/key-status')).data).toMatchObject({ term: 4, older_terms: [] });
    const restarted = await place.node();
    for (let writer = 0; writer < writers; writer++) {
      const last = await ask(restarted, 'read', `secret/data/w${writer}`);
      expect(last.data).toMatchObject({ data: { round: rounds - 1 }, metadata: { version: rounds } });
      for (let round = 0; round < rounds; round++) {
        const found = await ask(restarted, 'read', `secret/data/w${writer}/r${round}`);
        expect(found.data['data']).toEqual({ writer, round });
      }
    }
  });
});
