import { afterEach, describe, expect, it } from 'vitest';
import { type Asked, ask, makePlace, type Place } from '../../test/fakes/client.ts';
import { type FaultPlan, faultyStorage } from '../../test/fault/storage-fault.ts';
import { type CofferNode, createNode } from '../main/node.ts';
import { MemoryStorage } from '../storage/memory/memory.ts';
import { parseApiPath } from './path.ts';
import { defaultLimits } from './quota/limits.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** Closed at the end, whatever the test did. */
const nodes: CofferNode[] = [];
const places: Place[] = [];
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.state.close();
  for (const place of places.splice(0)) await place.remove();
});

function alive(node: CofferNode, operation: 'read' | 'header' = 'read'): Promise<Asked> {
  return ask(node, operation, 'sys/alive', {}, null);
}

/** An open node over a store that fails or hangs once a plan says so. */
async function nodeOver(plan: () => FaultPlan | undefined): Promise<CofferNode> {
  const storage = faultyStorage(new MemoryStorage(), (count, operation) => plan()?.(count, operation));
  const node = createNode({ storage, auditDirectory: undefined, seals: [], log: silent });
  nodes.push(node);
  const made = await node.state.initialize({ shares: 1, threshold: 1 }, 'alive-root', true);
  await node.state.submitKey(made.shares[0]?.toString('base64') ?? '');
  return node;
}

describe('sys/alive', () => {
  it('answers without a store, sealed, and open', async () => {
    const node = createNode({
      storage: new MemoryStorage(),
      auditDirectory: undefined,
      seals: [],
      log: silent,
    });
    nodes.push(node);
    const answers = [await alive(node)];
    const made = await node.state.initialize({ shares: 1, threshold: 1 }, undefined, true);
    answers.push(await alive(node));
    await node.state.submitKey(made.shares[0]?.toString('base64') ?? '');
    answers.push(await alive(node), await alive(node, 'header'));
    for (const { status, data } of answers) expect([status, data]).toEqual([200, { alive: true }]);
  });

  it('answers while the store fails, and while it does not answer at all', async () => {
    let plan: FaultPlan | undefined;
    const node = await nodeOver(() => plan);
    plan = () => ({ kind: 'before' });
    expect((await ask(node, 'read', 'sys/health', {}, null)).status).not.toBe(200);
    expect((await alive(node)).status).toBe(200);
    let release: () => void = () => undefined;
    const until = new Promise<void>((resolve) => {
      release = resolve;
    });
    plan = () => ({ kind: 'delay', until });
    expect((await alive(node)).status).toBe(200);
    plan = undefined;
    release();
  });

  it('is in no audit log, and is answered where nothing more can be written there', async () => {
    const place = await makePlace();
    places.push(place);
    const node = await place.node();
    await alive(node);
    await ask(node, 'read', 'sys/health', {}, null);
    const paths = place.auditLines().map((line) => JSON.stringify(line));
    expect(paths.some((line) => line.includes('sys/health'))).toBe(true);
    expect(paths.some((line) => line.includes('sys/alive'))).toBe(false);
  });

  it('threat 15: no stranger who is held off at the same address keeps it from being answered', async () => {
    const place = await makePlace({ limits: () => ({ ...defaultLimits, requestsPerSecond: 1, burst: 2 }) });
    places.push(place);
    const node = await place.node();
    const admitted = (path: string) =>
      node.road.admit?.(parseApiPath(path), '192.0.2.1', false)?.admitted ?? true;
    for (let count = 0; count < 4; count++) await ask(node, 'read', 'sys/mounts', {}, 'not-a-token');
    expect([admitted('sys/mounts'), admitted('sys/health')]).toEqual([false, false]);
    for (let count = 0; count < 4; count++) {
      expect(admitted('sys/alive')).toBe(true);
      expect((await alive(node)).status).toBe(200);
    }
  });

  it('takes no other method, and says nothing of the server', async () => {
    const place = await makePlace();
    places.push(place);
    const node = await place.node();
    for (const operation of ['update', 'delete', 'list'] as const)
      expect((await ask(node, operation, 'sys/alive', {}, null)).status).not.toBe(200);
    expect(Object.keys((await alive(node)).data)).toEqual(['alive']);
  });
});
