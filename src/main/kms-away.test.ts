/** A server whose KMS is away, slow, throttled, or switched off: at start, and in the middle. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, makePlace, type Place, rootToken } from '../../test/fakes/client.ts';
import { type AwsFault, type FaultyAws, startFaultyAws } from '../../test/fakes/faulty-aws.ts';
import { makeKmsKey, testRegion } from '../../test/fakes/moto-calls.ts';
import { startMoto } from '../../test/setup/moto.ts';
import { systemRandom } from '../crypto/random.ts';
import { CofferError } from '../errors.ts';
import { AwsKmsSeal } from '../seal/awskms/awskms-seal.ts';
import { parseKmsAddress } from '../seal/awskms/kms-address.ts';
import { awskmsSlots } from '../seal/awskms/slot-maker.ts';
import type { Seal } from '../seal/seal.ts';
import { MemoryStorage } from '../storage/memory/memory.ts';
import { slotMakers } from './catalog.ts';
import type { CofferNode } from './node.ts';

const moto = await startMoto();
afterAll(() => moto?.close());

const error = (type: string): AwsFault => ({ kind: 'error', status: 400, type });

describe.skipIf(moto === undefined)('a store that KMS opens', () => {
  const given = moto ?? { endpoint: '', env: {}, pid: 0, close: async () => undefined };
  let faulty: FaultyAws;
  let place: Place;
  let nodes: CofferNode[] = [];
  const seal = (patience?: number) =>
    new AwsKmsSeal(parseKmsAddress(`awskms:alias/coffer?region=${testRegion}`), {
      env: { ...given.env, AWS_ENDPOINT_URL: faulty.endpoint },
      random: systemRandom,
      ...(patience === undefined ? {} : { patience }),
    });
  beforeAll(() => makeKmsKey(given, 'coffer'));
  beforeEach(async () => {
    faulty = await startFaultyAws(given.endpoint);
    const first = seal();
    place = await makePlace({ seals: [first], slotMakers: [...slotMakers, awskmsSlots([first])] });
    faulty.calls.length = 0;
    place.log.length = 0;
  });
  afterEach(async () => {
    faulty.fault = () => undefined;
    await Promise.all(nodes.map((node) => node.state.drop()));
    nodes = [];
    await place.remove();
    await faulty.close();
  });

  async function started(seals: readonly Seal[] = [seal()]): Promise<CofferNode> {
    const node = place.sealedNode({ seals });
    nodes.push(node);
    await node.state.start();
    return node;
  }
  const sealed = async (node: CofferNode) => (await node.state.status()).sealed;
  const reasons = () => place.log.map(({ fields }) => String(fields['reason']));
  const status = async (node: CofferNode) => (await ask(node, 'read', 'sys/seal-status', {}, null)).data;

  it('is made by sys/init with recovery keys, as clients of Vault ask where a seal opens by itself', async () => {
    const storage = new MemoryStorage();
    const node = place.sealedNode({ storage, seals: [seal()] });
    await node.state.start();
    const made = await ask(
      node,
      'update',
      'sys/init',
      { secret_shares: 1, secret_threshold: 1, recovery_shares: 3, recovery_threshold: 2, stored_shares: 1 },
      null,
    );
    expect(made).toMatchObject({ status: 200, data: { keys: [], keys_base64: [] } });
    const keys = made.data['recovery_keys'] as string[];
    expect(keys).toHaveLength(3);
    expect(await sealed(node)).toBe(false);
    expect((await ask(node, 'read', 'sys/mounts', {}, String(made.data['root_token']))).status).toBe(200);
    await node.state.drop();
    const other = place.sealedNode({ storage, seals: [] });
    await other.state.start();
    for (const key of keys.slice(1)) await other.state.submitKey(key);
    expect(await sealed(other)).toBe(false);
    await other.state.drop();
  });

  it('is not made where KMS refuses, and can be made later', async () => {
    const storage = new MemoryStorage();
    const node = place.sealedNode({ storage, seals: [seal()] });
    await node.state.start();
    faulty.fault = () => error('AccessDeniedException');
    const split = { secret_shares: 1, secret_threshold: 1 };
    expect(await ask(node, 'update', 'sys/init', split, null)).toMatchObject({
      status: 503,
      errors: [expect.stringMatching(/^AWS denies kms:Encrypt on key alias\/coffer/)],
    });
    expect((await storage.children('', { limit: 1 })).items).toEqual([]);
    faulty.fault = () => undefined;
    expect((await ask(node, 'update', 'sys/init', split, null)).status).toBe(200);
    expect(await sealed(node)).toBe(false);
    await node.state.drop();
  });

  it('opens at start, and asks KMS once', async () => {
    expect(await sealed(await started())).toBe(false);
    expect(faulty.calls).toEqual(['Decrypt']);
  });

  it.each([
    ['away', { kind: 'drop' }, /^KMS at http:\S+ cannot be reached/],
    ['throttled', error('ThrottlingException'), /^AWS throttles kms:Decrypt on key alias\/coffer/],
    ['switched off', error('DisabledException'), /^key alias\/coffer in eu-central-1 is disabled/],
    ['denied', error('AccessDeniedException'), /^AWS denies kms:Decrypt on key alias\/coffer/],
  ] as const)('%s: waits sealed, says why, and opens when it comes back', async (_, fault, reason) => {
    faulty.fault = () => fault;
    const node = await started();
    expect(await sealed(node)).toBe(true);
    expect(reasons()).toEqual([expect.stringMatching(reason)]);
    expect(await status(node)).toMatchObject({
      sealed: true,
      type: 'shamir',
      coffer_waiting_for: 'awskms: unavailable',
    });
    expect((await ask(node, 'read', 'secret/data/x', {}, null)).status).toBe(503);
    faulty.fault = () => undefined;
    place.clock.advance(1);
    await expect.poll(() => node.state.core !== undefined).toBe(true);
    expect(await status(node)).not.toHaveProperty('coffer_waiting_for');
    expect((await ask(node, 'read', 'sys/mounts')).status).toBe(200);
  });

  it('slow: waits sealed after its patience, says so, and opens when it answers', async () => {
    faulty.fault = () => ({ kind: 'hang' });
    const node = await started([seal(250)]);
    expect(await sealed(node)).toBe(true);
    expect(reasons()).toEqual([`KMS at ${faulty.endpoint} did not answer kms:Decrypt in time`]);
    faulty.fault = () => undefined;
    place.clock.advance(1);
    await expect.poll(() => node.state.core !== undefined).toBe(true);
  });

  it('opens by another slot without waiting for KMS', async () => {
    const first = await place.node();
    const passphrase = 'eleven grey pilots over Kiruna';
    await ask(first, 'update', 'sys/seal-slots', { type: 'passphrase', passphrase });
    faulty.fault = () => error('DisabledException');
    const node = await started();
    await node.state.submitKey(passphrase);
    expect(await sealed(node)).toBe(false);
    const calls = faulty.calls.length;
    place.clock.advance(60);
    expect(await sealed(node)).toBe(false);
    expect(faulty.calls).toHaveLength(calls);
  });

  it('asks KMS only where nothing at hand opens it', async () => {
    const first = await place.node();
    const boot = (await ask(first, 'list', 'sys/seal-slots')).data['key_info'] as object;
    expect(Object.values(boot).map(({ type }) => type)).toEqual(['shamir', 'awskms']);
    const tried: string[] = [];
    const atHand: Seal = {
      kind: 'shamir',
      automatic: true,
      wrap: () => Promise.reject(new CofferError('internal', 'not used')),
      unwrap: async () => {
        tried.push('at hand');
        throw new CofferError('not_found', 'the key is not there');
      },
    };
    faulty.calls.length = 0;
    const remote = seal();
    const node = await started([
      {
        ...remoteParts(remote),
        unwrap(body, at) {
          tried.push('remote');
          return remote.unwrap(body, at);
        },
      },
      atHand,
    ]);
    expect(tried).toEqual(['at hand', 'remote']);
    expect(await sealed(node)).toBe(false);
  });

  it('goes on when its key is switched off in the middle; the next start says which key it is', async () => {
    const node = await started();
    faulty.fault = () => error('DisabledException');
    place.clock.advance(3_600);
    expect((await ask(node, 'update', 'secret/data/one', { data: { a: 'b' } })).status).toBe(200);
    const { data } = await ask(node, 'list', 'sys/seal-slots');
    const [, id] = data['keys'] as string[];
    expect(await ask(node, 'update', `sys/seal-slots/${id}/verify`)).toMatchObject({
      status: 503,
      errors: [expect.stringMatching(/^key alias\/coffer in eu-central-1 is disabled: enable it/)],
    });
    const next = await started();
    expect(await sealed(next)).toBe(true);
    expect(reasons().at(-1)).toMatch(/^key alias\/coffer in eu-central-1 is disabled/);
  });

  it('is not opened by KMS once it was sealed on purpose, neither at start nor while waiting', async () => {
    const waiting = await (async () => {
      faulty.fault = () => error('DisabledException');
      const node = await started();
      faulty.fault = () => undefined;
      return node;
    })();
    const node = await started();
    expect((await ask(node, 'update', 'sys/seal')).status).toBe(204);
    faulty.calls.length = 0;
    place.clock.advance(120);
    await waiting.state.start();
    const next = await started();
    expect(await Promise.all([waiting, next, node].map(sealed))).toEqual([true, true, true]);
    expect(faulty.calls).toEqual([]);
    const slot = (await ask(await place.node(), 'list', 'sys/seal-slots')).data['keys'] as string[];
    expect(slot).toHaveLength(2);
  });

  it('ends in the middle of a try without waiting for KMS', async () => {
    faulty.fault = () => error('DisabledException');
    const own = seal();
    const node = place.sealedNode({ seals: [own] });
    await node.state.start();
    faulty.fault = () => {
      own.close();
      return { kind: 'hang' };
    };
    place.clock.advance(1);
    await expect.poll(() => faulty.calls.at(-1)).toBe('Decrypt');
    await node.state.drop();
    expect(await sealed(node)).toBe(true);
  });

  it('threat 16: shows everybody that it waits, and nobody without a token for what', async () => {
    faulty.fault = () => error('AccessDeniedException');
    const node = await started();
    const shown = JSON.stringify([
      await status(node),
      (await ask(node, 'read', 'sys/health', {}, null)).data,
      (await ask(node, 'read', 'secret/data/x', {}, rootToken)).errors,
    ]);
    expect(shown).not.toMatch(/alias|arn:|eu-central-1|Decrypt/);
  });
});

/** A seal's own words, for one that watches it. */
function remoteParts(seal: AwsKmsSeal): Pick<Seal, 'kind' | 'automatic' | 'remote' | 'wrap'> {
  return { kind: seal.kind, automatic: true, remote: true, wrap: (key, at) => seal.wrap(key, at) };
}
