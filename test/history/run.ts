/**
 * A run: clients ask several servers over one store for secrets and tokens while these are killed and paused; then everything is read
 * once more by everybody, and what each client saw is checked, key by key.
 */
import { expect } from 'vitest';
import type { ServerProcess } from '../e2e/server-process.ts';
import { generator } from '../fault/storage-fault.ts';
import { Cluster } from './cluster.ts';
import { EventClock } from './recorder.ts';
import { type Client, Counts, SecretUnderTest, TokenUnderTest } from './workload.ts';

export interface HistoryRun {
  readonly seed: number;
  readonly nodes: number;
  readonly clients: number;
  /** Operations of known and unknown outcome together, at least. */
  readonly operations: number;
  /** Operations between two faults, on average. */
  readonly calm: number;
  readonly start: (node: number) => Promise<ServerProcess>;
  /** Known once the first server runs. */
  readonly rootToken: () => string;
}

const secretsAtOnce = 6;
const tokensAtOnce = 6;
/** Operations on one thing before another takes its place. */
const secretLife = 500;
const tokenLife = 24;

/** Resolves when nothing was wrong; the servers have stopped then. */
export async function runHistory(options: HistoryRun): Promise<Counts> {
  const { seed, nodes, start } = options;
  process.stderr.write(`histories of ${nodes} servers from seed ${seed}\n`);
  const cluster = await Cluster.start({ nodes, start, random: generator(seed) });
  const work = new Work(options, cluster);
  await work.prepare();
  await work.run();
  await cluster.settled();
  await work.readEverything();
  expect(work.problems(), `seed ${seed}`).toEqual([]);
  expect(await cluster.stop()).toEqual(Array.from({ length: nodes }, () => 0));
  const { kills, pauses, hangUps } = cluster;
  process.stderr.write(
    `${work.counts.total} operations (${work.counts}), ${kills} kills, ${pauses} pauses, ${hangUps} hang-ups\n`,
  );
  // Nothing was shown by a run in which nothing happened.
  expect(Math.min(kills, pauses)).toBeGreaterThan(0);
  for (const kind of ['written', 'mismatch', 'found', 'done', 'refused'])
    expect(work.counts.of(kind), kind).toBeGreaterThan(0);
  return work.counts;
}

class Work {
  readonly counts = new Counts();
  readonly #options: HistoryRun;
  readonly #cluster: Cluster;
  readonly #clock = new EventClock();
  readonly #secrets: SecretUnderTest[] = [];
  readonly #tokens: TokenUnderTest[] = [];
  #asked = 0;
  #made = 0;
  #nextFault = 0;
  readonly #faults: () => number;

  constructor(options: HistoryRun, cluster: Cluster) {
    this.#options = options;
    this.#cluster = cluster;
    this.#faults = generator(options.seed + 1);
  }

  async prepare(): Promise<void> {
    const [client] = this.#clients(1);
    if (client === undefined) return;
    const token = client.rootToken;
    const policy =
      'path "secret/*" { capabilities = ["read"] }\npath "auth/token/create" { capabilities = ["update"] }';
    await this.#cluster.use(client.random, async (wire) => {
      expect((await wire.ask('PUT', 'sys/policies/acl/history', { token, body: { policy } })).status).toBe(
        204,
      );
      const body = { data: { word: 'for tokens' } };
      expect((await wire.ask('POST', 'secret/data/read-by-tokens', { token, body })).status).toBe(200);
    });
  }

  async run(): Promise<void> {
    const { operations, clients } = this.#options;
    const lanes = this.#clients(clients).map(async (client) => {
      while (this.#asked < operations) {
        this.#strikeWhenDue();
        await this.#step(client, this.#asked++);
      }
    });
    await Promise.all(lanes);
  }

  /** Each client reads a part, through whichever server: what one was told all have to see. */
  async readEverything(): Promise<void> {
    const lanes = this.#clients(this.#options.clients);
    const queue = [
      ...this.#secrets.map((secret) => (client: Client) => secret.readAll(client)),
      ...this.#tokens.map((token) => (client: Client) => token.ask(client, { kind: 'use' })),
    ];
    await Promise.all(
      lanes.map(async (client) => {
        for (let read = queue.pop(); read !== undefined; read = queue.pop()) await read(client);
      }),
    );
  }

  problems(): readonly string[] {
    return [...this.#secrets, ...this.#tokens].flatMap(({ history }) => history.problem() ?? []);
  }

  #clients(count: number): readonly Client[] {
    const { seed, rootToken } = this.#options;
    return Array.from({ length: count }, (_, number) => ({
      number,
      cluster: this.#cluster,
      random: generator(seed + 1_000 + number),
      rootToken: rootToken(),
    }));
  }

  /** Half of the operations go to secrets, half to tokens; a thing gives way to the next after its time. */
  async #step(client: Client, count: number): Promise<void> {
    if (count % 2 === 0) {
      const at = Math.floor(count / 2 / (secretLife * secretsAtOnce)) * secretsAtOnce;
      return this.#secret(at + Math.floor(client.random() * secretsAtOnce)).step(client);
    }
    const first = Math.floor(count / 2 / tokenLife);
    const wanted = first + Math.floor(client.random() * tokensAtOnce);
    const token = this.#tokens[wanted] ?? (await this.#makeToken(client));
    await token?.step(client);
  }

  #secret(index: number): SecretUnderTest {
    for (let made = this.#secrets.length; made <= index; made++) {
      this.#secrets.push(new SecretUnderTest(`history/${made}`, this.#clock, this.counts));
    }
    const secret = this.#secrets[index];
    if (secret === undefined) throw new Error('a secret was just made');
    return secret;
  }

  async #makeToken(client: Client): Promise<TokenUnderTest | undefined> {
    const token = await TokenUnderTest.make(client, `token ${this.#made++}`, this.#clock, this.counts);
    if (token !== undefined) this.#tokens.push(token);
    return token;
  }

  #strikeWhenDue(): void {
    if (this.#asked < this.#nextFault) return;
    if (this.#nextFault > 0) this.#cluster.strike();
    this.#nextFault = this.#asked + Math.ceil((0.5 + this.#faults()) * this.#options.calm);
  }
}
