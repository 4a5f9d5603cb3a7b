/** The real server on a disk that is really full: a tmpfs, which only root may mount. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rootTokenOf } from './kill-rounds.ts';
import { cleanUp, cli, freshPlace, type Place, type ServerProcess, startServer } from './server-process.ts';
import { openWire, type Wire, type WireAnswer } from './wire.ts';

const mebibyte = 1024 * 1024;
const disk = mkdtempSync(join(tmpdir(), 'coffer-full-disk-'));
const mounted = mount();

function mount(): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m,mode=700', 'tmpfs', disk], { stdio: 'ignore' });
    return true;
  } catch {
    rmSync(disk, { recursive: true });
    return false;
  }
}

afterAll(async () => {
  await cleanUp();
  if (!mounted) return;
  execFileSync('umount', ['-l', disk]);
  rmSync(disk, { recursive: true });
});

/** `store`: the store alone lies on the disk that fills. `all`: the whole data directory does. */
type Where = 'all' | 'store';

// On a person's machine it may be passed over; in CI nothing is.
describe.skipIf(!mounted && process.env['CI'] !== 'true').each(['all', 'store'] as const)(
  'threat 15: a full disk below %s (needs the right to mount a tmpfs)',
  (where: Where) => {
    const ballast = join(disk, 'ballast');
    let place: Place;
    let data: string;
    let server: ServerProcess;
    let wire: Wire;

    beforeEach(async () => {
      place = freshPlace();
      data = where === 'all' ? join(disk, 'data') : place.data;
      if (where === 'store') {
        // The store on a volume of its own.
        mkdirSync(join(disk, 'store'), { mode: 0o700 });
        mkdirSync(data, { recursive: true, mode: 0o700 });
        execFileSync('mount', ['--bind', join(disk, 'store'), makeDirectory(join(data, 'store'))]);
      }
      server = await start('--init');
      wire = openWire(server.address, rootTokenOf(place));
    });
    afterEach(async () => {
      wire.close();
      await server.kill();
      if (where === 'store') execFileSync('umount', ['-l', join(data, 'store')]);
      for (const name of ['data', 'store', 'ballast'])
        rmSync(join(disk, name), { recursive: true, force: true });
    });

    const start = (...words: readonly string[]) => startServer(place, { words: ['--data', data, ...words] });
    const codeOf = ({ headers }: WireAnswer) => headers['x-coffer-error'];
    const put = (name: string, bytes: number) =>
      wire.ask('PUT', `secret/data/${name}`, { body: { data: { value: 'x'.repeat(bytes) } } });
    const made = async () =>
      String(
        (
          (await wire.ask('POST', 'auth/token/create', { body: { policies: ['default'] } })).json['auth'] as {
            client_token: string;
          }
        ).client_token,
      );

    /** Writes until the server takes no more; the names of what it acknowledged. */
    async function fill(): Promise<readonly string[]> {
      const taken: string[] = [];
      for (let count = 0; count < 2_000; count++) {
        const answer = await put(`filler/${count}`, 200_000);
        if (answer.status !== 200) return taken;
        taken.push(`filler/${count}`);
      }
      throw new Error('the disk does not fill');
    }

    /** Asks until the answer is so: a refusal lets what is done in the background go on. */
    async function until(ask: () => Promise<WireAnswer>, status: number): Promise<WireAnswer> {
      let last = '';
      for (let attempt = 0; attempt < 20_000; attempt++) {
        const answer = await ask();
        if (answer.status === status) return answer;
        last = `${answer.status} ${answer.text}`;
      }
      throw new Error(`no ${status}, but ${last}\n${server.stderr}`);
    }

    /** Once more, since the first to meet a full audit log is refused whatever it asks. */
    const urgent = (method: string, path: string, body?: Record<string, string>) =>
      until(() => wire.ask(method, path, body === undefined ? {} : { body }), 204);

    it('stops what is ordinary with 507, lets revoke and delete go on, keeps what it acknowledged, and recovers', async () => {
      writeFileSync(ballast, Buffer.alloc(20 * mebibyte, 1));
      const tokens = [await made(), await made()];
      await put('kept', 100);
      const taken = await fill();
      expect(taken.length).toBeGreaterThan(20);
      await until(() => put('one-more', 10), 507);
      expect(codeOf(await put('one-more', 10))).toBe('storage_full');
      for (const [method, path] of [
        ['POST', 'auth/token/create'],
        ['POST', 'sys/rotate'],
        ['PUT', 'sys/policies/acl/p'],
        ['POST', 'sys/mounts/other'],
        ['PUT', 'cubbyhole/x'],
      ] as const) {
        const answer = await wire.ask(method, path, { body: { policy: '', type: 'kv' } });
        expect([path, answer.status, codeOf(answer)]).toEqual([path, 507, 'storage_full']);
      }
      if (where === 'store') expect((await wire.ask('GET', 'secret/data/kept')).status).toBe(200);
      for (const token of tokens) await urgent('POST', 'auth/token/revoke', { token });
      await urgent('DELETE', 'secret/data/kept');
      await urgent('DELETE', `secret/metadata/${taken[0]}`);

      await server.kill();
      server = await start();
      wire.close();
      wire = openWire(server.address, rootTokenOf(place));
      for (const token of tokens) {
        const answer = await wire.ask('GET', 'auth/token/lookup-self', { token });
        expect(answer.status).toBe(403);
      }
      rmSync(ballast);
      await until(() => put('after', 100_000), 200);
      for (const token of tokens)
        expect((await wire.ask('GET', 'auth/token/lookup-self', { token })).status).toBe(403);
      for (const name of taken.slice(1)) {
        const { json } = await wire.ask('GET', `secret/data/${name}`);
        expect(JSON.stringify(json)).toContain('x'.repeat(200_000));
      }
      expect((await wire.ask('GET', `secret/data/${taken[0]}`)).status).toBe(404);
      expect((await server.stop()).code).toBe(0);
      const verified = await cli(place, ['audit', 'verify', '--data', data]);
      expect(verified.stdout + verified.stderr).not.toMatch(/damaged/i);
    });

    it('seals on a full disk that something else filled, and says so to nobody but those who ask to write', async () => {
      expect(() => writeFileSync(ballast, Buffer.alloc(64 * mebibyte, 1))).toThrow('ENOSPC');
      // What is kept is used by the store alone, until it has to take up more.
      await fill();
      await until(() => put('one-more', 10), 507);
      await urgent('PUT', 'sys/seal');
      expect((await wire.ask('GET', 'sys/seal-status')).json['sealed']).toBe(true);
    });
  },
);

function makeDirectory(path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return path;
}
