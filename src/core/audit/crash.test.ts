import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readAnchor, readAnchors } from './anchor.ts';
import { deadProcess, livingProcess, makePlace, type Place, settled, TestBarrier } from './audit.fixture.ts';
import { currentProcess, isGone } from './process-identity.ts';
import { verifyAudit } from './verify.ts';

let place: Place;
beforeEach(() => {
  place = makePlace();
});
afterEach(() => place.remove());

const first = '000001.jsonl';

/** A chain whose process is no more: three lines anchored, two more in the file. */
async function crashed() {
  const log = await place.open({ process: deadProcess() });
  await log.append({ type: 'request', request_id: 'r-1' }, 'kernel');
  await log.append({ type: 'request', request_id: 'r-2' }, 'kernel');
  const before = place.store.commits;
  place.clock.advance(1000);
  await settled(() => place.store.commits > before);
  await log.append({ type: 'request', request_id: 'r-3' }, 'kernel');
  await log.append({ type: 'request', request_id: 'r-4' }, 'kernel');
  return { chainId: log.chainId, file: join(log.path, first), path: log.path };
}

const verified = async (store = place.store) =>
  verifyAudit({ directory: place.directory, anchors: await readAnchors(store) });

describe('the next start', () => {
  it('closes the chain of a process that is gone, and keeps a line of it', async () => {
    const { chainId } = await crashed();
    const log = await place.open({ process: livingProcess() });
    expect(log.findings).toMatchObject([{ chainId, kind: 'crashed', seq: 5 }]);
    const [, line] = readFileSync(join(log.path, first), 'utf8').split('\n');
    expect(JSON.parse(line ?? '')).toMatchObject({
      type: 'event',
      event: 'crashed chain closed',
      closed_chain_id: chainId,
      closed_seq: 5,
      intact: true,
    });
    const stored = await readAnchor(place.store, chainId);
    expect(stored?.anchor).toMatchObject({ closed: true, closedBy: log.chainId, seq: 5 });
    await log.close();
    const report = await verified();
    expect(report.intact).toBe(true);
    expect(report.chains.find((chain) => chain.chainId === chainId)).toMatchObject({
      state: 'crashed',
      lines: 5,
    });
    const again = await place.open({ process: livingProcess() });
    expect(again.findings).toEqual([]);
    await again.close();
  });

  it('recognises a torn last line, records it and leaves its bytes', async () => {
    const { chainId, file } = await crashed();
    const whole = statSync(file).size;
    truncateSync(file, whole - 10);
    const lastStart = readFileSync(file, 'utf8').lastIndexOf('\n') + 1;
    const log = await place.open({ process: livingProcess() });
    const torn = { segment: 1, offset: lastStart, bytes: whole - 10 - lastStart };
    expect(log.findings).toMatchObject([{ chainId, kind: 'crashed', seq: 4, torn }]);
    await log.close();
    expect(statSync(file).size).toBe(whole - 10);
    expect(await verified()).toMatchObject({ intact: true });
    appendFileSync(file, 'x');
    expect((await verified()).intact).toBe(false);
  });

  it.each([
    ['cut before the anchor', (file: string) => truncateSync(file, 450)],
    ['cut to nothing', (file: string) => truncateSync(file, 0)],
    ['without its segment', (file: string) => rmSync(file)],
    ['without its directory', (file: string) => rmSync(join(file, '..'), { recursive: true })],
  ])('says loudly that a chain is %s, and goes on saying so', async (_what, hand) => {
    const { chainId, file } = await crashed();
    hand(file);
    const log = await place.open({ process: livingProcess() });
    expect(log.findings).toMatchObject([{ chainId, kind: 'damaged', seq: 3, error: { code: 'integrity' } }]);
    const lines = readFileSync(join(log.path, first), 'utf8');
    expect(lines).toContain('"intact":false');
    await log.close();
    const damaged = (await verified()).chains.find((chain) => chain.chainId === chainId);
    expect(damaged?.problems.map(({ kind }) => kind)).toContainEqual(
      expect.stringMatching(/^(cut|chain-missing)$/),
    );
  });

  it('says that lines after the anchor do not hold', async () => {
    const { file } = await crashed();
    const bytes = readFileSync(file);
    bytes.write('q', bytes.indexOf('r-3'));
    rmSync(file);
    appendFileSync(file, bytes, { mode: 0o600 });
    const log = await place.open({ process: livingProcess() });
    expect(log.findings).toMatchObject([{ kind: 'damaged' }]);
    await log.close();
  });

  it('forgets a chain that never began', async () => {
    const { chainId, path } = await crashed();
    const stored = await readAnchor(place.store, chainId);
    if (!stored) throw new Error('no anchor');
    rmSync(path, { recursive: true });
    const key = `core/audit/chain/${chainId}` as never;
    const unbegun = { ...stored.anchor, seq: 0, head: '', segment: 0, bytes: 0 };
    await place.store.commit([{ key, value: Buffer.from(JSON.stringify(unbegun)) }]);
    const log = await place.open({ process: livingProcess() });
    await log.close();
    expect(await readAnchor(place.store, chainId)).toBeUndefined();
    expect(await verified()).toMatchObject({ intact: true });
  });

  it('leaves the chains of living processes and of other nodes alone', async () => {
    const living = await place.open({ process: livingProcess() });
    const elsewhere = await place.open({ process: { ...deadProcess(), node: 'there' } });
    const log = await place.open({ process: livingProcess() });
    expect(log.findings).toEqual([]);
    for (const open of [living, elsewhere, log]) await open.close();
  });

  it('a living process takes back a chain that was closed by mistake', async () => {
    const live = await place.open({ process: { ...livingProcess(), pidNamespace: 'pid:[1]' } });
    const other = await place.open({ process: livingProcess() });
    expect(other.findings).toMatchObject([{ chainId: live.chainId }]);
    await live.append({ type: 'event' }, 'kernel');
    const before = place.store.commits;
    place.clock.advance(1000);
    await settled(() => place.store.commits >= before + 2);
    expect(place.failures.map(({ code }) => code)).toEqual(['conflict']);
    const stored = await readAnchor(place.store, live.chainId);
    expect(stored?.anchor).toMatchObject({ closed: false, seq: 2 });
    await live.close();
    await other.close();
    expect(await verified()).toMatchObject({ intact: true });
  });
});

describe('whether a process is gone', () => {
  const self = currentProcess('here');
  it.each([
    ['itself', self, false],
    ['its pid with another start', { ...self, startTicks: '1' }, true],
    ['a pid that nobody has', { ...self, pid: 2 ** 30 }, true],
    ['its parent', { ...currentProcess('here'), pid: process.ppid }, true],
    ['one before the last boot', { ...self, bootId: 'earlier' }, true],
    ['one of a restarted container', { ...self, pidNamespace: 'pid:[1]' }, true],
    ['one of another node', { ...self, node: 'there', bootId: 'other', pid: 2 ** 30 }, false],
  ])('%s', (_what, other, gone) => {
    expect(isGone(other, self)).toBe(gone);
  });
});

describe('kill -9 at full speed', () => {
  let script: string;
  const bundle = makePlace();
  beforeAll(async () => {
    script = join(bundle.root, 'append-forever.mjs');
    await build({
      entryPoints: [join(import.meta.dirname, 'append-forever.fixture.ts')],
      outfile: script,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      logLevel: 'error',
    });
    return () => bundle.remove();
  });

  /** Kills the child once it has acknowledged so many lines; returns the last number it told. */
  async function killAfter(lines: number, storeFile: string): Promise<number> {
    const child = spawn(process.execPath, [script, place.directory, storeFile], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    // Its output ends a moment before the process does.
    const ended = once(child, 'exit');
    let told = '';
    for await (const chunk of child.stdout) {
      told += String(chunk);
      if (Number(told.trimEnd().split('\n').at(-1)) >= lines) child.kill('SIGKILL');
    }
    await ended;
    return Number(told.slice(0, told.lastIndexOf('\n')).split('\n').at(-1));
  }

  it('loses no acknowledged line, and leaves a chain that verifies', async () => {
    const storeFile = join(place.root, 'store.json');
    for (const [round, lines] of [40, 900, 4000].entries()) {
      const acknowledged = await killAfter(lines, storeFile);
      expect(acknowledged).toBeGreaterThanOrEqual(lines);
      const store = new TestBarrier(storeFile);
      const log = await place.open({ store, process: livingProcess() });
      expect(log.findings).toMatchObject([{ kind: 'crashed' }]);
      await log.close();
      store.failure = undefined;
      const report = await verified(store);
      expect(report.intact).toBe(true);
      expect(report.chains).toHaveLength(2 * (round + 1));
      const chain = report.chains.find(({ chainId }) => chainId === log.findings[0]?.chainId);
      const path = join(place.directory, chain?.directory ?? '');
      const text = readdirSync(path).map((name) => readFileSync(join(path, name), 'utf8'));
      const kept = new Set(text.join('').match(/"request_id":"r-\d+"/g));
      for (let id = 1; id <= acknowledged; id++)
        expect(kept.has(`"request_id":"r-${id}"`), `r-${id}`).toBe(true);
    }
  });
});
