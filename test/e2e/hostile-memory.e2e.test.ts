/**
 * What callers without a token can make the server remember. Each request brings much that was never seen before: an address, a
 * token, a path, a name. What kept any of it for each request would be far beyond the ceiling at the end.
 */
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { rootTokenOf } from './kill-rounds.ts';
import { cleanUp, freshPlace, type ServerProcess, startServer } from './server-process.ts';
import { openWire, type Wire } from './wire.ts';

afterAll(cleanUp);

const warmUp = 2_000;
const requests = 12_000;
/** Of each: a token, a path, a name. */
const length = 4_000;
/** MiB. What a request brings is 8 KiB or more: remembered, they would be 94 MiB as text, and more as objects. */
const ceiling = 80;

/** Memory of its own that a process holds, in MiB. */
function anonymousMemory({ pid }: ServerProcess): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

const text = (step: number, kind: string) => `${kind}${step}-`.padEnd(length, `${kind}${step % 97}`);
/** An address of its own for each: as many IPv6 networks of 64 bits. */
const address = (step: number) => `2001:db8:${(step >> 8).toString(16)}:${(step & 255).toString(16)}::1`;

const kinds: readonly ((wire: Wire, step: number) => Promise<{ readonly status: number }>)[] = [
  (wire, step) => wire.ask('GET', `secret/data/${text(step, 'p')}`, from(step, text(step, 't'))),
  (wire, step) => wire.ask('PUT', `nowhere/${text(step, 'q')}`, { ...from(step, text(step, 'u')), body: {} }),
  (wire, step) =>
    wire.ask('POST', 'auth/approle/login', {
      ...from(step),
      body: { role_id: text(step, 'r'), secret_id: text(step, 's') },
    }),
  (wire, step) =>
    wire.ask('PUT', 'sys/wrapping/unwrap', { ...from(step), body: { token: text(step, 'x').repeat(2) } }),
  (wire, step) => wire.ask('LIST', `sys/${text(step, 'l')}`, from(step, text(step, 'v'))),
  (wire, step) =>
    wire.ask('GET', 'sys/health', {
      headers: { 'x-forwarded-for': address(step), 'x-filler': text(step, 'f').repeat(5) },
    }),
];

const logIn = (wire: Wire, step: number) =>
  wire.ask('POST', `auth/userpass/login/${text(step, 'n').slice(0, 500)}`, {
    ...from(step, text(step, 'h')),
    body: { password: text(step, 'w') },
  });

function from(step: number, token?: string) {
  return {
    headers: { 'x-forwarded-for': address(step) },
    ...(token === undefined ? {} : { token: token.replace(/[^a-z0-9-]/g, '') }),
  };
}

/** Announces much, sends some, and stays. */
async function halfBody(server: ServerProcess, step: number): Promise<Socket> {
  const { hostname, port } = new URL(server.address);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(
    `PUT /v1/secret/data/x HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: ${address(step)}\r\nContent-Length: 30000000\r\n\r\n`,
  );
  socket.write(Buffer.alloc(10_000, 'x'));
  return socket;
}

async function load(wire: Wire, first: number, count: number): Promise<ReadonlySet<number>> {
  const statuses = new Set<number>();
  let next = first;
  const lane = async () => {
    while (next < first + count) {
      const step = next++;
      // Passwords cost the server time on purpose: they are one kind among few, and seldom.
      const kind = step % 50 === 0 ? logIn : kinds[step % kinds.length];
      statuses.add((await kind?.(wire, step))?.status ?? 0);
    }
  };
  await Promise.all(Array.from({ length: 16 }, lane));
  return statuses;
}

it('threat 15: strangers with ever new addresses, tokens, paths, names and half bodies cannot make memory grow', async (context) => {
  if (!existsSync('/proc/self/status')) context.skip('memory is told by /proc, which is Linux');
  const place = freshPlace();
  const config = join(place.home, 'coffer.toml');
  writeFileSync(
    config,
    '[[listener]]\naddress = "127.0.0.1:0"\ntrusted_proxies = ["127.0.0.1"]\n[limits]\nrequests_per_second = 1000000\n',
    { mode: 0o600 },
  );
  const server = await startServer(place, { listen: [], words: ['--config', config, '--init'] });
  const wire = openWire(server.address);
  const root = openWire(server.address, rootTokenOf(place));
  for (const type of ['userpass', 'approle'])
    expect((await root.ask('POST', `sys/auth/${type}`, { body: { type } })).status).toBe(204);
  root.close();
  await load(wire, 0, warmUp);
  const before = anonymousMemory(server);
  const halves = await Promise.all(Array.from({ length: 300 }, (_, step) => halfBody(server, step)));
  const statuses = await load(wire, warmUp, requests);
  const after = anonymousMemory(server);
  process.stderr.write(
    `RssAnon ${before.toFixed(1)} MiB, ${after.toFixed(1)} MiB after ${requests} requests\n`,
  );
  expect([...statuses].every((status) => status >= 400 && status < 500)).toBe(true);
  expect(after - before).toBeLessThan(ceiling);
  for (const socket of halves) socket.destroy();
  wire.close();
  await server.stop();
});
