import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryHome } from './cli.fixture.ts';
import { InitFiles } from './init-files.ts';
import { writePrivateFile } from './private-file.ts';

const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

test('threat 26: a file is for its owner only, also where a laxer one was', () => {
  const path = join(temporaryHome(), 'key');
  writeFileSync(path, 'old', { mode: 0o644 });
  writePrivateFile(path, 'new');
  expect(readFileSync(path, 'utf8')).toBe('new');
  expect(mode(path)).toBe('600');
});

test('threat 12: a link is replaced, not followed', () => {
  const home = temporaryHome();
  writeFileSync(join(home, 'target'), 'old');
  symlinkSync(join(home, 'target'), join(home, 'link'));
  writePrivateFile(join(home, 'link'), 'new');
  expect(readFileSync(join(home, 'target'), 'utf8')).toBe('old');
  expect(lstatSync(join(home, 'link')).isFile()).toBe(true);
});

test('what cannot be written leaves nothing behind', () => {
  const home = temporaryHome();
  mkdirSync(join(home, 'folder'));
  expect(() => writePrivateFile(join(home, 'folder'), 'x')).toThrow('it is not a regular file');
  expect(() => writePrivateFile(join(home, 'missing', 'x'), 'x')).toThrow('no such file or directory');
  expect(readdirSync(home)).toEqual(['folder']);
});

test('the files of a new store exist before its shares do, and go when there are none', () => {
  const directory = join(temporaryHome(), 'keys');
  const files = new InitFiles(directory, 2);
  expect(readdirSync(directory).toSorted()).toEqual(['root-token', 'share-1', 'share-2']);
  expect(mode(directory)).toBe('700');
  files.discard();
  expect(() => statSync(directory)).toThrow();
});

test('threat 26: shares and root token are written for their owner only', () => {
  const directory = join(temporaryHome(), 'keys');
  new InitFiles(directory, 2).fill({ shares: ['a', 'b'], rootToken: 't' });
  expect(readdirSync(directory).map((name) => readFileSync(join(directory, name), 'utf8'))).toEqual([
    't\n',
    'a\n',
    'b\n',
  ]);
  expect(readdirSync(directory).map((name) => mode(join(directory, name)))).toEqual(['600', '600', '600']);
});

test('shares of another store are not overwritten', () => {
  const directory = join(temporaryHome(), 'keys');
  mkdirSync(directory);
  writeFileSync(join(directory, 'share-2'), 'precious');
  expect(() => new InitFiles(directory, 2)).toThrow(expect.objectContaining({ code: 'usage' }));
  expect(readdirSync(directory)).toEqual(['share-2']);
  expect(readFileSync(join(directory, 'share-2'), 'utf8')).toBe('precious');
});
