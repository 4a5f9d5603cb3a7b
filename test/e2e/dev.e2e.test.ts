import { existsSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { cleanUp, cli, freshPlace, startServer } from './server-process.ts';
import { at, openWire } from './wire.ts';

afterAll(cleanUp);

const dev = (place = freshPlace(), ...words: string[]) => startServer(place, { words: ['--dev', ...words] });

describe('coffer server --dev', () => {
  it('prints key and token as other tools look for them, and serves kv version 2 at secret/', async () => {
    const place = freshPlace();
    const server = await dev(place);
    const key = /^Unseal Key: (\S+)$/m.exec(server.stdout)?.[1] ?? '';
    const token = /^Root Token: (\S+)$/m.exec(server.stdout)?.[1] ?? '';
    expect(Buffer.from(key, 'base64')).toHaveLength(32);
    const wire = openWire(server.address, token);
    const mounts = await wire.ask('GET', 'sys/mounts');
    expect(at(mounts.json, 'data', 'secret/')).toMatchObject({ type: 'kv', options: { version: '2' } });
    await wire.ask('PUT', 'secret/data/a', { body: { data: { b: 'c' } } });
    expect(at((await wire.ask('GET', 'secret/data/a')).json, 'data', 'data')).toEqual({ b: 'c' });
    await wire.ask('PUT', 'sys/seal');
    expect((await wire.ask('GET', 'secret/data/a')).status).toBe(503);
    expect((await wire.ask('PUT', 'sys/unseal', { body: { key } })).json).toMatchObject({ sealed: false });
    expect((await wire.ask('GET', 'secret/data/a')).status).toBe(200);
    wire.close();
    expect(await server.stop()).toMatchObject({ code: 0 });
    expect([existsSync(place.config), existsSync(place.data)]).toEqual([false, false]);
  });

  it('takes the root token it is told', async () => {
    const server = await dev(freshPlace(), '--dev-root-token-id', 'let-me-in');
    expect(server.stdout).toContain('Root Token: let-me-in\n');
    const wire = openWire(server.address, 'let-me-in');
    expect((await wire.ask('GET', 'auth/token/lookup-self')).json).toMatchObject({
      data: { policies: ['root'] },
    });
    expect((await wire.ask('GET', 'auth/token/lookup-self', { token: 'let-me-out' })).status).toBe(403);
    wire.close();
  });

  it('goes without what belongs to a store on disk', async () => {
    for (const words of [['--data', '/nowhere'], ['--init'], ['--keyfile', '/nowhere']]) {
      expect(await cli(freshPlace(), ['server', '--dev', ...words])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('--dev keeps everything in memory'),
      });
    }
  });
});
