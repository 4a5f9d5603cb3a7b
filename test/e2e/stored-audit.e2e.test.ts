/** The real program with its audit log in the store: killed at any moment, it has every line of what it answered. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { rootTokenOf } from './kill-rounds.ts';
import { cleanUp, cli, freshPlace, type ServerProcess, startServer } from './server-process.ts';
import { openWire } from './wire.ts';

afterAll(cleanUp);

const env = { COFFER_AUDIT_LOG: 'store' };

/** Requests of 8 clients until the server is gone; answers the ids of those that were answered. */
async function work(server: ServerProcess, token: string, killAfter: number): Promise<readonly string[]> {
  const wire = openWire(server.address, token);
  const answered: string[] = [];
  let killed: Promise<unknown> | undefined;
  const client = async (name: number): Promise<void> => {
    for (let count = 0; killed === undefined; count++) {
      const path = `secret/data/client-${name}`;
      const writes = count % 2 === 0;
      const answer = await wire
        .ask(writes ? 'PUT' : 'GET', path, writes ? { body: { data: { count } } } : {})
        .catch(() => undefined);
      const id = answer?.json['request_id'];
      if (answer?.status === 200 && typeof id === 'string') answered.push(id);
      if (answered.length >= killAfter) killed ??= server.kill();
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, name) => client(name)));
  await killed;
  wire.close();
  return answered;
}

it('has both lines of every request that it answered, whenever it is killed, and its chains hold', async () => {
  const place = freshPlace();
  const answered: string[] = [];
  let token = '';
  const kills = [3, 40, 150];
  for (const [round, killAfter] of kills.entries()) {
    const server = await startServer(place, { words: round === 0 ? ['--init'] : [], env });
    token = rootTokenOf(place);
    answered.push(...(await work(server, token, killAfter)));
  }
  const server = await startServer(place, { env });
  expect(existsSync(join(place.data, 'audit'))).toBe(false);
  const verified = await cli(place, ['audit', 'verify']);
  expect(verified, verified.stdout + verified.stderr).toMatchObject({ code: 0 });
  expect(verified.stderr).toContain(`intact: ${kills.length + 1} chains`);
  expect(verified.stdout.match(/ {2}crashed$/gm)).toHaveLength(kills.length);
  const all = await cli(place, ['audit', 'tail', '-n', '10000', '--format', 'json']);
  const lines = all.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly type: string; readonly request_id?: string });
  for (const type of ['request', 'response']) {
    const kept = new Set(lines.filter((line) => line.type === type).map((line) => line.request_id));
    expect(answered.filter((id) => !kept.has(id))).toEqual([]);
  }
  const [one = ''] = answered;
  const shown = await cli(place, ['audit', 'show', one, '--format', 'json']);
  expect(JSON.parse(shown.stdout)).toMatchObject([{ type: 'request' }, { type: 'response' }]);
  expect(await cli(place, ['audit', 'show', 'no-such-request'])).toMatchObject({ code: 3 });
  expect(await server.stop()).toMatchObject({ code: 0 });
});
