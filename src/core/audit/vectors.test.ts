/** The stored format, kept for good: what version 1 wrote must verify for ever, and the same input must give the same bytes. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type ChainAnchor, decodeAnchor, readAnchor } from './anchor.ts';
import { makePlace, type Place, seededRandom } from './audit.fixture.ts';
import type { AuditEntry } from './audit.ts';
import { parseLine } from './line.ts';
import { verifyAudit } from './verify.ts';

interface Vectors {
  readonly randomSeed: string;
  readonly signingSeed: string;
  readonly segmentBytes: number;
  readonly process: ChainAnchor['process'];
  readonly entries: readonly AuditEntry[];
  readonly directory: string;
  /** Lines of each segment. */
  readonly segments: Readonly<Record<string, readonly string[]>>;
  readonly anchor: ChainAnchor;
}

const vectors = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../test/vectors/audit-chain-v1.json'), 'utf8'),
) as Vectors;

let place: Place;
beforeEach(() => {
  place = makePlace();
});
afterEach(() => place.remove());

function writeVectors(): void {
  const path = join(place.directory, vectors.directory);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  for (const [name, lines] of Object.entries(vectors.segments)) {
    writeFileSync(join(path, name), lines.map((line) => `${line}\n`).join(''), { mode: 0o600 });
  }
}

it('verifies what version 1 wrote, with and without its anchor', async () => {
  writeVectors();
  const anchor = decodeAnchor(Buffer.from(JSON.stringify(vectors.anchor)));
  for (const anchors of [[anchor], undefined]) {
    expect(await verifyAudit({ directory: place.directory, anchors })).toMatchObject({
      intact: true,
      chains: [{ state: 'closed', lines: anchor.seq, publicKeys: [anchor.publicKey] }],
    });
  }
});

it('writes the same bytes again', async () => {
  const log = await place.open({
    random: seededRandom(vectors.randomSeed),
    signingSeed: Buffer.from(vectors.signingSeed, 'hex'),
    segmentBytes: vectors.segmentBytes,
    process: vectors.process,
  });
  for (const entry of vectors.entries) {
    await log.append(entry, 'kernel');
    place.clock.advance(1);
  }
  await log.close();
  const written = Object.fromEntries(
    readdirSync(log.path).map((name) => [
      name,
      readFileSync(join(log.path, name), 'utf8').trimEnd().split('\n'),
    ]),
  );
  expect(log.path).toBe(join(place.directory, vectors.directory));
  expect(written).toEqual(vectors.segments);
  expect((await readAnchor(place.store, log.chainId))?.anchor).toEqual(vectors.anchor);
});

it('every line follows from the one before by the rule of the format', () => {
  let head = '';
  let seq = 0;
  for (const line of Object.values(vectors.segments).flat()) {
    const parsed = parseLine(Buffer.from(line));
    expect(parsed?.expected(head)).toBe(parsed?.head);
    expect(parsed?.seq).toBe(seq + 1);
    head = parsed?.head ?? '';
    seq += 1;
  }
  expect(head).toBe(vectors.anchor.head);
});

it('reads no line with anything before, inside or after it', () => {
  const [line = ''] = Object.values(vectors.segments).flat();
  for (const bad of [
    '',
    '{}',
    ` ${line} `,
    `${line}x`,
    line.slice(0, -1),
    line.replace('"seq":1', '"seq":-1'),
    '[]',
    'null',
  ]) {
    expect(parseLine(Buffer.from(bad)), bad).toBeUndefined();
  }
});
