import { describe, expect, it } from 'vitest';
import { HandClock } from '../../test/fakes/hand-clock.ts';
import { randomUuid, systemRandom } from '../crypto/random.ts';
import { CofferError, type ErrorCode } from '../errors.ts';
import type { Seal } from '../seal/seal.ts';
import { AutomaticUnseal } from './automatic-unseal.ts';

const slot = (kind: string) => ({ id: randomUuid(systemRandom), kind, body: {} });
const far = slot('far');
const near = slot('near');

/** A node with a seal that is far away and one at hand; each does what it is told. */
function setUp(codes: {
  far?: ErrorCode | 'opens';
  near?: ErrorCode | 'opens';
  store?: ErrorCode | undefined;
}) {
  const clock = new HandClock();
  const told: unknown[] = [];
  const tried: string[] = [];
  const state = {
    ...codes,
    open: false,
    closed: true,
    storage: undefined as ErrorCode | undefined,
    asked: Promise.resolve(),
  };
  const seal = (kind: 'far' | 'near', reason = () => state[kind]): Seal => ({
    kind,
    automatic: true,
    remote: kind === 'far',
    wrap: () => Promise.reject(new CofferError('internal', 'not used')),
    async unwrap() {
      tried.push(kind);
      if (kind === 'far') await state.asked;
      const code = reason() ?? 'not_found';
      if (code === 'opens') return Buffer.alloc(32, 1);
      throw new CofferError(code, `${kind} says ${code}`);
    },
  });
  const unseal = new AutomaticUnseal({
    seals: [seal('far'), seal('near')],
    clock,
    random: systemRandom,
    log: (_, fields) => void told.push(fields?.['code']),
    async closedStore() {
      if (state.storage !== undefined) throw new CofferError(state.storage, 'the storage');
      return state.closed ? { id: 'store', slots: [far, near] } : undefined;
    },
    open: async (rootKey) => {
      rootKey.fill(0);
      if (state.store !== undefined) throw new CofferError(state.store, 'the store');
      state.open = true;
      state.closed = false;
    },
  });
  return { clock, told, tried, state, unseal };
}

describe('unsealing without a person', () => {
  it('tries what is at hand first, and asks nobody else where that opens', async () => {
    const { tried, state, unseal } = setUp({ near: 'opens', far: 'opens' });
    await unseal.start();
    expect(state.open).toBe(true);
    expect(tried).toEqual(['near']);
  });

  it('waits longer from try to try, a minute at most, and tells a reason once', async () => {
    const { clock, told, tried, state, unseal } = setUp({ far: 'unavailable' });
    await unseal.start();
    const count = () => tried.filter((kind) => kind === 'far').length;
    let tries = 1;
    for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
      // Half of each pause passes for certain without a try.
      clock.advance(seconds / 2 - 0.001);
      expect(count()).toBe(tries);
      clock.advance(seconds / 2 + 0.001);
      tries += 1;
      await expect.poll(() => clock.pending).toBe(1);
      expect(count()).toBe(tries);
      expect(unseal.waiting).toEqual({ kind: 'far', code: 'unavailable' });
    }
    expect(told).toEqual(['not_found', 'unavailable']);
    state.far = 'rate_limited';
    clock.advance(60);
    await expect.poll(() => unseal.waiting?.code).toBe('rate_limited');
    expect(told).toEqual(['not_found', 'unavailable', 'rate_limited']);
    state.far = 'opens';
    clock.advance(60);
    await expect.poll(() => state.open).toBe(true);
    await expect.poll(() => unseal.waiting).toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  it('asks what is elsewhere while the node goes on, and says meanwhile that it waits', async () => {
    const { clock, tried, state, unseal } = setUp({ near: 'wrong_key', far: 'opens' });
    let answer = (): void => {};
    state.asked = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const first = await unseal.begin();
    expect(tried).toEqual(['near', 'far']);
    expect(unseal.waiting).toEqual({ kind: 'far', code: 'unavailable' });
    const settled = first.settled(5_000);
    clock.advance(5);
    await settled;
    expect(state.open).toBe(false);
    answer();
    await expect.poll(() => state.open).toBe(true);
    await expect.poll(() => unseal.waiting).toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  it('tells whoever still waits that the store must not be served, and the log where nobody does', async () => {
    const early = setUp({ far: 'opens', store: 'integrity' });
    const begun = await early.unseal.begin();
    await expect(begun.settled(5_000)).rejects.toMatchObject({ code: 'integrity' });
    const { clock, told, state, unseal } = setUp({ far: 'opens', store: 'integrity' });
    let answer = (): void => {};
    state.asked = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const settled = (await unseal.begin()).settled(5_000);
    clock.advance(5);
    await settled;
    answer();
    await expect.poll(() => told).toEqual(['not_found', 'integrity', 'integrity']);
    expect(unseal.waiting).toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  it('has tried what is at hand before the node goes on', async () => {
    const { state, unseal } = setUp({ near: 'opens' });
    await unseal.begin();
    expect(state.open).toBe(true);
    const broken = setUp({ near: 'unavailable' });
    await expect(broken.unseal.begin()).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('waits for nothing where only what is at hand could open it', async () => {
    const { clock, unseal } = setUp({ near: 'wrong_key' });
    await unseal.start();
    expect(unseal.waiting).toMatchObject({ kind: 'far', code: 'not_found' });
    const alone = setUp({ near: 'wrong_key' });
    alone.state.closed = false;
    await alone.unseal.start();
    expect(alone.clock.pending).toBe(0);
    expect(clock.pending).toBe(1);
    await unseal.stop();
    expect(clock.pending).toBe(0);
  });

  it('refuses a store that opens and must not be served, and a keyfile that cannot be read', async () => {
    for (const codes of [{ far: 'opens', store: 'integrity' }, { near: 'unavailable' }] as const) {
      const { clock, unseal } = setUp(codes);
      await expect(unseal.start()).rejects.toMatchObject({
        code: expect.stringMatching(/integrity|unavail/),
      });
      expect(clock.pending).toBe(0);
    }
  });

  it('goes on trying after a moment in which the storage does not answer, either', async () => {
    const { clock, told, state, unseal } = setUp({ far: 'unavailable' });
    await unseal.start();
    state.storage = 'unavailable';
    clock.advance(1);
    await expect.poll(() => told.length).toBe(3);
    await expect.poll(() => clock.pending).toBe(1);
    state.far = 'opens';
    state.storage = undefined;
    state.store = 'unavailable';
    clock.advance(2);
    await expect.poll(() => told.length).toBe(5);
    await expect.poll(() => clock.pending).toBe(1);
    state.store = undefined;
    clock.advance(4);
    await expect.poll(() => state.open).toBe(true);
    await unseal.stop();
    expect(clock.pending).toBe(0);
  });

  it('goes on with other slots where one is damaged whose key is elsewhere', async () => {
    const { tried, clock, unseal } = setUp({ far: 'integrity', near: 'wrong_key' });
    await unseal.start();
    expect(tried).toEqual(['near', 'far']);
    expect(unseal.waiting).toEqual({ kind: 'far', code: 'integrity' });
    expect(clock.pending).toBe(1);
    await unseal.stop();
  });

  it('ends with a stop, also in the middle of a try', async () => {
    const { clock, state, unseal } = setUp({ far: 'unavailable' });
    await unseal.start();
    state.far = 'opens';
    clock.advance(1);
    await unseal.stop();
    expect(state.open).toBe(false);
    expect(clock.pending).toBe(0);
    await unseal.start();
    expect(state.open).toBe(false);
  });

  it('gives up without a word more where the store was sealed on purpose meanwhile', async () => {
    const { clock, state, unseal } = setUp({ far: 'opens', store: 'sealed' });
    await unseal.start();
    expect(state.open).toBe(false);
    expect(unseal.waiting).toBeUndefined();
    expect(clock.pending).toBe(0);
  });
});
