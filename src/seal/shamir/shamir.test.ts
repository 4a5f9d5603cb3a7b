import { describe, expect, it } from 'vitest';
import { systemRandom } from '../../crypto/random.ts';
import { parseShare } from '../key-text.ts';
import { sealContract } from '../seal.contract.ts';
import type { SlotPlace } from '../seal.ts';
import { createShamirSlot, openShamirSlot, ShamirSeal, shamirSplit } from './shamir.ts';
import { ShareCollector } from './share-collector.ts';

const place: SlotPlace = {
  storeId: '6b1d5a52-6f0c-4f5e-9f0a-0c1f6f1f7a11',
  slotId: '0d9c3c0e-93c5-4a55-8a57-3a1f36f5c2b2',
};
const rootKey = systemRandom.bytes(32);
const kek = systemRandom.bytes(32);
const otherKek = systemRandom.bytes(32);

sealContract('shamir', async () => {
  const split = { shares: 5, threshold: 3 };
  return {
    seal: new ShamirSeal({ kek, split, random: systemRandom }),
    stranger: new ShamirSeal({ kek: otherKek, split, random: systemRandom }),
  };
});

async function slotOf(shares: number, threshold: number, at = place) {
  return createShamirSlot(rootKey, { shares, threshold }, at, systemRandom);
}

async function collectorOf(shares: number, threshold: number) {
  const slot = await slotOf(shares, threshold);
  return { collector: new ShareCollector(slot.body, place), shares: slot.shares };
}

function at(shares: readonly Buffer[], index: number): Buffer {
  const share = shares[index];
  if (share === undefined) throw new Error('a share expected');
  return share;
}

describe('a Shamir slot', () => {
  it('opens with the threshold of its shares', async () => {
    for (const [count, threshold] of [
      [1, 1],
      [2, 2],
      [5, 3],
      [255, 2],
    ] as const) {
      const { body, shares } = await slotOf(count, threshold);
      expect(shares.length).toBe(count);
      expect(shamirSplit(body)).toEqual({ shares: count, threshold });
      const opened = await openShamirSlot(body, place, shares.slice(-threshold));
      expect(opened.equals(rootKey)).toBe(true);
    }
  });

  it('with one share: that is 32 bytes and the KEK itself, as Vault has it', async () => {
    const { body, shares } = await slotOf(1, 1);
    expect(at(shares, 0).length).toBe(32);
    const seal = new ShamirSeal({
      kek: at(shares, 0),
      split: { shares: 1, threshold: 1 },
      random: systemRandom,
    });
    expect((await seal.unwrap(body, place)).equals(rootKey)).toBe(true);
  });

  it('has a KEK of its own each time: the shares of one slot do not open the next', async () => {
    const [first, second] = [await slotOf(3, 2), await slotOf(3, 2)];
    const attempt = openShamirSlot(second.body, place, first.shares.slice(0, 2));
    await expect(attempt).rejects.toMatchObject({ code: 'wrong_key' });
  });

  it('refuses numbers that make no sense, and root keys that are none', async () => {
    for (const [shares, threshold] of [
      [0, 0],
      [3, 1],
      [2, 3],
      [256, 2],
    ] as const) {
      await expect(slotOf(shares, threshold)).rejects.toMatchObject({ code: 'invalid_request' });
    }
    const short = createShamirSlot(Buffer.alloc(16, 1), { shares: 3, threshold: 2 }, place, systemRandom);
    await expect(short).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('threat 25: with its numbers changed is told as damage', async () => {
    const { body, shares } = await slotOf(5, 3);
    const changed = { ...body, shares: 4 };
    await expect(openShamirSlot(changed, place, shares.slice(0, 3))).rejects.toMatchObject({
      code: 'integrity',
    });
    const lowered = { ...body, threshold: 2 };
    await expect(openShamirSlot(lowered, place, shares.slice(0, 3))).rejects.toMatchObject({
      code: 'integrity',
    });
    expect(() => shamirSplit({ ...body, threshold: 6 })).toThrow(
      expect.objectContaining({ code: 'integrity' }),
    );
  });
});

describe('collecting shares', () => {
  it('counts up, opens, and begins anew', async () => {
    const { collector, shares } = await collectorOf(5, 3);
    expect(await collector.add(at(shares, 4))).toEqual({ kind: 'collecting', progress: 1, threshold: 3 });
    expect(await collector.add(at(shares, 0))).toEqual({ kind: 'collecting', progress: 2, threshold: 3 });
    expect(await collector.add(at(shares, 2))).toEqual({ kind: 'opened', rootKey });
    expect(collector.progress).toBe(0);
    await collector.add(at(shares, 1));
    expect(collector.progress).toBe(1);
  });

  it('does not count a part that is given twice', async () => {
    const { collector, shares } = await collectorOf(3, 2);
    for (let count = 0; count < 5; count++) {
      expect(await collector.add(at(shares, 0))).toMatchObject({ progress: 1 });
    }
    expect(await collector.add(at(shares, 1))).toMatchObject({ kind: 'opened' });
  });

  it('keeps its own copies', async () => {
    const { collector, shares } = await collectorOf(2, 2);
    const share = Buffer.from(at(shares, 0));
    await collector.add(share);
    share.fill(0);
    expect(await collector.add(at(shares, 1))).toMatchObject({ kind: 'opened' });
  });

  it('refuses what is no share, and counts it for nothing', async () => {
    const { collector, shares } = await collectorOf(3, 2);
    await collector.add(at(shares, 0));
    const zero = Buffer.alloc(33, 1);
    zero.writeUInt8(0, 32);
    for (const wrong of [
      Buffer.alloc(0),
      Buffer.alloc(32, 1),
      Buffer.alloc(34, 1),
      Buffer.alloc(1 << 20),
      zero,
    ]) {
      await expect(collector.add(wrong)).rejects.toMatchObject({ code: 'invalid_request' });
      expect(collector.progress).toBe(1);
    }
    expect(await collector.add(at(shares, 1))).toMatchObject({ kind: 'opened' });
  });

  it('with wrong parts says so at the threshold and forgets them all', async () => {
    const { collector, shares } = await collectorOf(5, 3);
    const foreign = await slotOf(5, 3, { ...place, storeId: place.slotId });
    const mistyped = Buffer.from(at(shares, 1));
    mistyped.writeUInt8(mistyped.readUInt8(3) ^ 1, 3);
    const sets = [
      [at(shares, 0), at(shares, 1), at(foreign.shares, 2)],
      foreign.shares.slice(0, 3),
      // The same coordinate with other bytes can't be two shares of one key.
      [at(shares, 0), at(shares, 1), mistyped],
      [at(shares, 0), mistyped, at(shares, 2)],
    ];
    for (const [first, second, third] of sets) {
      if (first === undefined || second === undefined || third === undefined)
        throw new Error('three expected');
      await collector.add(first);
      await collector.add(second);
      await expect(collector.add(third)).rejects.toMatchObject({ code: 'wrong_key' });
      expect(collector.progress).toBe(0);
    }
    await collector.add(at(shares, 0));
    await collector.add(at(shares, 1));
    expect(await collector.add(at(shares, 2))).toMatchObject({ kind: 'opened' });
  });

  it('forgets when asked to', async () => {
    const { collector, shares } = await collectorOf(3, 2);
    await collector.add(at(shares, 0));
    collector.reset();
    expect(collector.progress).toBe(0);
    expect(await collector.add(at(shares, 1))).toMatchObject({ kind: 'collecting', progress: 1 });
  });

  it('opens once for parts that come at the same time', async () => {
    const { collector, shares } = await collectorOf(5, 3);
    const steps = await Promise.all(shares.map((share) => collector.add(share)));
    expect(steps.filter((step) => step.kind === 'opened').length).toBe(1);
    expect(collector.progress).toBe(2);
  });

  it('takes a single key where there is one share', async () => {
    const { collector, shares } = await collectorOf(1, 1);
    await expect(collector.add(systemRandom.bytes(32))).rejects.toMatchObject({ code: 'wrong_key' });
    expect(await collector.add(at(shares, 0))).toEqual({ kind: 'opened', rootKey });
  });

  it('tells a damaged slot from wrong parts', async () => {
    const { body, shares } = await slotOf(2, 2);
    const collector = new ShareCollector({ ...body, check: Buffer.alloc(16).toString('base64') }, place);
    await collector.add(at(shares, 0));
    await expect(collector.add(at(shares, 1))).rejects.toMatchObject({ code: 'integrity' });
    expect(() => new ShareCollector({}, place)).toThrow(expect.objectContaining({ code: 'integrity' }));
  });
});

describe('parseShare', () => {
  it('reads hex and base64 of 32 and 33 bytes, with blanks around', () => {
    for (const length of [32, 33]) {
      for (let count = 0; count < 50; count++) {
        const share = systemRandom.bytes(length);
        const hex = share.toString('hex');
        const base64 = share.toString('base64');
        for (const text of [
          hex,
          hex.toUpperCase(),
          base64,
          base64.replace('=', ''),
          ` ${hex}\n`,
          `\t${base64} `,
        ]) {
          expect(parseShare(text).equals(share)).toBe(true);
        }
      }
    }
  });

  it('threat 16: refuses everything else without repeating it', () => {
    const hex = systemRandom.bytes(33).toString('hex');
    const base64 = Buffer.alloc(32, 0xfb).toString('base64');
    const wrong = [
      '',
      ' ',
      hex.slice(2, 65),
      `${hex}00`,
      `${hex.slice(0, 32)} ${hex.slice(32)}`,
      `0x${hex.slice(2)}`,
      base64.replaceAll('+', '-').replaceAll('/', '_'),
      `${base64}=`,
      systemRandom.bytes(31).toString('base64'),
      systemRandom.bytes(34).toString('base64'),
      // The last letter has bits that no 32 bytes give.
      `${'A'.repeat(42)}B=`,
      '\u0660'.repeat(64),
      'a'.repeat(1 << 20),
    ];
    for (const text of wrong) {
      let message = '';
      try {
        parseShare(text);
      } catch (error) {
        expect(error).toMatchObject({ code: 'invalid_request' });
        message = String(error);
      }
      expect(message).toContain('32 or 33 bytes');
      if (text.trim() !== '') expect(message).not.toContain(text);
    }
  });
});
