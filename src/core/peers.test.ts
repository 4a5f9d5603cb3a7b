/** Several processes of one server over one store: what a client may take does not grow with their number. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { countedUserpass } from '../../test/fakes/cheap-userpass.ts';
import { ask, makePlace, type Place } from '../../test/fakes/client.ts';
import { HandClock } from '../../test/fakes/hand-clock.ts';
import { PeerHub } from '../../test/fakes/peer-hub.ts';
import type { CofferNode } from '../main/node.ts';
import { parseApiPath } from './path.ts';
import { defaultLimits } from './quota/limits.ts';

const from = '198.51.100.1';
const limits = { ...defaultLimits, requestsPerSecond: 1, burst: 6, tokensPerIdentity: 4 };

let place: Place;
let nodes: readonly CofferNode[];

beforeEach(async () => {
  const clock = new HandClock();
  const hub = new PeerHub(clock);
  const program = {
    get peers() {
      return hub.next;
    },
  };
  place = await makePlace({ clock, limits: () => limits, program, authMethods: [countedUserpass().type] });
  nodes = [await place.node(), await place.node(), await place.node()];
});
afterEach(() => place.remove());

/** One after the other, each at the next node. */
async function inTurn<T>(times: number, act: (node: CofferNode) => Promise<T>): Promise<readonly T[]> {
  const results: T[] = [];
  for (let count = 0; count < times; count++) {
    const node = nodes[count % nodes.length];
    if (node !== undefined) results.push(await act(node));
  }
  return results;
}

const refused = 429;

describe('processes that count together', () => {
  it('threat 15: have one measure of strangers', async () => {
    const knock = async (node: CofferNode) =>
      (await ask(node, 'read', 'secret/data/a', {}, 'no such token', { from })).status;
    expect(await inTurn(12, knock)).toEqual([...Array(6).fill(403), ...Array(6).fill(refused)]);
    place.clock.jump(2);
    expect(await inTurn(4, knock)).toEqual([403, 403, refused, refused]);
  });

  it('threat 15: have one measure for a quota, and a client that is blocked is blocked at all', async () => {
    const [node] = nodes as [CofferNode];
    const quota = { rate: 4, interval: '1m', block_interval: '1h', path: 'secret/' };
    await ask(node, 'update', 'sys/quotas/rate-limit/few', quota);
    await inTurn(3, (each) => ask(each, 'read', 'sys/mounts'));
    const admit = async (each: CofferNode) =>
      each.road.admitTogether?.(parseApiPath('secret/data/a'), from, true);
    const verdicts = await inTurn(9, admit);
    expect(verdicts.map((verdict) => verdict?.admitted)).toEqual([
      ...Array(4).fill(true),
      ...Array(5).fill(false),
    ]);
    place.clock.jump(600);
    const after = await inTurn(3, admit);
    expect(after.map((verdict) => verdict?.retryAfter)).toEqual([3_000, 3_000, 3_000]);
    expect(await node.road.admitTogether?.(parseApiPath('sys/mounts'), from, true)).toBeUndefined();
  });

  it('threat 15: hand out no more tokens of one identity than it may have', async () => {
    const [node] = nodes as [CofferNode];
    await ask(node, 'update', 'sys/auth/approle', { type: 'approle' });
    await ask(node, 'update', 'auth/approle/role/app', { token_policies: 'app' });
    const { role_id } = (await ask(node, 'read', 'auth/approle/role/app/role-id')).data;
    const { secret_id } = (await ask(node, 'update', 'auth/approle/role/app/secret-id')).data;
    const proof = { role_id: String(role_id), secret_id: String(secret_id) };
    const login = async (each: CofferNode) =>
      (await ask(each, 'update', 'auth/approle/login', proof, null)).status;
    // Each has counted once, and hears of the others since.
    const statuses = await inTurn(9, login);
    expect(statuses).toEqual([...Array(4).fill(200), ...Array(5).fill(refused)]);
  });

  it('threat 08: lock a name without an account as they lock one with', async () => {
    const [node] = nodes as [CofferNode];
    await ask(node, 'update', 'sys/auth/userpass', { type: 'userpass' });
    await ask(node, 'update', 'auth/userpass/users/somebody', { password: 'correct horse' });
    const guess = (name: string) => (each: CofferNode) =>
      ask(each, 'update', `auth/userpass/login/${name}`, { password: 'wrong' }, null, { from: '192.0.2.9' });
    limits.requestsPerSecond = 0;
    const known = (await inTurn(8, guess('somebody'))).map(({ status }) => status);
    const unknown = (await inTurn(8, guess('nobody'))).map(({ status }) => status);
    limits.requestsPerSecond = 1;
    expect(known).toEqual([...Array(5).fill(400), ...Array(3).fill(403)]);
    expect(unknown).toEqual(known);
  });
});
