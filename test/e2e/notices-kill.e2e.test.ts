/**
 * Notices of a real server: what was acknowledged is told by the next one where the first died by `kill -9`, a program of the
 * configuration is run, and what has to be told first does not happen where nobody can be told.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';
import { rootTokenOf } from './kill-rounds.ts';
import { cleanUp, freshPlace, type ServerProcess, startServer } from './server-process.ts';
import { openWire, textAt, type Wire } from './wire.ts';

const tokens = 40;

let receiver: Server;
/** Accessors of root tokens that were told of, and how often. */
let told: Map<string, number>;
/** Whether it answers at all. */
let answers: (count: number) => boolean;

beforeEach(async () => {
  told = new Map();
  let count = 0;
  receiver = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      count += 1;
      if (!answers(count)) return;
      const { fields } = JSON.parse(Buffer.concat(chunks).toString()) as { fields: Record<string, string> };
      const accessor = fields['token_accessor'] ?? '';
      told.set(accessor, (told.get(accessor) ?? 0) + 1);
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => {
    receiver.listen(0, '127.0.0.1', resolve);
  });
});
afterEach(() => {
  receiver.closeAllConnections();
  receiver.close();
});
afterAll(cleanUp);

const url = () => `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;

async function addHook(wire: Wire): Promise<void> {
  const body = {
    type: 'webhook',
    kinds: ['token.root_created'],
    options: { url: url() },
    secret: 'a-secret-of-twenty-four-characters',
  };
  expect((await wire.ask('POST', 'sys/notifiers/hook', { body })).status).toBe(204);
}

/** Lets the server have its turn until it has come to that. */
async function until(server: ServerProcess, what: () => boolean): Promise<void> {
  const wire = openWire(server.address);
  for (let asked = 0; asked < 200_000 && !what(); asked++) await wire.ask('GET', 'sys/health');
  wire.close();
  expect(what()).toBe(true);
}

it('threat 18: what was acknowledged is told at least once, whenever the server was killed', async () => {
  const place = freshPlace();
  // It takes a few, and then says nothing: the server dies while it waits.
  answers = (count) => count % 7 === 3;
  const first = await startServer(place, { words: ['--init'] });
  const wire = openWire(first.address, rootTokenOf(place));
  await addHook(wire);
  const made: string[] = [];
  for (let at = 0; at < tokens; at++) {
    const answer = await wire.ask('POST', 'auth/token/create', { body: { policies: ['root'] } });
    made.push(textAt(answer.json, 'auth', 'accessor'));
  }
  await first.kill();
  wire.close();
  expect(told.size).toBeLessThan(tokens);
  answers = () => true;
  const second = await startServer(place);
  await until(second, () => made.every((accessor) => told.has(accessor)));
  expect([...told.keys()].filter((accessor) => !made.includes(accessor))).toEqual([]);
  await second.stop();
});

it('threat 19: a program is run that the configuration names, and none that a request does', async () => {
  const place = freshPlace();
  const folder = join(place.home, 'programs');
  mkdirSync(folder, { mode: 0o700 });
  const [program, out, config] = ['tell', 'told', 'coffer.toml'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(program, `#!/bin/sh\ncat >> ${out}\n`);
  chmodSync(program, 0o700);
  const text = `[[notifier]]\nname = "local"\ncommand = ["${program}"]\nkinds = ["token.*", "store.*"]\n`;
  writeFileSync(config, text);
  const server = await startServer(place, { words: ['--init', '--config', config] });
  const wire = openWire(server.address, rootTokenOf(place));
  const answer = await wire.ask('POST', 'auth/token/create', { body: { policies: ['root'] } });
  const toldOf = () => (existsSync(out) ? readFileSync(out, 'utf8') : '');
  await until(server, () => toldOf().includes(textAt(answer.json, 'auth', 'accessor')));
  await until(server, () => toldOf().includes('"opened":"keyfile"'));
  const body = { type: 'command', options: { command: '/bin/sh' } };
  expect((await wire.ask('POST', 'sys/notifiers/other', { body })).status).toBe(400);
  expect((await wire.ask('POST', 'sys/notifiers/local', { body })).status).toBe(400);
  wire.close();
  await server.stop();
  // A program that others may change is not even started with.
  chmodSync(program, 0o777);
  await expect(startServer(place, { words: ['--config', config] })).rejects.toThrow(/others may write/);
});
