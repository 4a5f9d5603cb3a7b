/**
 * A process that dies at any one of its calls to the store, while it changes key slots, or rotates and seals everything anew: what it
 * leaves opens with a key that is known, has everything that was acknowledged, and goes on from there.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { Operation } from '../../src/core/request.ts';
import type { JsonObject } from '../../src/json.ts';
import { type CofferNode, createNode } from '../../src/main/node.ts';
import { MemoryStorage } from '../../src/storage/memory/memory.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { ask as askAs, finishJobs } from '../fakes/client.ts';
import { HandClock } from '../fakes/hand-clock.ts';
import { type Fault, faultyStorage } from './storage-fault.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const rootToken = 'fault-root';
const secrets = 40;

/** A store whose process dies at the `at`-th call after `arm`, just before or just after it took effect. */
class MortalPlace {
  readonly memory = new MemoryStorage();
  readonly keys: string[] = [];
  readonly #nodes: CofferNode[] = [];
  #at = Number.POSITIVE_INFINITY;
  #kind: 'before' | 'after' = 'before';
  #calls = 0;

  async start(): Promise<CofferNode> {
    const node = this.#node(faultyStorage(this.memory, () => this.#fault()));
    const made = await node.state.initialize({ shares: 1, threshold: 1 }, rootToken, true);
    this.keys.push(made.shares[0]?.toString('base64') ?? '');
    await node.state.submitKey(this.keys[0] ?? '');
    for (let index = 0; index < secrets; index++) {
      expect((await ask(node, 'update', `secret/data/s${index}`, { data: { index } })).status).toBe(200);
    }
    return node;
  }

  arm(at: number, kind: 'before' | 'after'): void {
    this.#calls = 0;
    this.#at = at;
    this.#kind = kind;
  }

  get died(): boolean {
    return this.#calls >= this.#at;
  }

  /** A process that comes after; opened with whichever known key does it. */
  async next(): Promise<CofferNode> {
    const node = this.#node(this.memory);
    await node.state.start();
    for (const key of this.keys) await node.state.submitKey(key).catch(() => undefined);
    expect(await node.state.status()).toMatchObject({ initialized: true, sealed: false });
    return node;
  }

  async stop(): Promise<void> {
    for (const node of this.#nodes) await node.state.drop().catch(() => undefined);
  }

  #node(storage: Storage): CofferNode {
    const clock = new HandClock();
    const node = createNode({ storage, auditDirectory: undefined, seals: [], log: silent, clock });
    this.#nodes.push(node);
    return node;
  }

  #fault(): Fault | undefined {
    this.#calls += 1;
    if (this.#calls < this.#at) return undefined;
    return { kind: this.#calls === this.#at ? this.#kind : 'before' };
  }
}

const ask = (node: CofferNode, operation: Operation, path: string, data: JsonObject = {}) =>
  askAs(node, operation, path, data, rootToken);

let place: MortalPlace;
afterEach(() => place.stop());

async function everythingIsThere(node: CofferNode): Promise<void> {
  for (let index = 0; index < secrets; index++) {
    expect((await ask(node, 'read', `secret/data/s${index}`)).data['data']).toEqual({ index });
  }
}

/** Runs `work` until it lives through it, dying one call later each time. */
async function dieEverywhere(
  kind: 'before' | 'after',
  work: (node: CofferNode) => Promise<void>,
  afterwards: (node: CofferNode) => Promise<void>,
): Promise<number> {
  for (let at = 1; ; at++) {
    place = new MortalPlace();
    const node = await place.start();
    place.arm(at, kind);
    await work(node).catch(() => undefined);
    const { died } = place;
    const next = await place.next();
    await everythingIsThere(next);
    await afterwards(next);
    await place.stop();
    if (!died) return at - 1;
  }
}

describe.each(['before', 'after'] as const)('a process that dies %s a call takes effect', (kind) => {
  it('while it changes slots leaves a store that opens', async () => {
    const calls = await dieEverywhere(
      kind,
      async (node) => {
        const [old] = (await ask(node, 'list', 'sys/seal-slots')).data['keys'] as string[];
        const added = await ask(node, 'update', 'sys/seal-slots', {
          type: 'shamir',
          secret_shares: 1,
          secret_threshold: 1,
        });
        const [key] = added.data['keys_base64'] as string[];
        place.keys.push(key ?? '');
        const id = String(added.data['id']);
        await ask(node, 'update', `sys/seal-slots/${id}/verify`, { key: key ?? '' });
        await ask(node, 'delete', `sys/seal-slots/${old}`);
      },
      async (next) => {
        const slots = (await ask(next, 'list', 'sys/seal-slots')).data['keys'] as string[];
        expect(slots.length).toBeGreaterThanOrEqual(1);
        expect(slots.length).toBeLessThanOrEqual(2);
      },
    );
    expect(calls).toBeGreaterThan(5);
  });

  it('while it rotates and seals everything anew leaves nothing unreadable, and the next one goes on', async () => {
    const calls = await dieEverywhere(
      kind,
      async (node) => {
        await ask(node, 'update', 'sys/rotate');
        await finishJobs(node);
      },
      async (next) => {
        await ask(next, 'update', 'sys/rotate');
        await finishJobs(next);
        // The dead process may hold the duty's lock yet: it has to be seen to be silent.
        const { clock } = next.state.core ?? {};
        if (clock instanceof HandClock) clock.jump(60);
        await finishJobs(next);
        const { term, older_terms } = (await ask(next, 'read', 'sys/key-status')).data;
        expect(Number(term)).toBeGreaterThanOrEqual(2);
        expect(older_terms).toEqual([]);
        await everythingIsThere(next);
      },
    );
    expect(calls).toBeGreaterThan(30);
  });
});
