import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Asked, ask, writePolicy } from '../../../test/fakes/client.ts';
import { leasedType, Outside } from '../../../test/fakes/leased-engine.ts';
import { Sinks } from '../../../test/fakes/sink-notifier.ts';
import { failNth, faultyStorage } from '../../../test/fault/storage-fault.ts';
import type { CofferNode } from '../../main/node.ts';
import { headers, heldBy, makePeople, type People } from './approval.fixture.ts';

let people: People;
let outside: Outside;
let sinks: Sinks;
let rose: string;
let ann: string;
beforeEach(async () => {
  outside = new Outside();
  sinks = new Sinks();
  const notifiers = { types: new Map([['sink', sinks.type]]), configured: [] };
  people = await makePeople({ notifiers, engines: [leasedType(outside)] });
  await ask(people.node, 'update', 'sys/mounts/leased', { type: 'leased' });
  const guard = 'capabilities = ["create", "read", "update"] approval { from = ["group/admins"] }';
  await writePolicy(
    people.node,
    'guarded',
    `path "secret/data/*" { ${guard} }
     path "leased/creds/*" { ${guard} }`,
  );
  rose = await people.logIn('rose', ['guarded']);
  ann = await people.logIn('ann', ['approver']);
});
afterEach(() => people.place.remove());

function unwrap(node: CofferNode, token: string): Promise<Asked> {
  return ask(node, 'update', 'sys/wrapping/unwrap', { token }, rose);
}

async function approved(node: CofferNode, operation: 'read' | 'update', path: string, data = {}) {
  const held = heldBy(await ask(people.node, operation, path, data, rose));
  const answer = await ask(node, 'update', `sys/approvals/${held.accessor}/approve`, {}, ann);
  expect(answer.data).toMatchObject({ approved: true });
  return held;
}

async function versionOf(path: string): Promise<unknown> {
  const { data } = await ask(people.node, 'read', path);
  return (data['metadata'] as { version?: number } | undefined)?.version ?? 0;
}

describe('an approved request', () => {
  it('is asked for on one node, approved on another, and carried out on a third', async () => {
    const [second, third] = [await people.place.node(), await people.place.node()];
    const held = await approved(second, 'read', 'secret/data/guarded');
    const { data } = await unwrap(third, held.token);
    expect(data).toMatchObject({ data: { password: 'hunter2' } });
    for (const node of [people.node, second, third]) {
      expect((await unwrap(node, held.token)).status).toBe(400);
    }
  });

  it.each([
    ['reads', 'read', 'secret/data/guarded', {}],
    ['writes', 'update', 'secret/data/guarded', { data: { a: 'b' } }],
    ['makes something outside', 'read', 'leased/creds/a', {}],
  ] as const)(
    'that %s is carried out by exactly one of many at once',
    async (_what, operation, path, data) => {
      const second = await people.place.node();
      const held = await approved(second, operation, path, data);
      const repeat = headers({ 'x-coffer-approval': held.accessor });
      const answers = await Promise.all([
        ...[people.node, second, people.node, second].map((node) => unwrap(node, held.token)),
        ...[people.node, second].map((node) => ask(node, operation, path, data, rose, repeat)),
      ]);
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      expect(answers.filter(({ hasData }) => hasData)).toHaveLength(1);
      expect(await versionOf('secret/data/guarded')).toBe(operation === 'update' ? 2 : 1);
      expect(outside.made.length).toBe(path.startsWith('leased') ? 1 : 0);
    },
  );

  it('is spent before anything outside is touched: a process that dies there does it neither then nor later', async () => {
    const second = await people.place.node();
    const held = await approved(second, 'read', 'leased/creds/a');
    const repeat = headers({ 'x-coffer-approval': held.accessor });
    let reached: (value: unknown) => void = () => undefined;
    let die: (why: Error) => void = () => undefined;
    const atWork = new Promise((resolve) => {
      reached = resolve;
    });
    let attempts = 0;
    outside.beforeMake = () => {
      attempts += 1;
      reached(undefined);
      return new Promise((_resolve, reject) => {
        die = reject;
      });
    };
    const lost = unwrap(people.node, held.token);
    await atWork;
    // All that the store will ever know of it: the first process is in the middle, and never comes back.
    for (const node of [second, await people.place.node()]) {
      expect((await unwrap(node, held.token)).status).toBe(403);
      expect((await ask(node, 'read', 'leased/creds/a', {}, rose, repeat)).status).toBe(403);
    }
    die(new Error('the process ends here'));
    expect((await lost).status).toBe(500);
    outside.beforeMake = undefined;
    expect((await unwrap(second, held.token)).status).toBe(403);
    expect([attempts, outside.made]).toEqual([1, []]);
  });

  it('is never carried out twice, whichever commit fails or only seems to', { timeout: 60_000 }, async () => {
    for (const kind of ['before', 'after'] as const) {
      for (let target = 1; target <= 3; target++) {
        const held = await approved(people.node, 'update', 'secret/data/guarded', { data: { a: 'b' } });
        const before = Number(await versionOf('secret/data/guarded'));
        let plan: ReturnType<typeof failNth> = () => undefined;
        const storage = faultyStorage(people.place.storage, (count, operation) => plan(count, operation));
        const frail = await people.place.node(storage);
        plan = failNth('commit', target, kind);
        const tries = [
          await unwrap(frail, held.token),
          await unwrap(people.node, held.token),
          await unwrap(people.node, held.token),
        ];
        plan = () => undefined;
        const after = Number(await versionOf('secret/data/guarded'));
        const told = tries.filter(({ status }) => status === 200).length;
        // Told of at most once, and done at most once; what was told was done.
        expect([kind, target, told <= 1, after - before <= 1, after - before >= told]).toEqual([
          kind,
          target,
          true,
          true,
          true,
        ]);
        await frail.state.drop();
      }
    }
  });

  it('costs a token with uses one to ask, one to unwrap and one to be carried out, and waits for none on its last', async () => {
    const login = (uses: number) =>
      ask(people.node, 'update', 'auth/token/create', { num_uses: uses, policies: ['guarded'] }, maker);
    await writePolicy(people.node, 'maker', 'path "auth/token/create" { capabilities = ["update"] }');
    const maker = await people.logIn('rose', ['guarded', 'maker']);
    const last = (await login(1)).auth?.clientToken ?? '';
    expect((await ask(people.node, 'read', 'secret/data/guarded', {}, last)).errors.join()).toContain(
      'last use',
    );
    for (const [uses, status] of [
      [2, 403],
      [3, 200],
    ] as const) {
      const token = (await login(uses)).auth?.clientToken ?? '';
      const held = heldBy(await ask(people.node, 'read', 'secret/data/guarded', {}, token));
      await ask(people.node, 'update', `sys/approvals/${held.accessor}/approve`, {}, ann);
      const answer = await ask(people.node, 'update', 'sys/wrapping/unwrap', { token: held.token }, token);
      expect([uses, answer.status]).toEqual([uses, status]);
    }
  });
});

describe('a request that waits', () => {
  it('is one of twenty of its entity at most', async () => {
    for (let index = 0; index < 20; index++) {
      heldBy(await ask(people.node, 'read', `secret/data/${index}`, {}, rose));
    }
    expect((await ask(people.node, 'read', 'secret/data/more', {}, rose)).status).toBe(429);
    const list = await ask(people.node, 'list', 'sys/approvals/', { limit: 5 }, ann);
    const { keys, next } = list.data as { keys: string[]; next: string };
    expect(keys).toHaveLength(5);
    const rest = await ask(people.node, 'list', 'sys/approvals/', { after: next }, ann);
    expect(rest.data['keys']).toHaveLength(15);
    expect(rest.data['next']).toBeNull();
    const own = await people.logIn('rose', ['approver']);
    expect((await ask(people.node, 'list', 'sys/approvals/', { own: true }, own)).data['keys']).toHaveLength(
      20,
    );
    await ask(people.node, 'delete', `sys/approvals/${keys[0]}`, {}, own);
    expect((await ask(people.node, 'read', 'secret/data/more', {}, rose)).status).toBe(200);
  });

  it('is told of, and so is what becomes of it', async () => {
    await ask(people.node, 'update', 'sys/notifiers/desk', {
      type: 'sink',
      options: { to: 'desk' },
      kinds: 'approval.*',
    });
    const { node } = people;
    const sent = { data: { password: 'never-told' } };
    const held = heldBy(await ask(node, 'update', 'secret/data/guarded', sent, rose));
    await ask(node, 'update', `sys/approvals/${held.accessor}/approve`, {}, ann);
    await unwrap(node, held.token);
    const other = heldBy(await ask(node, 'update', 'secret/data/guarded', sent, rose));
    await ask(node, 'update', `sys/approvals/${other.accessor}/deny`, { reason: 'no' }, ann);
    for (let turn = 0; sinks.letters('desk').length < 5; turn++) {
      if (turn > 10_000) throw new Error('nobody is told');
      await new Promise(setImmediate);
    }
    const posted = sinks.letters('desk');
    expect(posted.map(({ kind }) => kind).toSorted()).toEqual([
      'approval.denied',
      'approval.granted',
      'approval.requested',
      'approval.requested',
      'approval.used',
    ]);
    const first = posted.find(({ kind }) => kind === 'approval.requested');
    expect(first?.fields).toMatchObject({ path: 'secret/data/guarded', operation: 'update' });
    expect(JSON.stringify(posted)).not.toMatch(/never-told|hvs\./);
  });
});
