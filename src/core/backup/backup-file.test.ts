import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NewBackupFile, readBackupFile } from './backup-file.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'coffer-backup-file-'));
});
afterEach(() => rmSync(root, { recursive: true }));

async function contents(path: string): Promise<string> {
  let text = '';
  for await (const chunk of readBackupFile(path)) text += chunk.toString();
  return text;
}

describe('threat 26: a backup’s file', () => {
  it('is for its owner alone, and has its name only when it is whole', async () => {
    const path = join(root, 'b');
    const umask = process.umask(0);
    const file = await NewBackupFile.create(path, 'test').finally(() => process.umask(umask));
    await file.write(Buffer.from('half '));
    expect(existsSync(path)).toBe(false);
    await file.write(Buffer.from('whole'));
    await file.finish();
    expect([file.bytes, await contents(path), statSync(path).mode & 0o777]).toEqual([
      10,
      'half whole',
      0o600,
    ]);
    expect(readdirSync(root)).toEqual(['b']);
  });

  it('replaces nothing, and follows no link', async () => {
    writeFileSync(join(root, 'there'), 'kept');
    symlinkSync(join(root, 'elsewhere'), join(root, 'dangling'));
    mkdirSync(join(root, 'folder'));
    for (const name of ['there', 'dangling', 'folder']) {
      await expect(NewBackupFile.create(join(root, name), 'test')).rejects.toMatchObject({
        code: 'conflict',
      });
    }
    expect(readFileSync(join(root, 'there'), 'utf8')).toBe('kept');
    expect(existsSync(join(root, 'elsewhere'))).toBe(false);
  });

  it('gives way to what took its name meanwhile', async () => {
    const file = await NewBackupFile.create(join(root, 'b'), 'test');
    await file.write(Buffer.from('late'));
    writeFileSync(join(root, 'b'), 'early');
    await expect(file.finish()).rejects.toMatchObject({ code: 'conflict' });
    expect(readFileSync(join(root, 'b'), 'utf8')).toBe('early');
    expect(readdirSync(root)).toEqual(['b']);
  });

  it('leaves nothing when it is discarded, and takes over what a killed writer left', async () => {
    const killed = await NewBackupFile.create(join(root, 'b'), 'test');
    await killed.write(Buffer.from('lost'));
    const next = await NewBackupFile.create(join(root, 'b'), 'test');
    await next.write(Buffer.from('found'));
    await next.discard();
    await killed.discard();
    expect(readdirSync(root)).toEqual([]);
  });

  it('is not read through a link, and a folder is none', async () => {
    writeFileSync(join(root, 'real'), 'x');
    symlinkSync(join(root, 'real'), join(root, 'link'));
    for (const name of ['link', '.']) {
      await expect(contents(join(root, name))).rejects.toMatchObject({ code: 'invalid_request' });
    }
    await expect(contents(join(root, 'none'))).rejects.toMatchObject({ code: 'not_found' });
  });

  it('says what is wrong with a place that cannot be written', async () => {
    await expect(NewBackupFile.create(join(root, 'no', 'such', 'b'), 'test')).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('there is no such directory'),
    });
  });
});
