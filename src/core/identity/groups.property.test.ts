/**
 * Which policies a token has, against a slow and obvious account of who is in which group: random changes on two nodes, each of
 * which is looked at on both as soon as it is answered.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { aliasedType } from '../../../test/fakes/aliased-method.ts';
import { ask, makePlace } from '../../../test/fakes/client.ts';
import type { CofferNode } from '../../main/node.ts';

const people = [0, 1, 2] as const;
const groups = [0, 1, 2, 3] as const;
const subset = (all: readonly number[]) => fc.subarray([...all]);

type Step =
  | { readonly kind: 'members'; readonly group: number; readonly people: number[]; readonly groups: number[] }
  | { readonly kind: 'policies'; readonly group: number; readonly policies: string[] }
  | { readonly kind: 'own'; readonly person: number; readonly policies: string[] }
  | { readonly kind: 'login'; readonly person: number; readonly names: string[] }
  | { readonly kind: 'end'; readonly group: number }
  | { readonly kind: 'alias'; readonly name: string }
  | { readonly kind: 'disable'; readonly person: number; readonly disabled: boolean };

const policies = fc.subarray(['p', 'q', 'r']);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('members' as const),
      group: fc.constantFrom(...groups),
      people: subset(people),
      groups: subset(groups),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('policies' as const),
      group: fc.constantFrom(...groups),
      policies,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('own' as const), person: fc.constantFrom(...people), policies }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('login' as const),
      person: fc.constantFrom(...people),
      names: fc.subarray(['x', 'y']),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('end' as const), group: fc.constantFrom(...groups) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('alias' as const), name: fc.constantFrom('x', 'y') }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('disable' as const),
      person: fc.constantFrom(...people),
      disabled: fc.boolean(),
    }),
  },
);

interface Group {
  people: number[];
  groups: number[];
  policies: string[];
}

/** What there should be: plain lists, walked through each time. */
class Account {
  readonly groups = new Map<number, Group>();
  readonly own = new Map<number, string[]>();
  readonly disabled = new Set<number>();
  /** The group's name now, and by which name each was in at their last login. */
  alias = 'x';
  readonly named = new Map<number, string[]>();

  policiesOf(person: number): readonly string[] {
    const all = new Set(this.own.get(person) ?? []);
    if ((this.named.get(person) ?? []).includes(this.alias)) all.add('external');
    for (const [id, { policies: granted }] of this.groups) {
      if (this.holds(id, person, [])) for (const name of granted) all.add(name);
    }
    return [...all].toSorted();
  }

  holds(group: number, person: number, seen: readonly number[]): boolean {
    const found = this.groups.get(group);
    if (found === undefined || seen.includes(group)) return false;
    return (
      found.people.includes(person) || found.groups.some((one) => this.holds(one, person, [...seen, group]))
    );
  }

  /** Whether `below` can be reached from `group`. */
  reaches(group: number, below: number): boolean {
    return group === below || (this.groups.get(group)?.groups ?? []).some((one) => this.reaches(one, below));
  }
}

class World {
  readonly account = new Account();
  readonly ids = new Map<number, string>();
  readonly people: { readonly entity: string; readonly token: string }[] = [];
  accessor = '';
  alias = '';
  readonly #nodes: readonly CofferNode[];
  #turn = 0;

  constructor(nodes: readonly CofferNode[]) {
    this.#nodes = nodes;
  }

  ask(path: string, data = {}, operation: 'update' | 'delete' | 'read' = 'update', token?: string) {
    const node = this.#nodes[this.#turn++ % this.#nodes.length];
    if (node === undefined) throw new Error('no node');
    return ask(node, operation, path, data, token);
  }

  async begin(): Promise<void> {
    for (const person of people) {
      const { auth } = await this.ask('auth/who/login', { alias: `person-${person}` });
      this.people.push({ entity: auth?.entityId ?? '', token: auth?.clientToken ?? '' });
    }
    const auth = (await this.ask('sys/auth', {}, 'read')).data['who/'] as { accessor: string };
    this.accessor = auth.accessor;
    const external = await this.ask('identity/group', { type: 'external', policies: ['external'] });
    const made = await this.ask('identity/group-alias', {
      ...{ name: 'x', mount_accessor: this.accessor },
      canonical_id: external.data['id'] ?? '',
    });
    this.alias = String(made.data['id']);
  }

  async take(one: Step): Promise<void> {
    const { account } = this;
    switch (one.kind) {
      case 'members':
        return this.#members(one);
      case 'policies': {
        const group = account.groups.get(one.group);
        if (group === undefined) return;
        await this.ask(`identity/group/id/${this.ids.get(one.group)}`, { policies: one.policies });
        group.policies = one.policies;
        return;
      }
      case 'own':
        await this.ask(`identity/entity/id/${this.people[one.person]?.entity}`, { policies: one.policies });
        account.own.set(one.person, one.policies);
        return;
      case 'login': {
        const login = await this.ask('auth/who/login', { alias: `person-${one.person}`, groups: one.names });
        expect(login.status).toBe(account.disabled.has(one.person) ? 403 : 200);
        // Only names that were a group's then count.
        account.named.set(
          one.person,
          one.names.filter((name) => name === account.alias),
        );
        return;
      }
      case 'end':
        if (!account.groups.delete(one.group)) return;
        for (const group of account.groups.values())
          group.groups = group.groups.filter((id) => id !== one.group);
        await this.ask(`identity/group/id/${this.ids.get(one.group)}`, {}, 'delete');
        return;
      case 'alias':
        await this.ask(`identity/group-alias/id/${this.alias}`, { name: one.name });
        account.alias = one.name;
        return;
      case 'disable':
        await this.ask(`identity/entity/id/${this.people[one.person]?.entity}`, { disabled: one.disabled });
        if (one.disabled) account.disabled.add(one.person);
        else account.disabled.delete(one.person);
    }
  }

  async #members(one: Extract<Step, { kind: 'members' }>): Promise<void> {
    const { account } = this;
    const known = one.groups.filter((id) => account.groups.has(id) || id === one.group);
    const circle = known.some((id) => account.reaches(id, one.group));
    const fields = {
      member_entity_ids: one.people.map((person) => this.people[person]?.entity ?? ''),
      member_group_ids: known.filter((id) => id !== one.group).map((id) => this.ids.get(id) ?? ''),
    };
    const self = known.includes(one.group) ? [this.ids.get(one.group) ?? ''] : [];
    const before = account.groups.get(one.group);
    if (before === undefined) {
      if (self.length > 0) return;
      const made = await this.ask('identity/group', { ...fields, policies: ['p'] });
      expect(made.status).toBe(200);
      this.ids.set(one.group, String(made.data['id']));
      account.groups.set(one.group, { people: one.people, groups: known, policies: ['p'] });
      return;
    }
    const asked = { ...fields, member_group_ids: [...fields.member_group_ids, ...self] };
    const { status } = await this.ask(`identity/group/id/${this.ids.get(one.group)}`, asked);
    expect(status).toBe(circle ? 400 : 204);
    if (circle) return;
    before.people = one.people;
    before.groups = known;
  }

  async check(): Promise<void> {
    for (const person of people) {
      for (const _ of this.#nodes) {
        const self = await this.ask('auth/token/lookup-self', {}, 'read', this.people[person]?.token);
        expect(self.status).toBe(this.account.disabled.has(person) ? 403 : 200);
        if (self.status !== 200) continue;
        expect(self.data['identity_policies'] ?? []).toEqual(this.account.policiesOf(person));
      }
    }
  }
}

it('tokens have the policies that a plain account of groups says, on every node, after each change', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      const place = await makePlace({ silent: true, authMethods: [aliasedType] });
      const first = await place.node();
      await ask(first, 'update', 'sys/auth/who', { type: 'aliased' });
      const world = new World([first, await place.node()]);
      await world.begin();
      for (const one of steps) {
        await world.take(one);
        await world.check();
      }
      await place.remove();
    }),
    { numRuns: 25 },
  );
}, 120_000);
