/** Random changes of few names and lists, held against a model: who reads what, and who is shown which names. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ask } from '../../../test/fakes/client.ts';
import { makeRolePlace, type RolePlace } from '../../../test/fakes/role-place.ts';

const people = ['ann', 'bob', 'eve'];
const names = ['a', 'a/b', 'a/b/c', 'd/e'];

const who = fc.uniqueArray(fc.constantFrom(...people));
const step = fc.record({
  verb: fc.constantFrom('put', 'add', 'remove', 'delete'),
  name: fc.constantFrom(...names),
  who,
});

let at: RolePlace;
const tokens = new Map<string, string>();
beforeAll(async () => {
  at = await makeRolePlace({}, { silent: true });
  for (const person of people) tokens.set(person, await at.logIn(person, 'people'));
}, 60_000);
afterAll(() => at.place.remove());

async function shownNames(mount: string, token: string, folder = ''): Promise<readonly string[]> {
  const { data } = await ask(at.node, 'list', `${mount}/metadata/${folder}`, {}, token);
  const keys = (data['keys'] ?? []) as readonly string[];
  const below = await Promise.all(
    keys.map((key) => (key.endsWith('/') ? shownNames(mount, token, folder + key) : [folder + key])),
  );
  return below.flat();
}

let mounts = 0;

it('shows and opens to each what the lists say', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const mount = `model-${mounts++}`;
      await ask(at.node, 'update', `sys/mounts/${mount}`, { type: 'role-secrets' });
      const model = new Map<string, Set<string>>();
      for (const { verb, name, who: persons } of steps) {
        const roles = persons.map((person) => `people/${person}`);
        const list = model.get(name);
        if (verb === 'put') {
          await ask(at.node, 'update', `${mount}/data/${name}`, { value: 'x', roles });
          model.set(name, new Set(persons));
        } else if (verb === 'delete') {
          await ask(at.node, 'delete', `${mount}/metadata/${name}`);
          model.delete(name);
        } else if (roles.length > 0) {
          await ask(at.node, 'update', `${mount}/roles/${name}`, { [verb]: roles });
          for (const person of persons) if (verb === 'add') list?.add(person);
          for (const person of persons) if (verb === 'remove') list?.delete(person);
        }
      }
      for (const person of people) {
        const token = tokens.get(person) ?? '';
        const own = names.filter((name) => model.get(name)?.has(person) === true);
        expect((await shownNames(mount, token)).toSorted()).toEqual(own);
        for (const name of names) {
          const { status } = await ask(at.node, 'read', `${mount}/data/${name}`, {}, token);
          expect(status).toBe(own.includes(name) ? 200 : 403);
        }
      }
      const root = await ask(at.node, 'list', `${mount}/metadata/`);
      expect(root.status).toBe(model.size === 0 ? 404 : 200);
    }),
    { numRuns: 25 },
  );
}, 60_000);
