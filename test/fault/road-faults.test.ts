/**
 * A store that fails at any one of a request's calls, before or after the call took effect: afterwards what is stored is as it
 * was before the request or as it should be after it, a success was told only of the latter, and the request can be made again.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { parseApiPath } from '../../src/core/path.ts';
import type { Operation, Request } from '../../src/core/request.ts';
import { encodeAnswer } from '../../src/http/encode.ts';
import type { JsonObject } from '../../src/json.ts';
import { type CofferNode, createNode } from '../../src/main/node.ts';
import { MemoryStorage } from '../../src/storage/memory/memory.ts';
import { type Fault, faultyStorage } from './storage-fault.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const rootToken = 'fault-root';

interface Reply {
  readonly status: number;
  readonly json: JsonObject;
}

/** A node over a store of its own that fails when `arm` says so. */
class FaultyNode {
  readonly #memory = new MemoryStorage();
  readonly #nodes: CofferNode[] = [];
  #key = '';
  #armed: { readonly at: number; readonly kind: 'before' | 'after' } | undefined;
  #calls = 0;

  async start(): Promise<this> {
    const storage = faultyStorage(this.#memory, () => this.#fault());
    const node = createNode({ storage, auditDirectory: undefined, seals: [], log: silent });
    const made = await node.state.initialize({ shares: 1, threshold: 1 }, rootToken, true);
    this.#key = made.shares[0]?.toString('base64') ?? '';
    await node.state.submitKey(this.#key);
    this.#nodes.push(node);
    return this;
  }

  /** From now on the `at`-th call to the store fails. */
  arm(at: number, kind: 'before' | 'after'): void {
    this.#calls = 0;
    this.#armed = { at, kind };
  }

  /** Says whether it came to the fault. */
  disarm(): boolean {
    const reached = this.#armed !== undefined && this.#calls >= this.#armed.at;
    this.#armed = undefined;
    return reached;
  }

  ask(step: Step, by = rootToken): Promise<Reply> {
    return send(this.#nodes[0], step, by);
  }

  /** What another node finds in the same store. */
  async askElsewhere(step: Step, by = rootToken): Promise<Reply> {
    const node =
      this.#nodes[1] ??
      createNode({ storage: this.#memory, auditDirectory: undefined, seals: [], log: silent });
    if (this.#nodes.length < 2) {
      await node.state.start();
      await node.state.submitKey(this.#key);
      this.#nodes.push(node);
    }
    return send(node, step, by);
  }

  async stop(): Promise<void> {
    for (const node of this.#nodes) await node.state.close();
  }

  #fault(): Fault | undefined {
    if (this.#armed === undefined) return undefined;
    this.#calls += 1;
    return this.#calls === this.#armed.at ? { kind: this.#armed.kind } : undefined;
  }
}

type Step = readonly [operation: Operation, path: string, data?: JsonObject];

async function send(
  node: CofferNode | undefined,
  [operation, path, data = {}]: Step,
  token: string,
): Promise<Reply> {
  if (node === undefined) throw new Error('start the node first');
  const request: Request = {
    id: '00000000-0000-4000-8000-000000000000',
    operation,
    path: parseApiPath(path),
    data,
    token,
    wrapTtl: 0,
    remoteAddress: '127.0.0.1',
  };
  const answer = await node.road.handle(request);
  const text = encodeAnswer(answer);
  return {
    status: answer.kind === 'empty' ? 204 : answer.status,
    json: text === undefined ? {} : (JSON.parse(text) as JsonObject),
  };
}

interface Case {
  readonly what: string;
  readonly before: readonly Step[];
  readonly change: Step;
  /** Reading this shows whether the change happened. */
  readonly look: Step;
  /** The part of what is read that tells, without times and random ids. */
  readonly shows: (reply: Reply) => unknown;
  /** Made again, the change is answered with one of these, the others being its ordinary refusal of what is done already. */
  readonly again: readonly number[];
}

const secret = ({ status, json }: Reply) => {
  const data = (json['data'] ?? {}) as JsonObject;
  return [status, data['data'], ((data['metadata'] ?? {}) as JsonObject)['version']];
};
const keys = ({ status, json }: Reply) => [status, ((json['data'] ?? {}) as JsonObject)['keys']];
const large = 'x'.repeat(600_000);

const cases: readonly Case[] = [
  {
    what: 'the first version of a secret',
    before: [],
    change: ['update', 'secret/data/a', { data: { b: 'c' } }],
    look: ['read', 'secret/data/a'],
    shows: secret,
    again: [200],
  },
  {
    what: 'a version by check-and-set',
    before: [['update', 'secret/data/a', { data: { b: 1 } }]],
    change: ['update', 'secret/data/a', { data: { b: 2 }, options: { cas: 1 } }],
    look: ['read', 'secret/data/a'],
    shows: secret,
    again: [200, 400],
  },
  {
    what: 'a secret that is stored in parts',
    before: [['update', 'secret/data/a', { data: { b: 'small' } }]],
    change: ['update', 'secret/data/a', { data: { b: large } }],
    look: ['read', 'secret/data/a'],
    shows: secret,
    again: [200],
  },
  {
    what: 'a secret with all its versions, for good',
    before: [
      ['update', 'secret/data/a', { data: { b: 1 } }],
      ['update', 'secret/data/a', { data: { b: large } }],
    ],
    change: ['delete', 'secret/metadata/a'],
    look: ['read', 'secret/data/a'],
    shows: secret,
    again: [204],
  },
  {
    what: 'a destroyed version',
    before: [['update', 'secret/data/a', { data: { b: 1 } }]],
    change: ['update', 'secret/destroy/a', { versions: [1] }],
    look: ['read', 'secret/data/a'],
    shows: secret,
    again: [204],
  },
  {
    what: 'a policy',
    before: [],
    change: ['update', 'sys/policies/acl/p', { policy: 'path "a" { capabilities = ["read"] }' }],
    look: ['list', 'sys/policies/acl'],
    shows: keys,
    again: [204],
  },
  {
    what: 'an auth method',
    before: [],
    change: ['update', 'sys/auth/approle', { type: 'approle' }],
    look: ['read', 'sys/auth/approle'],
    shows: ({ status }) => status,
    again: [204, 400],
  },
  {
    what: 'a mount that goes',
    before: [['update', 'secret/data/a', { data: { b: 1 } }]],
    change: ['delete', 'sys/mounts/secret'],
    look: ['read', 'secret/data/a'],
    shows: secret,
    again: [204],
  },
  {
    what: 'an AppRole',
    before: [['update', 'sys/auth/approle', { type: 'approle' }]],
    change: ['update', 'auth/approle/role/web', { token_policies: 'p' }],
    look: ['list', 'auth/approle/role'],
    shows: keys,
    again: [204],
  },
  {
    what: 'a token with a name of its own',
    before: [],
    change: ['update', 'auth/token/create', { id: 'the-token-named', ttl: '1h' }],
    look: ['update', 'auth/token/lookup', { token: 'the-token-named' }],
    shows: ({ status }) => status,
    again: [200, 400],
  },
  {
    what: 'a revoked token',
    before: [['update', 'auth/token/create', { id: 'the-token-named', ttl: '1h' }]],
    change: ['update', 'auth/token/revoke', { token: 'the-token-named' }],
    look: ['update', 'auth/token/lookup', { token: 'the-token-named' }],
    shows: ({ status }) => status,
    again: [204],
  },
];

const nodes: FaultyNode[] = [];
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop();
});

async function prepared(before: readonly Step[]): Promise<FaultyNode> {
  const node = await new FaultyNode().start();
  nodes.push(node);
  for (const step of before) expect((await node.ask(step)).status).toBeLessThan(300);
  return node;
}

/** More calls than any request makes. */
const mostCalls = 60;

describe.each(['before', 'after'] as const)('when the store fails %s a call took effect', (kind) => {
  it.each(cases)('$what: old or new, never between', async ({ before, change, look, shows, again }) => {
    const untouched = await prepared(before);
    const old = shows(await untouched.ask(look));
    expect((await untouched.ask(change)).status).toBeLessThan(300);
    const changed = shows(await untouched.ask(look));
    expect(changed).not.toEqual(old);

    let failed = 0;
    for (let at = 1; at <= mostCalls; at++) {
      const node = await prepared(before);
      node.arm(at, kind);
      const told = await node.ask(change);
      if (!node.disarm()) break;
      failed += 1;
      const found = shows(await node.ask(look));
      expect(shows(await node.askElsewhere(look)), `call ${at}: both nodes see the same`).toEqual(found);
      if (told.status < 300) expect(found, `call ${at} was told to have worked`).toEqual(changed);
      else expect([old, changed], `call ${at}`).toContainEqual(found);
      expect(again, `call ${at}, made again`).toContain((await node.ask(change)).status);
      await node.stop();
      nodes.pop();
    }
    expect(failed, 'calls that were made to fail').toBeGreaterThan(0);
    expect(failed).toBeLessThan(mostCalls);
  });
});
