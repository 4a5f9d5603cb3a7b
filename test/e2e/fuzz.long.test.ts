/**
 * A hundred thousand requests to the real program, over HTTP, made from its own OpenAPI document. `COFFER_TEST_SEED` sets the seed,
 * so that the same requests are made again; `COFFER_TEST_REQUESTS` how many.
 */
import { randomInt } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import {
  type FuzzRequest,
  type FuzzTarget,
  fuzzTargets,
  rawConnections,
  type TokenKind,
} from './fuzz-requests.ts';
import { rootTokenOf } from './kill-rounds.ts';
import { cleanUp, freshPlace, type ServerProcess, startServer } from './server-process.ts';
import { openWire, textAt, type Wire } from './wire.ts';

afterAll(cleanUp);

const seed = Number(process.env['COFFER_TEST_SEED'] ?? randomInt(2 ** 31));
const wanted = Number(process.env['COFFER_TEST_REQUESTS'] ?? 100_000);
/** Requests under way at once. */
const lanes = 48;
/** Requests of each operation in one round; rounds have fresh tokens. */
const perRound = 12;
/** MiB that the server's own memory may grow by in the second half. Its store, which grows too, is mapped from files. */
const mostGrowth = 64;

/** A success of these would end or change the run itself, not the server's soundness: only tokens without rights ask for them. */
const spared = (name: string): boolean =>
  /^POST \/sys\/(?:seal|step-down|quotas|config|loggers|rekey|generate-root|rotate|storage|migrat)|^DELETE \/sys\/(?:quotas|config)/.test(
    name,
  ) || name === 'POST /auth/token/revoke-self';

/** Memory of its own that the server holds, in MiB. */
function anonymousMemory({ pid }: ServerProcess): number | undefined {
  const file = `/proc/${pid}/status`;
  if (!existsSync(file)) return undefined;
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(file, 'utf8'))?.[1]) / 1024;
}

interface Setup {
  readonly server: ServerProcess;
  readonly wire: Wire;
  readonly root: string;
}

/** Something of every kind, so that requests have something to find. */
async function setUp(): Promise<Setup> {
  const place = freshPlace();
  const server = await startServer(place, { words: ['--init'] });
  const root = rootTokenOf(place);
  const wire = openWire(server.address, root);
  await wire.ask('POST', 'sys/auth/approle', { body: { type: 'approle' } });
  await wire.ask('POST', 'auth/approle/role/sample', { body: {} });
  for (const name of ['known', 'sample', 'sample/below']) {
    await wire.ask('PUT', `secret/data/${name}`, { body: { data: { value: 'known' } } });
  }
  return { server, wire, root };
}

async function freshTokens(wire: Wire): Promise<Readonly<Record<TokenKind, string | undefined>>> {
  const make = async (policies: readonly string[]) => {
    const { json } = await wire.ask('POST', 'auth/token/create', { body: { policies, ttl: '1h' } });
    return textAt(json, 'auth', 'client_token');
  };
  return {
    powerful: await make(['root']),
    weak: await make(['no-such-policy']),
    none: undefined,
    garbage: 'hvs.garbage-~!@#$%^&*()',
  };
}

/** The status; 0 where the server closed the connection without one, which it may do to a client that breaks the rules. */
function send(agent: Agent, address: URL, asked: FuzzRequest, token: string | undefined): Promise<number> {
  return new Promise((resolve) => {
    const { method, path, body } = asked;
    const headers = {
      ...(token === undefined ? {} : { 'x-vault-token': token }),
      ...asked.headers,
      ...(body === undefined ? {} : { 'content-length': String(body.length) }),
    };
    const message = httpRequest({
      agent,
      host: address.hostname,
      port: address.port,
      method,
      path: `/v1/${path}`,
      headers,
    });
    message.on('response', (response) => {
      response.on('error', () => resolve(0));
      response.on('data', () => undefined);
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    message.on('upgrade', (_response, socket) => socket.destroy());
    message.on('error', () => resolve(0));
    message.end(body);
  });
}

/** All that comes back on a connection that sends these bytes and is then done. */
function sendRaw(address: URL, bytes: Buffer): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(Number(address.port), address.hostname, () => socket.end(bytes));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });
}

/**
 * Whether the server is at fault; also where it never heard of a request that was sent whole (408). Health answers the status that it
 * is asked to answer.
 */
function isFault({ path }: FuzzRequest, status: number): boolean {
  return (status >= 500 || status === 408) && !path.startsWith('sys/health');
}

function shown({ method, path, token, headers, body }: FuzzRequest, status: number): string {
  const text = body === undefined ? '' : ` ${JSON.stringify(body.toString('latin1').slice(0, 300))}`;
  return `${status} ${method} ${path} as ${token} ${JSON.stringify(headers).slice(0, 300)}${text}`;
}

class Fuzzer {
  readonly statuses = new Map<number, number>();
  readonly faults: string[] = [];
  readonly #agent = new Agent({ keepAlive: true, maxSockets: lanes });
  readonly #address: URL;
  readonly #wire: Wire;

  constructor(address: string, wire: Wire) {
    this.#address = new URL(address);
    this.#wire = wire;
  }

  get count(): number {
    return [...this.statuses.values()].reduce((sum, one) => sum + one, 0);
  }

  async round(targets: readonly FuzzTarget[], number: number): Promise<void> {
    const tokens = await freshTokens(this.#wire);
    // Operations by turns, so that what they do to each other differs from round to round.
    const lists = targets.map((target, index) =>
      fc.sample(target.requests, { seed: seed + number * targets.length + index, numRuns: perRound }),
    );
    const queue = Array.from({ length: perRound }, (_, turn) =>
      lists.flatMap((list) => list[turn] ?? []),
    ).flat();
    const lane = async () => {
      for (let asked = queue.pop(); asked !== undefined; asked = queue.pop()) {
        const status = await send(this.#agent, this.#address, asked, tokens[asked.token]);
        this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
        if (isFault(asked, status)) this.faults.push(shown(asked, status));
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    for (const bytes of rawConnections(tokens.weak ?? '')) {
      const answer = await sendRaw(this.#address, bytes);
      if (/^HTTP\/1\.1 5/m.test(answer))
        this.faults.push(`${answer.slice(0, 200)} to ${bytes.toString('latin1', 0, 200)}`);
    }
    await this.#readKnown();
  }

  async #readKnown(): Promise<void> {
    const { status, json } = await this.#wire.ask('GET', 'secret/data/known');
    expect([status, textAt(json, 'data', 'data', 'value')]).toEqual([200, 'known']);
  }

  close(): void {
    this.#agent.destroy();
  }
}

it(`threat 15: ${wanted} requests of all kinds cause no fault, no crash and no growth`, {
  timeout: 1_800_000,
}, async () => {
  process.stderr.write(`fuzz: COFFER_TEST_SEED=${seed}\n`);
  const { server, wire } = await setUp();
  const described = await wire.ask('GET', 'sys/internal/specs/openapi');
  const targets = fuzzTargets(described.json, spared);
  expect(targets.length).toBeGreaterThan(60);
  const fuzzer = new Fuzzer(server.address, wire);
  let middle: number | undefined;
  for (let round = 0; fuzzer.count < wanted; round++) {
    await fuzzer.round(targets, round);
    expect(fuzzer.faults, `seed ${seed}, round ${round}`).toEqual([]);
    if (middle === undefined && fuzzer.count >= wanted / 2) middle = anonymousMemory(server);
  }
  const end = anonymousMemory(server);
  fuzzer.close();
  wire.close();
  const statuses = [...fuzzer.statuses].sort(([a], [b]) => a - b);
  process.stderr.write(`fuzz: statuses ${JSON.stringify(statuses)}\n`);
  process.stderr.write(
    `fuzz: RssAnon ${middle?.toFixed(1)} MiB in the middle, ${end?.toFixed(1)} MiB at the end\n`,
  );
  // Requests that get nowhere would prove nothing.
  expect(fuzzer.statuses.get(200) ?? 0).toBeGreaterThan(wanted / 20);
  expect(fuzzer.statuses.get(0) ?? 0).toBeLessThan(wanted / 20);
  if (middle !== undefined && end !== undefined) expect(end - middle).toBeLessThan(mostGrowth);
  const { code, stderr } = await server.stop();
  expect([code, stderr.includes('unhandled')]).toEqual([0, false]);
});
