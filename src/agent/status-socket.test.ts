import { linkSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemFiles } from './files.ts';
import { askStatus, type OpenSocket, openSocket } from './status-socket.ts';

let directory: string;
let path: string;
const open: OpenSocket[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'coffer-agent-'));
  path = join(directory, 'socket');
});
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Masks are the process's, and this one is a thread of it: what would be made is looked at by the real program's test. */
const masks: number[] = [];

async function start(mode = 0o600): Promise<void> {
  const withMask = (mask: number, action: () => void) => {
    masks.push(mask);
    action();
  };
  const shown = { describe: () => ({ outputs: [] }), applications: [] };
  open.push(
    await openSocket({ path, mode }, shown, { files: systemFiles, uid: process.getuid?.() ?? 0, withMask }),
  );
}

it('answers, and takes the place of one that a crash left', async () => {
  await start();
  expect(await askStatus(path)).toEqual({ outputs: [] });
  expect(masks.at(-1)).toBe(0o177);
  await open.pop()?.close();
  // As a process leaves it that was killed: the file is there, and nobody answers.
  const left = createServer();
  await new Promise<void>((resolve) => void left.listen(path, resolve));
  linkSync(path, `${path}.kept`);
  await new Promise((resolve) => void left.close(resolve));
  renameSync(`${path}.kept`, path);
  await expect(askStatus(path)).rejects.toMatchObject({ code: 'unavailable' });
  await start(0o660);
  expect(masks.at(-1)).toBe(0o117);
  expect(await askStatus(path)).toEqual({ outputs: [] });
});

it('is refused where somebody answers already, or something else is', async () => {
  await start();
  await expect(start()).rejects.toMatchObject({ code: 'conflict' });
  expect(await askStatus(path)).toEqual({ outputs: [] });
  path = join(directory, 'file');
  writeFileSync(path, '');
  await expect(start()).rejects.toMatchObject({ code: 'usage' });
});

it('says that nobody answers', async () => {
  await expect(askStatus(path)).rejects.toMatchObject({ code: 'unavailable' });
});
