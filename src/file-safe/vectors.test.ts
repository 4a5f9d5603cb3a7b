import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../clock.ts';
import { asCofferError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { openLmdbStorage } from '../storage/lmdb/lmdb.ts';
import { parseStorageKey } from '../storage/storage.ts';
import type { FileSafe } from './file-safe.ts';
import { openFileSafe } from './open.ts';

interface Vector {
  readonly keyfile: string;
  readonly records: Readonly<Record<string, string>>;
  /** Versions from 1 on, or that the current one is deleted. */
  readonly secrets: Readonly<Record<string, 'deleted' | readonly JsonObject[]>>;
}

const vector = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../test/vectors/file-safe-v1.json'), 'utf8'),
) as Vector;

/** A safe of these records, on disk. */
async function opened(records: Readonly<Record<string, string>>): Promise<FileSafe> {
  const path = mkdtempSync(join(tmpdir(), 'coffer-file-safe-'));
  const storage = await openLmdbStorage({ path: join(path, 'store'), create: true, roomBytes: 0 });
  for (const [key, value] of Object.entries(records)) {
    await storage.commit([{ key: parseStorageKey(key), value: Buffer.from(value, 'base64') }]);
  }
  await storage.close();
  const keyfile = join(path, 'key');
  writeFileSync(keyfile, vector.keyfile);
  chmodSync(keyfile, 0o600);
  const keys = { keyfile: () => keyfile, passphrase: () => Promise.reject(new Error('asked')) };
  return openFileSafe({ path, keys, clock: systemClock });
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'opened',
    (error: unknown) => asCofferError(error).code,
  );
}

function flipped(value: string): string {
  const bytes = Buffer.from(value, 'base64');
  const at = bytes.length - 1;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes.toString('base64');
}

describe('a safe as it was written', () => {
  it('opens, and has what was put into it', async () => {
    const safe = await opened(vector.records);
    for (const [name, versions] of Object.entries(vector.secrets)) {
      if (versions === 'deleted') {
        expect(await safe.read(name)).toMatchObject({ kind: 'deleted' });
        continue;
      }
      for (const [index, data] of versions.entries()) {
        expect(await safe.read(name, index + 1)).toEqual({ kind: 'found', data, version: index + 1 });
      }
      expect(await safe.read(name)).toMatchObject({ version: versions.length });
    }
    await safe.write('app/db', { user: 'app', password: 'third' }, 2);
    expect(await safe.read('app/db')).toMatchObject({ version: 3 });
    await safe.close();
  });

  it('is no safe without its mark, or with that of a later program', async () => {
    const { 'boot/safe': mark, ...rest } = vector.records;
    expect(mark).toBeDefined();
    expect(await codeOf(opened(rest))).toBe('store_unusable');
    const later = Buffer.from('{"format":2}').toString('base64');
    expect(await codeOf(opened({ ...rest, 'boot/safe': later }))).toBe('store_unusable');
    expect(await codeOf(opened({ ...rest, 'boot/safe': '' }))).toBe('integrity');
  });

  it('threat 25: does not give what was changed or moved', async () => {
    const sealed = Object.keys(vector.records).filter((key) => key.includes('/meta/'));
    expect(sealed).toHaveLength(3);
    for (const key of sealed) {
      const safe = await opened({ ...vector.records, [key]: flipped(vector.records[key] ?? '') });
      expect(await codeOf(safe.read(key.slice(key.indexOf('/meta/') + '/meta/'.length)))).toBe('integrity');
      await safe.close();
    }
    const [one = '', other = ''] = sealed;
    const swapped = await opened({ ...vector.records, [one]: vector.records[other] ?? '' });
    expect(await codeOf(swapped.read(one.slice(one.indexOf('/meta/') + '/meta/'.length)))).toBe('integrity');
    await swapped.close();
    const keyring = { ...vector.records, 'core/keyring': flipped(vector.records['core/keyring'] ?? '') };
    expect(await codeOf(opened(keyring))).not.toBe('opened');
  });
});
