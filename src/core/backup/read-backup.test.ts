/** A backup that is not what a holder of the keys wrote is refused, whatever was done to it. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, keysOf, makePlace, type Place } from '../../../test/fakes/client.ts';
import type { CofferNode } from '../../main/node.ts';
import { takeBackup, verify } from './backup.fixture.ts';
import { encodeFrame, encodeManifest, encodePrefix, ManifestCount, magic } from './format.ts';
import { BackupParser, type BackupPart } from './parser.ts';
import { encodeRecords } from './records.ts';

let place: Place;
let node: CofferNode;
let whole: Buffer;

beforeAll(async () => {
  place = await makePlace();
  node = await place.node();
  for (let index = 0; index < 20; index++) {
    await ask(node, 'update', `secret/data/team/${index}`, { data: { word: `canary-${index}` } });
  }
  whole = await takeBackup(node);
});
afterAll(() => place.remove());

function partsOf(bytes: Buffer): readonly BackupPart[] {
  const parser = new BackupParser();
  const parts = [...parser.push(bytes)];
  parser.finish();
  return parts;
}

/** A file of the same form, made by somebody who can count but has no key. */
function forged(parts: readonly BackupPart[], tag: Buffer, change: (part: BackupPart) => BackupPart): Buffer {
  const count = new ManifestCount();
  const header = /H.{4}(\{.*?\})R/s.exec(whole.subarray(18).toString('latin1'))?.[1] ?? '';
  const frames = [encodePrefix(), encodeFrame('H', Buffer.from(header, 'latin1'))];
  for (const part of parts.map(change)) {
    if (part.kind !== 'records') continue;
    for (const { key, value } of part.records) count.add(key, value);
    frames.push(encodeFrame('R', encodeRecords(part.records)));
  }
  frames.push(encodeFrame('M', encodeManifest(count.manifest)), encodeFrame('T', tag));
  const body = Buffer.concat(frames);
  return Buffer.concat([body, encodeFrame('S', createHash('sha256').update(body).digest())]);
}

function tagOf(parts: readonly BackupPart[]): Buffer {
  const end = parts.at(-1);
  return (end?.kind === 'end' ? end.tag : undefined) ?? Buffer.alloc(0);
}

it('holds as it was written: every record opens, and the tag fits', async () => {
  const report = await verify(whole, place);
  const keys = await keysOf(place.storage);
  expect(report).toMatchObject({ tag: 'signed', opened: report.manifest.records, bytes: whole.length });
  expect(report.manifest.records).toBeGreaterThan(40);
  expect(keys.length).toBeGreaterThanOrEqual(report.manifest.records);
  expect(Object.values(report.manifest.rooms).reduce((sum, count) => sum + count, 0)).toBe(
    report.manifest.records,
  );
});

it('is read the same in pieces of any size', async () => {
  const expected = (await verify(whole, undefined)).checksum;
  for (const size of [1, 7, 4_096]) expect((await verify(whole, undefined, size)).checksum).toBe(expected);
});

it('says what it could not check without the keys', async () => {
  expect(await verify(whole, undefined)).toMatchObject({ tag: 'unchecked', opened: undefined });
});

it('threat 16: holds no plaintext', () => {
  expect(whole.toString('latin1')).not.toContain('canary');
  expect(whole.toString('latin1')).toContain('team/7');
});

describe('threat 25: a backup in which', () => {
  it('any bit was flipped is refused, with keys and without', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(7), async (at, bit) => {
        const spoiled = Buffer.from(whole);
        spoiled.writeUInt8(spoiled.readUInt8(at) ^ (1 << bit), at);
        await expect(verify(spoiled, undefined)).rejects.toMatchObject({ name: 'CofferError' });
        await expect(verify(spoiled, place)).rejects.toMatchObject({ name: 'CofferError' });
      }),
      { numRuns: 150 },
    );
  });

  it('anything was cut off the end is refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), async (length) => {
        const cut = whole.subarray(0, length);
        const code = length < 18 ? 'invalid_request' : 'integrity';
        await expect(verify(cut, undefined)).rejects.toMatchObject({ code });
      }),
      { numRuns: 100 },
    );
  });

  it('a record was left out by somebody who could count is refused by its tag', async () => {
    const parts = partsOf(whole);
    const shorter = forged(parts, tagOf(parts), (part) => {
      if (part.kind !== 'records' || part.records.length < 10) return part;
      return { ...part, records: part.records.filter((_, index) => index !== 8) };
    });
    expect((await verify(shorter, undefined)).tag).toBe('unchecked');
    await expect(verify(shorter, place)).rejects.toMatchObject({
      code: 'integrity',
      message: expect.stringContaining('tag does not fit'),
    });
  });

  it('a record was put in from an earlier backup of the store is refused by its tag', async () => {
    const before = partsOf(whole);
    await ask(node, 'update', 'secret/data/team/3', { data: { word: 'second' } });
    const after = partsOf(await takeBackup(node));
    const old = new Map(
      before.flatMap((part) =>
        part.kind === 'records' ? part.records.map((record) => [record.key, record]) : [],
      ),
    );
    const spliced = forged(after, tagOf(after), (part) => {
      if (part.kind !== 'records') return part;
      return { ...part, records: part.records.map((record) => old.get(record.key) ?? record) };
    });
    await expect(verify(spliced, place)).rejects.toMatchObject({
      code: 'integrity',
      message: expect.stringContaining('tag does not fit'),
    });
  });

  it('two records changed places names them', async () => {
    const parts = partsOf(whole);
    const swapped = forged(parts, tagOf(parts), (part) => {
      if (part.kind !== 'records') return part;
      const at = part.records.findIndex(({ key }) => /^mount\/[^/]+\/meta\/team\/1$/.test(key));
      const [one, two] = [part.records[at], part.records[at + 1]];
      if (at < 0 || one === undefined || two === undefined) return part;
      const records = [...part.records];
      records[at] = { ...one, value: two.value };
      records[at + 1] = { ...two, value: one.value };
      return { ...part, records };
    });
    await expect(verify(swapped, place)).rejects.toMatchObject({
      code: 'integrity',
      message: expect.stringMatching(/^2 records do not open .*meta\/team\/1, /),
    });
  });

  it('the tag was taken away is told as unsigned', async () => {
    const parts = partsOf(whole);
    const unsigned = forged(parts, Buffer.alloc(0), (part) => part);
    expect((await verify(unsigned, place)).tag).toBe('unsigned');
  });

  it('records are not in order, or are there twice, is refused', async () => {
    const parts = partsOf(whole);
    const twice = forged(parts, tagOf(parts), (part) =>
      part.kind === 'records' && part.records.length > 3
        ? { ...part, records: [...part.records, ...part.records.slice(-1)] }
        : part,
    );
    await expect(verify(twice, undefined)).rejects.toMatchObject({
      code: 'integrity',
      message: expect.stringContaining('not in order'),
    });
  });
});

describe('a file that', () => {
  const refused = (bytes: Buffer) => verify(bytes, place);

  it('is empty says so', async () => {
    await expect(refused(Buffer.alloc(0))).rejects.toMatchObject({
      code: 'invalid_request',
      message: 'this file is no backup of Coffer: it is empty',
    });
  });

  it('is something else says so', async () => {
    for (const bytes of [
      Buffer.from('{}'),
      Buffer.from('PK\u0003\u0004'.repeat(40)),
      Buffer.alloc(5_000, 0xff),
    ]) {
      await expect(refused(bytes)).rejects.toMatchObject({
        code: 'invalid_request',
        message: expect.stringContaining('no backup of Coffer'),
      });
    }
  });

  it('a newer Coffer wrote says so', async () => {
    const future = Buffer.from(whole);
    future.writeUInt16BE(2, magic.length);
    await expect(refused(future)).rejects.toMatchObject({
      code: 'store_unusable',
      message: expect.stringContaining('has format 2 and was written by a newer Coffer'),
    });
  });

  it('is another store’s is told by its keys', async () => {
    const other = await makePlace();
    try {
      const foreign = await takeBackup(await other.node());
      await expect(refused(foreign)).rejects.toMatchObject({ code: 'wrong_key' });
    } finally {
      await other.remove();
    }
  });

  it('goes on after its end is refused', async () => {
    await expect(refused(Buffer.concat([whole, Buffer.from('x')]))).rejects.toMatchObject({
      code: 'integrity',
      message: expect.stringContaining('follows its end'),
    });
  });

  it('announces parts of any size takes no memory for them', async () => {
    const huge = Buffer.concat([encodePrefix(), Buffer.from([0x48, 0xff, 0xff, 0xff, 0xff])]);
    await expect(refused(huge)).rejects.toMatchObject({ code: 'integrity' });
  });
});
