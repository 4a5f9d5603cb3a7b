import { existsSync, readFileSync } from 'node:fs';
import { afterAll, expect, it } from 'vitest';
import { rootTokenOf } from './kill-rounds.ts';
import { cleanUp, freshPlace, type ServerProcess, startServer } from './server-process.ts';
import { openWire } from './wire.ts';

afterAll(cleanUp);

/** Memory of its own that a process holds, in MiB; what it maps from files is the kernel's to give and take. */
function anonymousMemory({ pid }: ServerProcess): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

it('answers 2,000 requests of all kinds, and tells what memory that took', async (context) => {
  if (!existsSync('/proc/self/status')) context.skip('memory is told by /proc, which is Linux');
  const place = freshPlace();
  const server = await startServer(place, { words: ['--init'] });
  const wire = openWire(server.address, rootTokenOf(place));
  const before = anonymousMemory(server);
  const requests = 2_000;
  const kinds = [
    (step: number) =>
      wire.ask('PUT', `secret/data/m/${step}`, { body: { data: { value: 'x'.repeat(1_000) } } }),
    () => wire.ask('GET', 'secret/data/m/0'),
    () => wire.ask('LIST', 'secret/metadata/m'),
    () => wire.ask('GET', 'secret/data/m/0', { token: 'nobody' }),
    () => wire.ask('POST', 'auth/token/create', { body: { ttl: '1h' } }),
    () => wire.ask('GET', 'auth/token/lookup-self'),
  ] as const;
  await wire.ask('PUT', 'secret/data/m/0', { body: { data: { value: 'first' } } });
  const statuses = new Map<number, number>();
  let next = 0;
  const lane = async () => {
    while (next < requests) {
      const step = next++;
      const { status } = (await kinds[step % kinds.length]?.(step)) ?? { status: 0 };
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 16 }, lane));
  wire.close();
  const after = anonymousMemory(server);
  process.stderr.write(
    `RssAnon ${before.toFixed(1)} MiB after the start, ${after.toFixed(1)} MiB after ${requests} requests\n`,
  );
  expect([...statuses].sort()).toEqual([
    [200, requests - 333],
    [403, 333],
  ]);
  await server.stop();
});
