/** Random operations on kv of both versions, beside a plain model in memory: after each, every secret is as the model has it. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ask, expiryOf, finishDuties, keysOf, makePlace, type Place } from '../../../test/fakes/client.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

const names = ['a', 'a/b'];
const week = 7 * 86_400;

interface ModelVersion {
  data: JsonObject | undefined;
  /** Seconds; undefined: not deleted. */
  deletedAt: number | undefined;
  byItself: boolean;
}

interface ModelSecret {
  versions: Map<number, ModelVersion>;
  last: number;
  maxVersions: number;
  deleteAfter: number;
}

type Step =
  | { readonly kind: 'write'; readonly name: string; readonly data: JsonObject; readonly cas: number | null }
  | { readonly kind: 'patch'; readonly name: string; readonly data: JsonObject }
  | {
      readonly kind: 'delete' | 'undelete' | 'destroy';
      readonly name: string;
      readonly versions: readonly number[];
    }
  | {
      readonly kind: 'set';
      readonly name: string;
      readonly maxVersions: number;
      readonly deleteAfter: number;
    }
  | { readonly kind: 'remove'; readonly name: string }
  | { readonly kind: 'wait'; readonly seconds: number };

const name = fc.constantFrom(...names);
const data = fc.dictionary(
  fc.constantFrom('x', 'y', '__proto__'),
  fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constant('p'.repeat(250_000))),
  { maxKeys: 2, noNullPrototype: false },
) as fc.Arbitrary<JsonObject>;
const patchData = fc.dictionary(
  fc.constantFrom('x', 'y'),
  fc.constantFrom(null, 1, 'z'),
) as fc.Arbitrary<JsonObject>;
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      name,
      data,
      cas: fc.option(fc.integer({ min: 0, max: 4 })),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('patch' as const), name, data: patchData }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('delete' as const, 'undelete' as const, 'destroy' as const),
      name,
      versions: fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('set' as const),
      name,
      maxVersions: fc.integer({ min: 0, max: 4 }),
      deleteAfter: fc.constantFrom(0, 60),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), name }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      seconds: fc.constantFrom(1, 61, week, week + 61),
    }),
  },
);

/** What a step does to the model. */
class Model {
  readonly secrets = new Map<string, ModelSecret>();
  now = 0;

  isThere(version: ModelVersion | undefined): version is ModelVersion & { data: JsonObject } {
    if (version?.data === undefined) return false;
    return version.deletedAt === undefined || version.deletedAt > this.now;
  }

  apply(step: Step): void {
    const secret = step.kind === 'wait' ? undefined : this.secrets.get(step.name);
    switch (step.kind) {
      case 'wait':
        this.#wait(step.seconds);
        return;
      case 'write':
        if (step.cas === null || step.cas === (secret?.last ?? 0)) this.#add(step.name, step.data);
        return;
      case 'patch': {
        const current = secret?.versions.get(secret.last);
        if (this.isThere(current)) this.#add(step.name, merged(current.data, step.data));
        return;
      }
      case 'set': {
        const { maxVersions, deleteAfter } = step;
        Object.assign(this.#secret(step.name), { maxVersions, deleteAfter });
        return;
      }
      case 'remove':
        this.secrets.delete(step.name);
        return;
      default:
        for (const number of step.versions) this.#mark(step.kind, secret?.versions.get(number));
    }
  }

  #mark(kind: 'delete' | 'undelete' | 'destroy', version: ModelVersion | undefined): void {
    if (version?.data === undefined) return;
    if (kind === 'destroy') version.data = undefined;
    else if (kind === 'undelete') Object.assign(version, { deletedAt: undefined, byItself: false });
    else if (this.isThere(version)) Object.assign(version, { deletedAt: this.now, byItself: false });
  }

  #secret(name: string): ModelSecret {
    const known = this.secrets.get(name);
    const secret = known ?? { versions: new Map(), last: 0, maxVersions: 0, deleteAfter: 0 };
    this.secrets.set(name, secret);
    return secret;
  }

  #add(name: string, data: JsonObject): void {
    const secret = this.#secret(name);
    const byItself = secret.deleteAfter > 0;
    secret.versions.set(++secret.last, {
      data,
      deletedAt: byItself ? this.now + secret.deleteAfter : undefined,
      byItself,
    });
    for (const number of secret.versions.keys()) {
      if (number <= secret.last - (secret.maxVersions || 10)) secret.versions.delete(number);
    }
  }

  #wait(seconds: number): void {
    this.now += seconds;
    for (const { versions } of this.secrets.values()) {
      for (const version of versions.values()) {
        const { byItself, deletedAt } = version;
        if (byItself && deletedAt !== undefined && deletedAt + week <= this.now) version.data = undefined;
      }
    }
  }
}

function merged(target: JsonObject, patch: JsonObject): JsonObject {
  const entries = new Map(Object.entries(target));
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) entries.delete(field);
    else entries.set(field, value);
  }
  return Object.fromEntries(entries);
}

async function act(node: CofferNode, place: Place, step: Step): Promise<void> {
  switch (step.kind) {
    case 'write': {
      const options = step.cas === null ? {} : { cas: step.cas };
      await ask(node, 'update', `secret/data/${step.name}`, { data: step.data, options });
      return;
    }
    case 'patch':
      await ask(node, 'patch', `secret/data/${step.name}`, { data: step.data });
      return;
    case 'set':
      await ask(node, 'update', `secret/metadata/${step.name}`, {
        max_versions: step.maxVersions,
        delete_version_after: step.deleteAfter,
      });
      return;
    case 'remove':
      await ask(node, 'delete', `secret/metadata/${step.name}`);
      return;
    case 'wait':
      place.clock.jump(step.seconds);
      while ((await expiryOf(node).run()) > 0);
      return;
    default:
      await ask(node, 'update', `secret/${step.kind}/${step.name}`, { versions: [...step.versions] });
  }
}

async function compare(node: CofferNode, model: Model): Promise<void> {
  for (const path of names) {
    const secret = model.secrets.get(path);
    const { status, data } = await ask(node, 'read', `secret/metadata/${path}`);
    expect(status).toBe(secret === undefined ? 404 : 200);
    if (secret === undefined) continue;
    expect(data['current_version']).toBe(secret.last);
    expect(Object.keys(data['versions'] as JsonObject)).toEqual([...secret.versions.keys()].map(String));
    for (let number = 0; number <= secret.last; number++) {
      const version = secret.versions.get(number || secret.last);
      const shown = await ask(node, 'read', `secret/data/${path}`, { version: number });
      expect(shown.status).toBe(model.isThere(version) ? 200 : 404);
      expect(JSON.stringify(shown.data['data'] ?? null)).toBe(
        JSON.stringify(model.isThere(version) ? version.data : null),
      );
      expect(shown.hasData).toBe(version !== undefined);
    }
  }
}

it('kv version 2 does what its model does, and keeps no value that the model has lost', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40, size: 'max' }), async (steps) => {
      const place = await makePlace({ silent: true });
      try {
        const node = await place.node();
        // Each look from a node whose caches are cold, and from one whose caches are warm.
        const other = await place.node();
        const model = new Model();
        for (const [index, step] of steps.entries()) {
          await act(index % 2 === 0 ? node : other, place, step);
          model.apply(step);
        }
        await compare(node, model);
        await compare(other, model);
        await compare(await place.node(), model);
        place.clock.jump(3_600);
        await finishDuties(node, place.clock);
        const values = (await keysOf(place.storage, 'mount/')).filter((key) => key.includes('/version/'));
        const small = [...model.secrets.values()].flatMap(({ versions }) =>
          [...versions.values()].filter((version) => version.data !== undefined && !isLarge(version.data)),
        );
        expect(values.length).toBeLessThanOrEqual(small.length);
      } finally {
        await place.remove();
      }
    }),
    { numRuns: 30 },
  );
}, 120_000);

function isLarge(data: JsonObject): boolean {
  return JSON.stringify(data).length > 240 * 1024;
}

type PlainStep =
  | { readonly kind: 'write'; readonly name: string; readonly data: JsonObject }
  | { readonly kind: 'delete'; readonly name: string };

const plainStep: fc.Arbitrary<PlainStep> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('write' as const), name, data }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), name }) },
);

it('kv version 1 does what a map does, and after its upgrade version 2 has that map', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(plainStep, { maxLength: 25 }), async (steps) => {
      const place = await makePlace({ silent: true });
      try {
        const node = await place.node();
        const other = await place.node();
        await ask(node, 'update', 'sys/mounts/m', { type: 'kv' });
        const model = new Map<string, string>();
        for (const [index, step] of steps.entries()) {
          const at = index % 2 === 0 ? node : other;
          if (step.kind === 'write') {
            await ask(at, 'update', `m/${step.name}`, step.data);
            if (Object.keys(step.data).length > 0) model.set(step.name, JSON.stringify(step.data));
          } else {
            await ask(at, 'delete', `m/${step.name}`);
            model.delete(step.name);
          }
        }
        for (const name of names) {
          const { status, data } = await ask(node, 'read', `m/${name}`);
          expect(status === 200 ? JSON.stringify(data) : undefined).toBe(model.get(name));
        }
        expect((await ask(other, 'update', 'sys/mounts/m/tune', { options: { version: 2 } })).status).toBe(
          204,
        );
        for (const name of names) {
          const { status, data } = await ask(node, 'read', `m/data/${name}`);
          expect(status === 200 ? JSON.stringify(data['data']) : undefined).toBe(model.get(name));
        }
        await finishDuties(node, place.clock);
        const keys = await keysOf(place.storage, 'mount/');
        expect(keys.filter((key) => key.includes('/meta/'))).toHaveLength(model.size);
      } finally {
        await place.remove();
      }
    }),
    { numRuns: 25 },
  );
}, 120_000);
