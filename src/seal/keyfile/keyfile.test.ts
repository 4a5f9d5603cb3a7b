import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemRandom } from '../../crypto/random.ts';
import { sealContract } from '../seal.contract.ts';
import { createKeyfile, keyfileName, listKeyfiles, readKeyfile } from './keyfile.ts';
import { KeyfileSeal } from './keyfile-seal.ts';
import { parseKeyfile } from './keyfile-text.ts';

const storeId = '6b1d5a52-6f0c-4f5e-9f0a-0c1f6f1f7a11';
const otherStoreId = '0d9c3c0e-93c5-4a55-8a57-3a1f36f5c2b2';
const key = systemRandom.bytes(32);
const content = { storeId, dataPlace: '/var/lib/coffer', key };

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coffer-keyfile-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o7777;
}

sealContract('keyfile', async (store) => {
  const seals = [key, systemRandom.bytes(32)].map(async (kek, index) => {
    const path = join(directory, `${store}-${index}.keyfile`);
    await createKeyfile(path, { storeId: store, dataPlace: 'memory', key: kek });
    return new KeyfileSeal({ path, random: systemRandom });
  });
  const [seal, stranger] = await Promise.all(seals);
  if (seal === undefined || stranger === undefined) throw new Error('two seals expected');
  return { seal, stranger };
});

describe('making a keyfile', () => {
  it('gives a file that reads back', async () => {
    const path = join(directory, keyfileName(storeId));
    await createKeyfile(path, content);
    const read = await readKeyfile(path);
    expect(read).toMatchObject({ storeId, dataPlace: '/var/lib/coffer' });
    expect(read.key.reveal().equals(key)).toBe(true);
    expect(await readdir(directory)).toEqual([`${storeId}.keyfile`]);
  });

  it('threat 26: is 0600 below directories of 0700, whatever the umask', async () => {
    for (const mask of [0o000, 0o022, 0o277]) {
      const folder = join(directory, `umask-${mask}`);
      const before = process.umask(mask);
      try {
        // A umask that takes from the owner too would also shut us out of directories that we make.
        if (mask === 0o277) await mkdir(folder).then(() => chmod(folder, 0o700));
        await createKeyfile(join(folder, 'k.keyfile'), content);
      } finally {
        process.umask(before);
      }
      expect(await modeOf(join(folder, 'k.keyfile'))).toBe(0o600);
      expect(await modeOf(folder)).toBe(0o700);
    }
  });

  it('never overwrites: file, directory or dangling link', async () => {
    const path = join(directory, 'k.keyfile');
    await createKeyfile(path, content);
    const before = await readFile(path);
    const again = createKeyfile(path, { ...content, key: systemRandom.bytes(32) });
    await expect(again).rejects.toMatchObject({ code: 'conflict' });
    expect((await readFile(path)).equals(before)).toBe(true);
    const link = join(directory, 'link.keyfile');
    await symlink(join(directory, 'nowhere'), link);
    await expect(createKeyfile(link, content)).rejects.toMatchObject({ code: 'conflict' });
    await expect(createKeyfile(directory, content)).rejects.toMatchObject({ code: 'conflict' });
    expect(await readdir(directory)).not.toContain('nowhere');
  });

  it('of several at once makes one', async () => {
    const path = join(directory, 'k.keyfile');
    const keys = Array.from({ length: 8 }, () => systemRandom.bytes(32));
    const made = await Promise.allSettled(keys.map((each) => createKeyfile(path, { ...content, key: each })));
    const winner = made.findIndex((outcome) => outcome.status === 'fulfilled');
    expect(made.filter((outcome) => outcome.status === 'fulfilled').length).toBe(1);
    expect((await readKeyfile(path)).key.reveal().equals(keys[winner] ?? Buffer.alloc(0))).toBe(true);
  });

  it('says where it could not write', async () => {
    await writeFile(join(directory, 'file'), '');
    const path = join(directory, 'file', 'k.keyfile');
    await expect(createKeyfile(path, content)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(path),
    });
  });

  it('refuses what it could not read again, and leaves nothing behind', async () => {
    const path = join(directory, 'k.keyfile');
    const wrong = [
      { storeId: 'x' },
      { storeId: `${storeId}\nkey: x` },
      { dataPlace: '' },
      { dataPlace: '/a\n/b' },
      { dataPlace: ' /a' },
      { dataPlace: '/\ud800' },
      { dataPlace: 'x'.repeat(5_000) },
      { key: systemRandom.bytes(31) },
    ];
    for (const part of wrong) {
      await expect(createKeyfile(path, { ...content, ...part })).rejects.toMatchObject({
        code: 'invalid_request',
      });
    }
    expect(await readdir(directory)).toEqual([]);
  });

  it('keeps any ordinary place', async () => {
    const places = [
      'C:\\Users\\Ä B\\data',
      'postgres://db/coffer',
      '# not a comment',
      'a: b',
      'x'.repeat(4_096),
      '🗝️',
    ];
    for (const [index, dataPlace] of places.entries()) {
      const path = join(directory, `${index}.keyfile`);
      await createKeyfile(path, { ...content, dataPlace });
      expect((await readKeyfile(path)).dataPlace).toBe(dataPlace);
    }
  });
});

describe('reading a keyfile', () => {
  it('threat 26: refuses one that group or others have any right to, and says how to mend it', async () => {
    const path = join(directory, 'k.keyfile');
    await createKeyfile(path, content);
    for (const mode of [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o666, 0o644]) {
      await chmod(path, mode);
      await expect(readKeyfile(path)).rejects.toMatchObject({
        code: 'invalid_request',
        message: expect.stringContaining(`chmod 600 ${path}`),
      });
    }
    for (const mode of [0o600, 0o400, 0o700]) {
      await chmod(path, mode);
      expect((await readKeyfile(path)).storeId).toBe(storeId);
    }
  });

  it('follows a link, and it is the file’s mode that counts', async () => {
    const path = join(directory, 'k.keyfile');
    const link = join(directory, 'link');
    await createKeyfile(path, content);
    await symlink(path, link);
    expect((await readKeyfile(link)).storeId).toBe(storeId);
    await chmod(path, 0o644);
    await expect(readKeyfile(link)).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('tells what is not there from what is no file', async () => {
    const missing = { code: 'not_found', message: expect.stringContaining(directory) };
    await expect(readKeyfile(join(directory, 'none'))).rejects.toMatchObject(missing);
    await symlink(join(directory, 'none'), join(directory, 'dangling'));
    await expect(readKeyfile(join(directory, 'dangling'))).rejects.toMatchObject(missing);
    await expect(readKeyfile(directory)).rejects.toMatchObject({ code: 'invalid_request' });
    const pipe = join(directory, 'pipe');
    execFileSync('mkfifo', ['-m', '600', pipe]);
    await expect(readKeyfile(pipe)).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('threat 30: refuses a keyfile with a placeholder for a key', async () => {
    const path = join(directory, 'k.keyfile');
    await createKeyfile(path, content);
    const text = (await readFile(path)).toString();
    for (const weak of [
      Buffer.alloc(32),
      Buffer.alloc(32, 'x'),
      Buffer.from('correct horse battery staple 123'),
    ]) {
      await writeFile(path, text.replace(key.toString('base64'), weak.toString('base64')));
      await expect(readKeyfile(path)).rejects.toMatchObject({ code: 'invalid_request' });
      const made = createKeyfile(join(directory, 'new'), { ...content, key: weak });
      await expect(made).rejects.toMatchObject({ code: 'invalid_request' });
    }
  });

  it('threat 16: names path and line of what is wrong, and never the key', async () => {
    const path = join(directory, 'k.keyfile');
    await createKeyfile(path, content);
    const text = (await readFile(path)).toString();
    const base64 = key.toString('base64');
    for (const wrong of [
      text.slice(0, -3),
      text.replace('key:', 'kee:'),
      `${text}key: ${base64}\n`,
      base64,
    ]) {
      await writeFile(path, wrong);
      const refusal = await readKeyfile(path).catch((error: unknown) => error);
      expect(refusal).toMatchObject({ code: 'invalid_request', message: expect.stringContaining(path) });
      expect(String(refusal)).not.toContain(base64.slice(0, 10));
    }
  });
});

describe('the text of a keyfile', () => {
  const base64 = key.toString('base64');
  const lines = ['coffer keyfile 1', `store: ${storeId}`, 'data: /d', `key: ${base64}`];

  it('may have comments, blank lines, blanks and the line ends of other systems', () => {
    const texts = [
      lines.join('\n'),
      `${lines.join('\r\n')}\r\n`,
      `# mine\n\n${lines.join('\n\n  # between\n')}\n\n`,
      lines.map((line) => `  ${line.replace(': ', ':\t ')}  `).join('\n'),
    ];
    for (const text of texts) expect(parseKeyfile(Buffer.from(text)).key.reveal().equals(key)).toBe(true);
  });

  it('is refused when a line is missing, doubled, moved, renamed or cut', () => {
    const [first = '', store = '', data = '', last = ''] = lines;
    const wrong = [
      [],
      [first],
      [first, store, data],
      [store, data, last],
      [first, data, store, last],
      [first, store, data, last, last],
      [first, store.toUpperCase(), data, last],
      [first, 'store: 1', data, last],
      [first, store, 'data:', last],
      [first, store, data, `key: ${base64.slice(0, -1)}`],
      [first, store, data, `key: ${base64} ${base64}`],
      [first, store, data, `key: ${key.toString('hex')}`],
      ['coffer keyfile', store, data, last],
      ['coffer keyfile 0', store, data, last],
      ['coffer keyfile one', store, data, last],
    ].map((each) => Buffer.from(each.join('\n')));
    const binary = [systemRandom.bytes(500), Buffer.alloc(10_000, '\n'), Buffer.alloc(9_000, 'a')];
    for (const bytes of [...wrong, ...binary]) {
      expect(() => parseKeyfile(bytes)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    }
  });

  it('of a newer Coffer says so', () => {
    const newer = Buffer.from(['coffer keyfile 2', 'whatever'].join('\n'));
    expect(() => parseKeyfile(newer)).toThrow(expect.objectContaining({ code: 'store_unusable' }));
    expect(() => parseKeyfile(newer)).toThrow('newer Coffer');
  });
});

describe('finding keyfiles', () => {
  it('lists those of earlier stores, by name, whatever their modes, and passes over the rest', async () => {
    await createKeyfile(join(directory, keyfileName(storeId)), content);
    await createKeyfile(join(directory, keyfileName(otherStoreId)), {
      storeId: otherStoreId,
      dataPlace: '/elsewhere',
      key: systemRandom.bytes(32),
    });
    await chmod(join(directory, keyfileName(storeId)), 0o644);
    await writeFile(join(directory, 'notes.txt'), 'coffer keyfile 1');
    await writeFile(join(directory, 'torn.keyfile'), 'coffer keyfile 1\nstore: ');
    await mkdir(join(directory, 'folder.keyfile'));
    expect(await listKeyfiles(directory)).toEqual([
      { path: join(directory, keyfileName(otherStoreId)), storeId: otherStoreId, dataPlace: '/elsewhere' },
      { path: join(directory, keyfileName(storeId)), storeId, dataPlace: '/var/lib/coffer' },
    ]);
  });

  it('finds none where there is no directory', async () => {
    expect(await listKeyfiles(join(directory, 'none'))).toEqual([]);
  });

  it('does not pass over a newer one', async () => {
    await writeFile(join(directory, 'x.keyfile'), 'coffer keyfile 7\n');
    await expect(listKeyfiles(directory)).rejects.toMatchObject({ code: 'store_unusable' });
  });
});

describe('the keyfile seal', () => {
  it('says whose a keyfile of another store is', async () => {
    const path = join(directory, 'k.keyfile');
    await createKeyfile(path, content);
    const seal = new KeyfileSeal({ path, random: systemRandom });
    const place = { storeId: otherStoreId, slotId: storeId };
    const refusal = { code: 'wrong_key', message: expect.stringMatching(`${storeId}.*${otherStoreId}`) };
    await expect(seal.wrap(systemRandom.bytes(32), place)).rejects.toMatchObject(refusal);
    await expect(seal.unwrap({ wrapped: '', check: '' }, place)).rejects.toMatchObject(refusal);
  });

  it('is tried at start, and passes on what is wrong with its file', async () => {
    const seal = new KeyfileSeal({ path: join(directory, 'none'), random: systemRandom });
    expect(seal.automatic).toBe(true);
    const attempt = seal.unwrap({ wrapped: '', check: '' }, { storeId, slotId: storeId });
    await expect(attempt).rejects.toMatchObject({ code: 'not_found' });
  });
});
