/** The fence among real processes: a holder that is stopped past its lock, and one that is killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { Barrier } from '../../src/barrier/barrier.ts';
import { DutyLock } from '../../src/core/duty/lock.ts';
import { systemRandom } from '../../src/crypto/random.ts';
import { openLmdbStorage } from '../../src/storage/lmdb/lmdb.ts';
import { parseStorageKey, type Storage } from '../../src/storage/storage.ts';
import { HandClock } from '../fakes/hand-clock.ts';

const storeId = '11111111-2222-4333-8444-555555555555';
const rootKey = Buffer.alloc(32, 5);
const work = parseStorageKey('core/work');

let bundle: string;
let directory: string;
let outside: string;
let storage: Storage;
let barrier: Barrier;
let clock: HandClock;
const holders: Holder[] = [];

/** Bundled below `node_modules`, so that it finds its packages. */
beforeAll(() => {
  const packages = dirname(dirname(dirname(createRequire(import.meta.url).resolve('lmdb'))));
  bundle = mkdtempSync(join(packages, '.coffer-fence-'));
  buildSync({
    entryPoints: [fileURLToPath(new URL('./holder.ts', import.meta.url))],
    outfile: join(bundle, 'holder.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['lmdb'],
  });
});
afterAll(() => rmSync(bundle, { recursive: true, force: true }));

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'coffer-fence-'));
  outside = join(directory, 'outside');
  writeFileSync(outside, '');
  storage = await openLmdbStorage({ path: join(directory, 'store'), create: true });
  clock = new HandClock();
  const random = systemRandom;
  const creation = Barrier.create({ storage, random, clock, rootKey: Buffer.from(rootKey), storeId });
  await storage.commit(creation.writes, creation.expectations);
  barrier = creation.barrier;
});
afterEach(async () => {
  for (const holder of holders.splice(0)) await holder.end();
  await storage.close();
  rmSync(directory, { recursive: true, force: true });
});

/** The other process, one line of answer for each line said to it. */
class Holder {
  readonly #child: ChildProcess;
  readonly #gone: Promise<void>;
  readonly #lines: string[] = [];
  #wake: () => void = () => undefined;

  constructor() {
    const words = [
      join(bundle, 'holder.mjs'),
      join(directory, 'store'),
      rootKey.toString('hex'),
      storeId,
      outside,
    ];
    this.#child = spawn(process.execPath, words, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#gone = new Promise((resolve) => this.#child.once('exit', () => resolve()));
    if (this.#child.stdout === null) throw new Error('no output');
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.#lines.push(line);
      this.#wake();
    });
  }

  say(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  async answer(): Promise<string> {
    while (this.#lines.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#lines.shift() ?? '';
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#gone;
  }
}

async function startHolder(): Promise<Holder> {
  const holder = new Holder();
  holders.push(holder);
  expect(await holder.answer()).toBe('holds');
  return holder;
}

it('threat 18: a process stopped past its lock is refused when it wakes, at the store and outside', async () => {
  const holder = await startHolder();
  holder.say('at work');
  expect(await holder.answer()).toBe('outside done, store done');
  holder.signal('SIGSTOP');
  const successor = new DutyLock(barrier, clock, 'test', 'successor');
  // It is there yet, as far as anybody can tell.
  expect(await successor.acquire()).toBeUndefined();
  clock.jump(29.999);
  expect(await successor.acquire()).toBeUndefined();
  clock.jump(0.001);
  const lock = await successor.acquire();
  expect(lock?.fence).toBe(2);
  await lock?.outside(async () => writeFileSync(outside, 'successor\n', { flag: 'a' }));
  await barrier.commit([{ key: work, value: Buffer.from('successor') }], lock && [lock.expectation()]);
  // What woke it up finds it in the belief that it holds the lock: by its own clock hardly any time has passed.
  holder.say('late');
  holder.signal('SIGCONT');
  expect(await holder.answer()).toBe('outside conflict, store conflict');
  expect(readFileSync(outside, 'utf8')).toBe('process: at work\nsuccessor\n');
  expect((await barrier.read(work))?.open().toString()).toBe('successor');
});

it('a process that was killed is not waited for on its own machine', async () => {
  const holder = await startHolder();
  const successor = new DutyLock(barrier, clock, 'test', 'successor');
  expect(await successor.acquire()).toBeUndefined();
  await holder.end();
  expect((await successor.acquire())?.fence).toBe(2);
});
