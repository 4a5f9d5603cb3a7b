/** What clients ask of secrets and tokens, and how an answer, or none, becomes part of a history. */
import type { JsonObject } from '../../src/json.ts';
import { at, textAt, type Wire, type WireAnswer } from '../e2e/wire.ts';
import type { Cluster } from './cluster.ts';
import {
  keptVersions,
  type SecretInput,
  type SecretOutput,
  type SecretState,
  secretModel,
  type TokenInput,
  type TokenOutput,
  type TokenState,
  tokenModel,
} from './models.ts';
import { type Call, type EventClock, KeyHistory } from './recorder.ts';

export type SecretHistory = KeyHistory<SecretState, SecretInput, SecretOutput>;
export type TokenHistory = KeyHistory<TokenState, TokenInput, TokenOutput>;

export interface Client {
  readonly number: number;
  readonly cluster: Cluster;
  readonly random: () => number;
  readonly rootToken: string;
}

/** Operations that answers were written down for, by what they came to; `unknown` for those that nobody answered. */
export class Counts {
  readonly #counts = new Map<string, number>();

  add(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  toString(): string {
    return [...this.#counts].map(([name, count]) => `${name} ${count}`).join(', ');
  }
}

/** One secret that many clients write and read. */
export class SecretUnderTest {
  readonly history: SecretHistory;
  readonly #path: string;
  readonly #counts: Counts;
  #values = 0;
  /** What some client saw last: what check-and-set goes by, often too old. */
  #seen = 0;

  constructor(name: string, clock: EventClock, counts: Counts) {
    this.history = new KeyHistory(name, secretModel, clock);
    this.#path = `secret/data/${name}`;
    this.#counts = counts;
  }

  step(client: Client): Promise<void> {
    const drawn = client.random();
    if (drawn < 0.35) return this.ask(client, { kind: 'read' });
    if (drawn < 0.5) {
      const back = Math.floor(client.random() * keptVersions);
      return this.ask(client, { kind: 'read', version: Math.max(1, this.#seen - back) });
    }
    this.#values += 1;
    const value = String(this.#values);
    return this.ask(client, { kind: 'write', value, ...(drawn < 0.85 ? { cas: this.#seen } : {}) });
  }

  ask(client: Client, input: SecretInput): Promise<void> {
    const call = this.history.call(client.number, input);
    return observed(client, call, this.#counts, (wire) => this.#send(wire, client.rootToken, input));
  }

  /** What everybody must agree on in the end: the newest version, and each that is kept. */
  async readAll(client: Client): Promise<void> {
    await this.ask(client, { kind: 'read' });
    for (let back = 0; back < keptVersions && this.#seen - back > 0; back++) {
      await this.ask(client, { kind: 'read', version: this.#seen - back });
    }
  }

  async #send(wire: Wire, token: string, input: SecretInput): Promise<SecretOutput | undefined> {
    if (input.kind === 'read') {
      const query = input.version === undefined ? '' : `?version=${input.version}`;
      return this.#read(await wire.ask('GET', `${this.#path}${query}`, { token }));
    }
    const options: JsonObject = input.cas === undefined ? {} : { options: { cas: input.cas } };
    const body = { ...options, data: { value: input.value } };
    const answer = await wire.ask('POST', this.#path, { token, body });
    if (answer.status === 400 && answer.text.includes('check-and-set parameter did not match')) {
      return { kind: 'mismatch' };
    }
    if (isUncertain(answer)) return undefined;
    if (answer.status !== 200) throw unexpected(answer);
    return { kind: 'written', version: this.#note(Number(at(answer.json, 'data', 'version'))) };
  }

  #read(answer: WireAnswer): SecretOutput | undefined {
    if (answer.status === 404) return { kind: 'absent' };
    if (isUncertain(answer)) return undefined;
    if (answer.status !== 200) throw unexpected(answer);
    const version = this.#note(Number(at(answer.json, 'data', 'metadata', 'version')));
    return { kind: 'found', version, value: textAt(answer.json, 'data', 'data', 'value') };
  }

  #note(version: number): number {
    this.#seen = Math.max(this.#seen, version);
    return version;
  }
}

/** One token of a few uses, a child of another; uses are spent by reading, and it ends by itself or with its parent. */
export class TokenUnderTest {
  readonly history: TokenHistory;
  readonly #token: string;
  readonly #parent: string;
  readonly #counts: Counts;

  private constructor(history: TokenHistory, token: string, parent: string, counts: Counts) {
    this.history = history;
    this.#token = token;
    this.#parent = parent;
    this.#counts = counts;
  }

  /** Undefined where it is not known whether it was made. */
  static async make(
    client: Client,
    name: string,
    clock: EventClock,
    counts: Counts,
  ): Promise<TokenUnderTest | undefined> {
    const uses = 1 + Math.floor(client.random() * 12);
    const create = async (by: string, body: JsonObject): Promise<string | undefined> => {
      const answer = await client.cluster
        .use(client.random, (wire) => wire.ask('POST', 'auth/token/create', { token: by, body }))
        .catch(onlyCut);
      if (answer === undefined || isUncertain(answer)) return undefined;
      if (answer.status !== 200) throw unexpected(answer);
      return textAt(answer.json, 'auth', 'client_token');
    };
    const parent = await create(client.rootToken, { policies: ['history'], ttl: '1h' });
    const token = parent && (await create(parent, { num_uses: uses, ttl: '1h' }));
    if (parent === undefined || token === undefined) return undefined;
    return new TokenUnderTest(new KeyHistory(name, tokenModel(uses), clock), token, parent, counts);
  }

  step(client: Client): Promise<void> {
    return this.ask(client, client.random() < 0.06 ? { kind: 'revoke' } : { kind: 'use' });
  }

  ask(client: Client, input: TokenInput): Promise<void> {
    const call = this.history.call(client.number, input);
    return observed(client, call, this.#counts, async (wire) => {
      const answer =
        input.kind === 'use'
          ? await wire.ask('GET', 'secret/data/read-by-tokens', { token: this.#token })
          : await wire.ask('POST', 'auth/token/revoke', {
              token: client.rootToken,
              body: { token: client.random() < 0.5 ? this.#parent : this.#token },
            });
      if (input.kind === 'use' && answer.status === 403) return { kind: 'refused' };
      if (isUncertain(answer)) return undefined;
      if (answer.status !== 200 && answer.status !== 204) throw unexpected(answer);
      return { kind: 'done' };
    });
  }
}

async function observed<O extends { readonly kind: string }>(
  { cluster, random }: Client,
  call: Call<O>,
  counts: Counts,
  send: (wire: Wire) => Promise<O | undefined>,
): Promise<void> {
  let output: O | undefined;
  try {
    output = await cluster.use(random, send);
  } catch (error) {
    onlyCut(error);
    // Nobody took the connection.
    if (hasCode(error, 'ECONNREFUSED')) return call.neverHappened();
  }
  if (output !== undefined) call.answered(output);
  counts.add(output?.kind ?? 'unknown');
}

/** Its outcome is not known: the server could not say what came of it. */
function isUncertain({ status }: WireAnswer): boolean {
  return status >= 500;
}

function unexpected({ status, text }: WireAnswer): Error {
  return new Error(`answered ${status}: ${text}`);
}

const cuts = ['ECONNRESET', 'ECONNREFUSED', 'EPIPE'] as const;

/** A connection that was cut is expected here; anything else is not. */
function onlyCut(error: unknown): undefined {
  if (cuts.some((code) => hasCode(error, code))) return undefined;
  throw error;
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
