/**
 * Changes of identity that take several commits, on a store that fails at any one of them: afterwards everything is as it was or as
 * it was to be, nobody has a policy that neither gives, and asking again completes it.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/json.ts';
import type { CofferNode } from '../../src/main/node.ts';
import { aliasedType } from '../fakes/aliased-method.ts';
import { ask, makePlace, type Place } from '../fakes/client.ts';
import { failNth, faultyStorage } from './storage-fault.ts';

const many = 30;
let place: Place | undefined;
afterEach(async () => {
  await place?.remove();
  place = undefined;
});

interface World {
  readonly place: Place;
  readonly node: CofferNode;
  readonly entities: readonly string[];
  readonly tokens: readonly string[];
}

async function begin(): Promise<World> {
  place = await makePlace({ silent: true, authMethods: [aliasedType] });
  const node = await place.node();
  await ask(node, 'update', 'sys/auth/who', { type: 'aliased' });
  const logins = await Promise.all(
    Array.from({ length: many }, (_, index) =>
      ask(node, 'update', 'auth/who/login', { alias: `p${index}` }, null),
    ),
  );
  return {
    place,
    node,
    entities: logins.map(({ auth }) => auth?.entityId ?? ''),
    tokens: logins.map(({ auth }) => auth?.clientToken ?? ''),
  };
}

async function policies({ node, tokens }: World): Promise<readonly string[]> {
  const asked = await Promise.all(
    tokens.map((token) => ask(node, 'read', 'auth/token/lookup-self', {}, token)),
  );
  return asked.map(({ status, data }) =>
    status === 200 ? String(data['identity_policies'] ?? '') : String(status),
  );
}

/** Does a thing on a node whose n-th commit fails, for every n until it is done without a failure. */
async function atEachCommit(
  world: World,
  kind: 'before' | 'after',
  action: (node: CofferNode) => Promise<number>,
  check: (failed: boolean) => Promise<void>,
): Promise<number> {
  for (let nth = 1; nth < 60; nth++) {
    let armed = false;
    const plan = failNth('commit', nth, kind);
    const faulty = faultyStorage(world.place.storage, (count, operation) =>
      armed ? plan(count, operation) : undefined,
    );
    const node = await world.place.node(faulty);
    armed = true;
    const status = await action(node);
    armed = false;
    await check(status >= 500);
    if (status < 500) return nth;
  }
  throw new Error('it never came to an end');
}

const all = (value: string) => Array<string>(many).fill(value);

describe.each(['before', 'after'] as const)('a store that fails %s a commit took effect', (kind) => {
  it('leaves a group with its members of before or of after', { timeout: 120_000 }, async () => {
    const world = await begin();
    const made = await ask(world.node, 'update', 'identity/group', { name: 'g', policies: ['old'] });
    const path = `identity/group/id/${String(made.data['id'])}`;
    const join: JsonObject = { policies: ['new'], member_entity_ids: world.entities };
    const commits = await atEachCommit(
      world,
      kind,
      async (node) => (await ask(node, 'update', path, join)).status,
      async (failed) => {
        const now = await policies(world);
        expect([all(''), all('new')]).toContainEqual(now);
        if (!failed) expect(now).toEqual(all('new'));
        await ask(world.node, 'update', path, {
          policies: ['old'],
          member_entity_ids: failed ? [] : world.entities,
        });
      },
    );
    expect(commits).toBeGreaterThan(2);
    await atEachCommit(
      world,
      kind,
      async (node) => (await ask(node, 'update', path, { member_entity_ids: [] })).status,
      async (failed) => {
        const now = await policies(world);
        expect([all(''), all('old')]).toContainEqual(now);
        if (failed) await ask(world.node, 'update', path, { member_entity_ids: world.entities });
        else expect(now).toEqual(all(''));
      },
    );
    await ask(world.node, 'update', path, { member_entity_ids: world.entities });
    expect(await policies(world)).toEqual(all('old'));
  });

  it('leaves entities merged or as they were', { timeout: 120_000 }, async () => {
    const world = await begin();
    const [from = '', , third = ''] = world.entities;
    const to = String(
      (await ask(world.node, 'update', 'identity/entity', { name: 'to', policies: ['to'] })).data['id'],
    );
    await ask(world.node, 'update', `identity/entity/id/${from}`, { policies: ['from'] });
    await ask(world.node, 'update', 'identity/group', { policies: ['g'], member_entity_ids: [from, third] });
    await atEachCommit(
      world,
      kind,
      async (node) => {
        const asked = { from_entity_ids: [from], to_entity_id: to };
        return (await ask(node, 'update', 'identity/entity/merge', asked)).status;
      },
      async (failed) => {
        const [one, , other] = await policies(world);
        expect(failed ? ['from,g', 'from,g,to'] : ['from,g,to', 'from,g,to']).toContain(one);
        expect(other).toBe('g');
      },
    );
  });

  it('leaves an entity that is ended or not, and its tokens with it', { timeout: 120_000 }, async () => {
    const world = await begin();
    const [first = ''] = world.entities;
    await ask(world.node, 'update', 'identity/group', { policies: ['g'], member_entity_ids: world.entities });
    await atEachCommit(
      world,
      kind,
      async (node) => (await ask(node, 'delete', `identity/entity/id/${first}`)).status,
      async (failed) => {
        const [one] = await policies(world);
        expect(failed ? ['g', '403'] : ['403']).toContain(one);
      },
    );
    expect(await policies(world)).toEqual(['403', ...all('g').slice(1)]);
  });
});
