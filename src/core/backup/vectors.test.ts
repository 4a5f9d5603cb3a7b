/** The format of backups, held against vectors that never change. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import { systemRandom } from '../../crypto/random.ts';
import { chunksOf } from './backup.fixture.ts';
import { encodeBackupHeader, encodeFrame, encodeManifest, encodePrefix } from './format.ts';
import { type BackupPart, backupParts } from './parser.ts';
import { type BackupReport, readBackup } from './read-backup.ts';
import { encodeRecords } from './records.ts';

interface Vector {
  readonly root_key: string;
  readonly file: string;
}
interface Opens extends Vector {
  readonly tag: BackupReport['tag'];
  readonly records: Readonly<Record<string, string>>;
}
interface Fails extends Vector {
  readonly why: string;
  readonly code: string;
}

const { opens, fails } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../test/vectors/backup-v1.json'), 'utf8'),
) as { readonly opens: readonly Opens[]; readonly fails: readonly Fails[] };

async function open({ file, root_key }: Vector, size: number) {
  const records: Record<string, string> = {};
  const report = await readBackup({
    chunks: chunksOf(Buffer.from(file, 'base64'), size),
    unlock: async () => Buffer.from(root_key, 'hex'),
    clock: new HandClock(),
    random: systemRandom,
    onRecords: async (opened) => {
      for (const { record, plaintext } of opened) {
        if (plaintext !== undefined) records[record.key] = plaintext.toString('hex');
      }
    },
  });
  return { report, records };
}

/** A reader's parts put together again. */
function encoded(parts: readonly BackupPart[]): Buffer {
  const bodies = parts.flatMap((part) => {
    if (part.kind === 'header') return [encodeFrame('H', encodeBackupHeader(part.header))];
    if (part.kind === 'records') return [encodeFrame('R', encodeRecords(part.records))];
    return [encodeFrame('M', encodeManifest(part.manifest)), encodeFrame('T', part.tag ?? Buffer.alloc(0))];
  });
  const body = Buffer.concat([encodePrefix(), ...bodies]);
  return Buffer.concat([body, encodeFrame('S', createHash('sha256').update(body).digest())]);
}

describe.each(opens)('a backup that is $tag', (vector) => {
  it('opens, whole and byte by byte', async () => {
    for (const size of [1, 1_000_000]) {
      const { report, records } = await open(vector, size);
      expect(report.tag).toBe(vector.tag);
      expect(records).toMatchObject(vector.records);
    }
  });

  it('is written the same', async () => {
    const file = Buffer.from(vector.file, 'base64');
    const parts: BackupPart[] = [];
    for await (const part of backupParts(chunksOf(file))) parts.push(part);
    expect(encoded(parts).equals(file)).toBe(true);
  });
});

it.each(fails)('is refused: $why', async (vector) => {
  for (const size of [1, 1_000_000]) {
    await expect(open(vector, size)).rejects.toMatchObject({ code: vector.code });
  }
});
