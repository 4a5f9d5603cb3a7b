/**
 * Rounds of work that end with `kill -9`: 64 clients write at once, the server dies at a moment drawn from a seed, starts again
 * over what it left, and then everything it had acknowledged has to be there.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { generator } from '../fault/storage-fault.ts';
import { type Expected, SecretLedger } from './secret-ledger.ts';
import { cli, freshPlace, type Place, type ServerProcess, startServer } from './server-process.ts';
import { at, openWire, textAt, type Wire, type WireAnswer } from './wire.ts';

const clients = 64;
const counters = 4;
/** Acknowledged requests after which a round's server is killed, at most. */
const longestRound = 600;

export interface KillRounds {
  readonly rounds: number;
  readonly seed: number;
}

export async function killRounds({ rounds, seed }: KillRounds): Promise<void> {
  process.stderr.write(`kill -9: ${rounds} rounds from seed ${seed}\n`);
  const random = generator(seed);
  const place = freshPlace();
  let server = await startServer(place, { words: ['--init'] });
  const history = new History(rootTokenOf(place));
  await history.prepare(server.address);
  for (let round = 1; round <= rounds; round++) {
    const work = new Round(history, server, round, random);
    await work.run();
    // No help: the same command over the same place, whatever was left there.
    server = await startServer(place);
    // What earlier rounds left is read again now and then, and at the end.
    const thorough = round === rounds || round % 10 === 0;
    expect(await history.problems(server.address, thorough), `round ${round} of seed ${seed}`).toEqual([]);
    await verifyAudit(place, server, round);
  }
  await server.stop();
}

/** The chains of the killed servers were closed by those that came after; nothing in them is missing. */
async function verifyAudit(place: Place, server: ServerProcess, round: number): Promise<void> {
  const verified = await cli(place, ['audit', 'verify'], { env: { COFFER_ADDR: server.address } });
  expect(verified, verified.stdout + verified.stderr).toMatchObject({ code: 0 });
  expect(verified.stderr).toContain(`intact: ${round + 1} chains`);
}

export function rootTokenOf(place: Place): string {
  const file = readdirSync(place.config).find((name) => name.endsWith('.root-token')) ?? '';
  return readFileSync(join(place.config, file), 'utf8').trim();
}

/** What all rounds together know. */
class History {
  readonly ledger = new SecretLedger();
  readonly rootToken: string;
  /** Versions that were acknowledged, and the number each holds, for every counter. */
  readonly counted = Array.from({ length: counters }, () => new Map<number, string>());
  /** Tokens whose login was acknowledged since they were last looked at. */
  tokens: string[] = [];
  /** Names touched since they were last read. */
  touched = new Set<string>();
  roleId = '';
  secretId = '';

  constructor(rootToken: string) {
    this.rootToken = rootToken;
  }

  async prepare(address: string): Promise<void> {
    const wire = openWire(address, this.rootToken);
    await ok(wire.ask('POST', 'sys/auth/approle', { body: { type: 'approle' } }));
    await ok(
      wire.ask('POST', 'auth/approle/role/worker', { body: { token_policies: 'none', token_ttl: '1h' } }),
    );
    const role = await ok(wire.ask('GET', 'auth/approle/role/worker/role-id'));
    this.roleId = textAt(role.json, 'data', 'role_id');
    const secret = await ok(wire.ask('POST', 'auth/approle/role/worker/secret-id'));
    this.secretId = textAt(secret.json, 'data', 'secret_id');
    wire.close();
  }

  async problems(address: string, thorough: boolean): Promise<readonly string[]> {
    const wire = openWire(address, this.rootToken);
    const problems: string[] = [];
    const names = await listNames(wire, 'own');
    problems.push(
      ...this.ledger.certain.filter((name) => !names.has(name)).map((name) => `${name} is not listed`),
    );
    const known = new Set(this.ledger.names);
    problems.push(
      ...[...names].filter((name) => !known.has(name)).map((name) => `${name} came from nowhere`),
    );
    await inParallel([...(thorough ? known : this.touched)], async (name) => {
      const problem = this.ledger.settle(name, await newestOf(wire, name));
      if (problem !== undefined) problems.push(problem);
    });
    await inParallel(this.tokens, async (token) => {
      const { status } = await wire.ask('GET', 'auth/token/lookup-self', { token });
      if (status !== 200) problems.push(`a token that was handed out is answered ${status}`);
    });
    for (const [index, counted] of this.counted.entries())
      problems.push(...(await counterProblems(wire, index, counted)));
    wire.close();
    this.tokens = [];
    this.touched.clear();
    return problems;
  }
}

/** One server's work, from its start to its end. */
class Round {
  readonly #history: History;
  readonly #server: ServerProcess;
  readonly #wire: Wire;
  readonly #random: () => number;
  readonly #round: number;
  #acknowledged = 0;
  #killAt: number;
  #killed = false;

  constructor(history: History, server: ServerProcess, round: number, random: () => number) {
    this.#history = history;
    this.#server = server;
    this.#round = round;
    this.#random = random;
    this.#killAt = 1 + Math.floor(random() * longestRound);
    this.#wire = openWire(server.address, history.rootToken);
  }

  async run(): Promise<void> {
    await Promise.all(Array.from({ length: clients }, (_, client) => this.#work(client)));
    await this.#server.ended;
    this.#wire.close();
  }

  /** One client's requests, one after the other, until its server is gone. */
  async #work(client: number): Promise<void> {
    try {
      for (let step = 0; ; step++) {
        const task = (client + step) % 4;
        if (task === 0) await this.#count(Math.floor(this.#random() * counters));
        else if (task === 1) await this.#logIn();
        else await this.#writeOwn(client, step);
        this.#note();
      }
    } catch (error) {
      // Only a cut connection ends a client's work; a wrong answer ends the test.
      if (!this.#killed || !isCut(error)) throw error;
    }
  }

  #note(): void {
    this.#acknowledged += 1;
    if (this.#acknowledged < this.#killAt || this.#killed) return;
    this.#killed = true;
    this.#server.signal('SIGKILL');
  }

  /** A name of its own: written, sometimes written over, sometimes removed. */
  async #writeOwn(client: number, step: number): Promise<void> {
    const { ledger, touched } = this.#history;
    const name = `own/${this.#round}/${client}-${step}`;
    const write = (version: number) => {
      const value = `${name} ${version} ${Math.floor(this.#random() * 2 ** 32)}`;
      return ledger.change(name, { version, value }, async () => {
        const answer = await ok(this.#wire.ask('PUT', `secret/data/${name}`, { body: { data: { value } } }));
        expect(at(answer.json, 'data', 'version')).toBe(version);
      });
    };
    touched.add(name);
    await write(1);
    const drawn = this.#random();
    if (drawn < 0.3) await write(2);
    else if (drawn < 0.5) {
      await ledger.change(name, undefined, async () => {
        await ok(this.#wire.ask('DELETE', `secret/metadata/${name}`));
      });
    }
  }

  /** Adds one to a counter that all share, by check-and-set: who comes second is refused, and nobody's step is lost. */
  async #count(index: number): Promise<void> {
    const path = `secret/data/counter/${index}`;
    const found = await this.#wire.ask('GET', path);
    const version = Number(at(found.json, 'data', 'metadata', 'version') ?? 0);
    const before = Number(at(found.json, 'data', 'data', 'count') ?? 0);
    expect(before).toBe(version);
    const writer = `${this.#round}-${Math.floor(this.#random() * 2 ** 32)}`;
    const body = { options: { cas: version }, data: { count: before + 1, writer } };
    const answer = await this.#wire.ask('PUT', path, { body });
    if (answer.status === 400) {
      expect(answer.text).toContain('check-and-set parameter did not match');
      return;
    }
    expect(answer).toMatchObject({ status: 200 });
    const written = Number(at(answer.json, 'data', 'version'));
    expect(written).toBe(version + 1);
    expect(this.#history.counted[index]?.has(written), 'two were told that they wrote this version').toBe(
      false,
    );
    this.#history.counted[index]?.set(written, writer);
  }

  async #logIn(): Promise<void> {
    const { roleId, secretId, tokens } = this.#history;
    const answer = await ok(
      this.#wire.ask('POST', 'auth/approle/login', { body: { role_id: roleId, secret_id: secretId } }),
    );
    tokens.push(textAt(answer.json, 'auth', 'client_token'));
  }
}

/** Every version that was acknowledged and is still kept holds what was acknowledged, and the count is the number of steps. */
async function counterProblems(
  wire: Wire,
  index: number,
  counted: ReadonlyMap<number, string>,
): Promise<readonly string[]> {
  const path = `secret/data/counter/${index}`;
  const newest = await wire.ask('GET', path);
  if (newest.status === 404) return counted.size === 0 ? [] : [`counter ${index} is gone`];
  const current = Number(at(newest.json, 'data', 'metadata', 'version'));
  const last = Math.max(0, ...counted.keys());
  const problems: string[] = [];
  if (current < last) problems.push(`counter ${index} went back from ${last} to ${current}`);
  for (let version = Math.max(1, current - 9); version <= current; version++) {
    const { json } = await wire.ask('GET', `${path}?version=${version}`);
    const found = at(json, 'data', 'data', 'writer');
    const writer = counted.get(version);
    if (at(json, 'data', 'data', 'count') !== version || (writer !== undefined && writer !== found)) {
      problems.push(`version ${version} of counter ${index} is not what was acknowledged`);
    }
  }
  return problems;
}

async function newestOf(wire: Wire, name: string): Promise<Expected> {
  const { status, json } = await wire.ask('GET', `secret/data/${name}`);
  if (status === 404) return undefined;
  expect(status, name).toBe(200);
  return {
    version: Number(at(json, 'data', 'metadata', 'version')),
    value: textAt(json, 'data', 'data', 'value'),
  };
}

/** All names at and below `folder`. */
async function listNames(wire: Wire, folder: string): Promise<Set<string>> {
  const { json } = await wire.ask('LIST', `secret/metadata/${folder}`);
  const keys = at(json, 'data', 'keys');
  const names = new Set<string>();
  for (const key of Array.isArray(keys) ? keys : []) {
    const path = `${folder}/${String(key)}`;
    if (!path.endsWith('/')) names.add(path);
    else for (const name of await listNames(wire, path.slice(0, -1))) names.add(name);
  }
  return names;
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const lane = async () => {
    for (let item = queue.pop(); item !== undefined; item = queue.pop()) await work(item);
  };
  await Promise.all(Array.from({ length: 16 }, lane));
}

async function ok(asked: Promise<WireAnswer>): Promise<WireAnswer> {
  const answer = await asked;
  if (answer.status !== 200 && answer.status !== 204)
    throw new Error(`answered ${answer.status}: ${answer.text}`);
  return answer;
}

function isCut(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ECONNRESET' || code === 'ECONNREFUSED' || code === 'EPIPE';
}
