/** What one node has answered holds on every other from then on: no cache of a node outlives the answer of another one. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseApiPath } from '../../src/core/path.ts';
import type { JsonObject } from '../../src/json.ts';
import type { CofferNode } from '../../src/main/node.ts';
import { ask, makeToken, type Place, tokenOf, writePolicy } from '../fakes/client.ts';
import { stores } from './stores.ts';

const password = 'a long enough password';

describe.each(stores)('two nodes over $name', ({ make }) => {
  let place: Place;
  let one: CofferNode;
  let two: CofferNode;

  beforeEach(async () => {
    place = await make();
    [one, two] = [await place.node(), await place.node()];
    // Both have everything cached that there is to cache.
    for (const node of [one, two]) await ask(node, 'read', 'sys/mounts');
  });
  afterEach(() => place.remove());

  const reads = async (node: CofferNode, path: string, token?: string) =>
    (await ask(node, 'read', path, {}, token)).status;
  const put = (node: CofferNode, path: string, data: JsonObject) => ask(node, 'update', path, { data });

  it('threat 18: a revoked token, and what is below it, is refused', async () => {
    const parent = await makeToken(one, { policies: ['root'] });
    const child = await makeToken(two, { policies: ['root'] }, parent);
    for (const token of [parent, child]) expect(await reads(two, 'sys/mounts', token)).toBe(200);
    expect((await ask(one, 'update', 'auth/token/revoke', { token: parent })).status).toBe(204);
    for (const token of [parent, child]) expect(await reads(two, 'sys/mounts', token)).toBe(403);
    const self = await makeToken(two, { policies: ['root'] });
    expect(await reads(one, 'sys/mounts', self)).toBe(200);
    await ask(one, 'update', 'auth/token/revoke-self', {}, self);
    expect(await reads(two, 'sys/mounts', self)).toBe(403);
  });

  it('threat 18: a token’s last use is spent once, on whichever node, also when all ask at once', async () => {
    const token = await makeToken(one, { policies: ['root'], num_uses: 5 });
    const asked = await Promise.all(
      Array.from({ length: 20 }, (_, n) => reads(n % 2 === 0 ? one : two, 'sys/mounts', token)),
    );
    expect(asked.filter((status) => status === 200)).toHaveLength(5);
    for (const node of [one, two]) expect(await reads(node, 'sys/mounts', token)).toBe(403);
  });

  it('a policy that was narrowed, removed or widened decides so', async () => {
    const rule = (capabilities: string) => `path "secret/data/*" { capabilities = [${capabilities}] }`;
    await writePolicy(one, 'reader', rule('"read"'));
    await put(one, 'secret/data/a', { b: 'c' });
    const token = await makeToken(one, { policies: ['reader'] });
    for (const node of [two, one]) expect(await reads(node, 'secret/data/a', token)).toBe(200);
    await writePolicy(one, 'reader', rule('"deny"'));
    expect(await reads(two, 'secret/data/a', token)).toBe(403);
    await writePolicy(two, 'reader', rule('"read", "list"'));
    expect(await reads(one, 'secret/data/a', token)).toBe(200);
    expect((await ask(one, 'delete', 'sys/policies/acl/reader')).status).toBe(204);
    expect(await reads(two, 'secret/data/a', token)).toBe(403);
  });

  it('a new version, a deleted and a destroyed one are what is read', async () => {
    await put(one, 'secret/data/a', { turn: 0 });
    for (let turn = 1; turn <= 20; turn++) {
      const [writer, reader] = turn % 2 === 0 ? [one, two] : [two, one];
      await put(writer, 'secret/data/a', { turn });
      expect((await ask(reader, 'read', 'secret/data/a')).data).toMatchObject({ data: { turn } });
    }
    await ask(one, 'delete', 'secret/data/a');
    expect(await reads(two, 'secret/data/a')).toBe(404);
    await ask(two, 'update', 'secret/undelete/a', { versions: [21] });
    expect(await reads(one, 'secret/data/a')).toBe(200);
    await ask(one, 'update', 'secret/destroy/a', { versions: [21] });
    expect(await reads(two, 'secret/data/a')).toBe(404);
  });

  it('check-and-set counts what either wrote, and no step is lost', async () => {
    const step = async (node: CofferNode): Promise<boolean> => {
      const { data } = await ask(node, 'read', 'secret/data/count');
      const found = data as { data?: { n: number }; metadata?: { version: number } };
      const options = { cas: found.metadata?.version ?? 0 };
      const wanted = { options, data: { n: (found.data?.n ?? 0) + 1 } };
      return (await ask(node, 'update', 'secret/data/count', wanted)).status === 200;
    };
    const lane = async (node: CofferNode) => {
      for (let done = 0; done < 10; ) if (await step(node)) done++;
    };
    await Promise.all([one, two, one, two].map(lane));
    expect((await ask(two, 'read', 'secret/data/count')).data).toMatchObject({ data: { n: 40 } });
  });

  it('a mount that moved, was tuned, disabled or enabled anew is so', async () => {
    await put(one, 'secret/data/a', { b: 'c' });
    expect(await reads(two, 'secret/data/a')).toBe(200);
    expect((await ask(one, 'update', 'sys/remount', { from: 'secret/', to: 'moved/' })).status).toBe(200);
    expect([await reads(two, 'secret/data/a'), await reads(two, 'moved/data/a')]).toEqual([404, 200]);
    await ask(two, 'update', 'sys/mounts/moved/tune', { description: 'said by two' });
    const mounts = (await ask(one, 'read', 'sys/mounts')).data as Record<string, JsonObject>;
    expect(mounts['moved/']).toMatchObject({ description: 'said by two' });
    await ask(two, 'delete', 'sys/mounts/moved');
    expect(await reads(one, 'moved/data/a')).toBe(404);
    await ask(one, 'update', 'sys/mounts/moved', { type: 'kv', options: { version: '2' } });
    expect([await reads(two, 'moved/data/a'), (await put(two, 'moved/data/a', {})).status]).toEqual([
      404, 200,
    ]);
  });

  it('threat 18: tokens of an auth method that was disabled are refused, and its logins', async () => {
    await ask(one, 'update', 'sys/auth/people', { type: 'userpass' });
    await ask(one, 'update', 'auth/people/users/ann', { password });
    const logIn = () => ask(two, 'update', 'auth/people/login/ann', { password }, null);
    const token = tokenOf(await logIn());
    expect(await reads(one, 'auth/token/lookup-self', token)).toBe(200);
    await ask(one, 'delete', 'sys/auth/people');
    expect(await reads(two, 'auth/token/lookup-self', token)).toBe(403);
    expect((await logIn()).auth).toBeNull();
  });

  it('a rotated keyring opens and seals on both, and terms that retired stay so', async () => {
    await put(two, 'secret/data/old', { a: 1 });
    expect((await ask(one, 'update', 'sys/rotate')).status).toBe(204);
    await put(one, 'secret/data/new', { a: 2 });
    expect((await ask(two, 'read', 'secret/data/new')).data).toMatchObject({ data: { a: 2 } });
    expect((await ask(two, 'read', 'sys/key-status')).data).toMatchObject({ term: 2 });
    await put(two, 'secret/data/newer', { a: 3 });
    for (const name of ['old', 'new', 'newer']) expect(await reads(one, `secret/data/${name}`)).toBe(200);
  });

  it('quotas and settings of the server hold; what a quota measures is each node’s own', async () => {
    const admitted = async (node: CofferNode) => {
      // Quotas are asked before a request is looked at: a change shows with the node's next request.
      await ask(node, 'read', 'sys/mounts');
      const verdict = node.state.core?.quotas.admit(
        parseApiPath('secret/data/a'),
        '192.0.2.7',
        place.clock.now(),
      );
      return verdict?.admitted;
    };
    await ask(one, 'update', 'sys/quotas/rate-limit/one', { rate: 1, interval: 60, path: 'secret/' });
    expect([await admitted(two), await admitted(two), await admitted(one)]).toEqual([true, false, true]);
    await ask(two, 'delete', 'sys/quotas/rate-limit/one');
    expect([await admitted(one), await admitted(two)]).toEqual([undefined, undefined]);
    const cors = { allowed_origins: ['https://pages.example'], enabled: true };
    await ask(one, 'update', 'sys/config/cors', cors);
    expect((await ask(two, 'read', 'sys/config/cors')).data).toMatchObject({ enabled: true });
  });

  it('a wrapped answer is handed to one reader, whoever asks where', async () => {
    await put(one, 'secret/data/a', { b: 'c' });
    const wrapped = await ask(one, 'read', 'secret/data/a', {}, undefined, { wrapTtl: 60 });
    const token = wrapped.wrap?.token ?? '';
    const asked = await Promise.all(
      [one, two, one, two].map((node) => ask(node, 'update', 'sys/wrapping/unwrap', {}, token)),
    );
    expect(asked.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  it('an entity that was disabled, and a group’s policies that were taken away, are so', async () => {
    await writePolicy(one, 'reader', 'path "secret/data/*" { capabilities = ["read"] }');
    await put(one, 'secret/data/a', {});
    await ask(one, 'update', 'sys/auth/userpass', { type: 'userpass' });
    await ask(one, 'update', 'auth/userpass/users/ann', { password });
    const logged = await ask(two, 'update', 'auth/userpass/login/ann', { password }, null);
    const token = tokenOf(logged);
    const entity = String((await ask(one, 'read', 'auth/token/lookup-self', {}, token)).data['entity_id']);
    expect(await reads(two, 'secret/data/a', token)).toBe(403);
    await ask(one, 'update', 'identity/group', {
      name: 'g',
      policies: ['reader'],
      member_entity_ids: [entity],
    });
    expect(await reads(two, 'secret/data/a', token)).toBe(200);
    await ask(two, 'delete', 'identity/group/name/g');
    expect(await reads(one, 'secret/data/a', token)).toBe(403);
    await ask(one, 'update', `identity/entity/id/${entity}`, { disabled: true });
    expect(await reads(two, 'auth/token/lookup-self', token)).toBe(403);
  });

  it('a store that one sealed is sealed on the other, and on a third that starts then', async () => {
    expect((await ask(one, 'update', 'sys/seal')).status).toBe(204);
    expect(await reads(two, 'sys/mounts')).toBe(503);
    const third = place.sealedNode();
    await third.state.start();
    expect(await reads(third, 'sys/mounts')).toBe(503);
    await two.state.submitKey(place.keys[0] ?? '');
    expect([await reads(two, 'sys/mounts'), await reads(one, 'sys/mounts')]).toEqual([200, 503]);
  });
});
