/** On a real file system that is really full: a tmpfs of a few hundred KiB, which only root may mount. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { readAnchors } from './anchor.ts';
import { makePlace, type Place } from './audit.fixture.ts';
import type { OpenAuditLog } from './log.ts';
import { verifyAudit } from './verify.ts';

const root = mkdtempSync(join(tmpdir(), 'coffer-audit-full-'));
const mounted = mount();

function mount(): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k,mode=700', 'tmpfs', root], { stdio: 'ignore' });
    return true;
  } catch {
    rmSync(root, { recursive: true });
    return false;
  }
}

// On a person's machine it may be passed over; in CI nothing is.
describe.skipIf(!mounted && process.env['CI'] !== 'true')(
  'a full disk (needs the right to mount a tmpfs)',
  () => {
    let place: Place;
    afterAll(() => {
      execFileSync('umount', ['-l', root]);
      rmSync(root, { recursive: true });
    });
    beforeEach(() => {
      for (const name of readdirSync(root)) rmSync(join(root, name), { recursive: true });
      place = makePlace(root);
    });

    const line = (id: number, operation: string) =>
      ({ type: 'request', request_id: `r-${id}`, operation, filler: 'x'.repeat(2000) }) as const;
    const isUrgent = (entry: { readonly [name: string]: unknown }) => entry['operation'] === 'delete';
    const outcome = (appended: Promise<void>) =>
      appended.then(
        () => 'kept',
        (error: { readonly code: string }) => error.code,
      );

    /** Appends until the log takes no more; returns how many lines it took. */
    async function fill(log: OpenAuditLog, operation: string): Promise<number> {
      for (let id = 0; id < 1000; id++) {
        if ((await outcome(log.append(line(id, operation), 'disk'))) !== 'kept') return id;
      }
      throw new Error('the disk does not fill');
    }

    /** Repeats until it is taken: a refusal lets file operations under way go on. */
    async function soon(log: OpenAuditLog, operation: string): Promise<void> {
      for (let attempt = 0; attempt < 10_000; attempt++) {
        if ((await outcome(log.append(line(attempt, operation), 'disk'))) === 'kept') return;
        await new Promise(setImmediate);
      }
      throw new Error('nothing is taken any more');
    }

    const verified = async () =>
      verifyAudit({ directory: place.directory, anchors: await readAnchors(place.store) });

    it('refuses what it cannot keep, keeps revocations going from the reserve, and recovers', async () => {
      const ballast = join(root, 'ballast');
      writeFileSync(ballast, Buffer.alloc(200 * 1024));
      const log = await place.open({ reserveBytes: 128 * 1024, isUrgent });
      expect(await fill(log, 'read')).toBeGreaterThan(10);
      expect(place.failures.map(({ code }) => code)).toEqual(['storage_full']);
      await soon(log, 'delete');
      expect(existsSync(join(place.directory, 'reserve'))).toBe(false);
      expect(await outcome(log.append(line(1, 'read'), 'disk'))).toBe('storage_full');
      expect(await outcome(log.append(line(2, 'delete'), 'disk'))).toBe('kept');
      rmSync(ballast);
      place.clock.advance(1000);
      await soon(log, 'read');
      expect(statSync(join(place.directory, 'reserve')).size).toBe(128 * 1024);
      expect(place.failures).toHaveLength(1);
      await log.close();
      expect(await verified()).toMatchObject({ intact: true });
    });

    it('refuses even urgent lines when the reserve is spent too, and loses none that it took', async () => {
      const log = await place.open({ reserveBytes: 64 * 1024, isUrgent });
      let kept = await fill(log, 'read');
      await soon(log, 'delete');
      kept += 1 + (await fill(log, 'delete'));
      await log.close().catch(() => {});
      const report = await verified();
      expect(report.intact).toBe(true);
      const [chain] = report.chains;
      // Headers and closing lines come on top of what was appended.
      expect(chain?.lines).toBeGreaterThan(kept);
    });

    it('starts on a full disk for urgent lines alone', async () => {
      writeFileSync(join(root, 'ballast'), Buffer.alloc(480 * 1024));
      const log = await place.open({ reserveBytes: 128 * 1024, isUrgent });
      expect(await outcome(log.append(line(1, 'read'), 'kernel'))).toBe('storage_full');
      expect(await outcome(log.append(line(1, 'delete'), 'disk'))).toBe('kept');
      await log.close();
      expect(await verified()).toMatchObject({ intact: true });
    });
  },
);
