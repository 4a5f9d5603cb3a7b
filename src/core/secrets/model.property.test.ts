/** Random moves, copies, deletions and restores, of secrets and of subtrees, against a model in memory. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ask, finishDuties, finishJobs, keysOf, makePlace, type Place } from '../../../test/fakes/client.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';
import { get, job, kvPath, names, put, secrets } from './secrets.fixture.ts';

interface Version {
  readonly value: number;
  readonly createdAt: number;
  readonly deletedAt: number | null;
}
interface Known {
  readonly createdAt: number;
  readonly current: number;
  readonly versions: ReadonlyMap<number, Version>;
}
type Model = Map<string, Known>;

type Verb = 'move' | 'copy' | 'delete' | 'remove' | 'restore';
type Command =
  | { readonly kind: 'put'; readonly path: string }
  | { readonly kind: 'wait' }
  | {
      readonly kind: Verb;
      readonly from: string;
      readonly to: string;
      readonly overwrite: boolean;
      readonly recursive: boolean;
      /** Which of the times so far. */
      readonly mark: number;
    };

const kept = 10;

function written(known: Known | undefined, value: number, now: number): Known {
  const current = (known?.current ?? 0) + 1;
  const versions = new Map(known?.versions ?? []);
  versions.set(current, { value, createdAt: now, deletedAt: null });
  for (const number of versions.keys()) if (number <= current - kept) versions.delete(number);
  return { createdAt: known?.createdAt ?? now, current, versions };
}

/** One secret's turn; answers whether anything was done. */
function apply(
  model: Model,
  verb: Verb,
  from: string,
  to: string,
  overwrite: boolean,
  at: number,
  now: number,
): boolean {
  const source = model.get(from);
  if (source === undefined) return false;
  if (verb === 'move' || verb === 'copy') {
    if (from === to || (model.has(to) && !overwrite)) return false;
    model.set(to, source);
    if (verb === 'move') model.delete(from);
    return true;
  }
  if (verb === 'remove') return model.delete(from);
  const current = source.versions.get(source.current);
  if (verb === 'delete') {
    if (current === undefined || current.deletedAt !== null) return false;
    model.set(from, {
      ...source,
      versions: new Map(source.versions).set(source.current, { ...current, deletedAt: now }),
    });
    return true;
  }
  const old = [...source.versions].findLast(([, version]) => version.createdAt <= at);
  if (old === undefined || (old[1].deletedAt !== null && old[1].deletedAt <= at)) return false;
  if (old[0] === source.current && old[1].deletedAt === null) return false;
  model.set(from, written(source, old[1].value, now));
  return true;
}

const name = fc.constantFrom('a', 'f/a', 'f/b', 'f/g/a');
const path = fc.tuple(fc.constantFrom('secret', 'team'), name).map(([mount, rest]) => `${mount}/${rest}`);
const folder = fc.constantFrom('secret/f', 'secret/h', 'team/f', 'team/f/g', 'team');
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: path.map((put) => ({ kind: 'put' as const, path: put })) },
  { weight: 2, arbitrary: fc.constant({ kind: 'wait' as const }) },
  {
    weight: 5,
    arbitrary: fc.boolean().chain((recursive) =>
      fc.record({
        kind: fc.constantFrom<Verb>('move', 'move', 'copy', 'copy', 'delete', 'restore', 'restore', 'remove'),
        from: recursive ? folder : path,
        to: recursive ? folder : path,
        overwrite: fc.boolean(),
        recursive: fc.constant(recursive),
        mark: fc.nat(9),
      }),
    ),
  },
);

class Run {
  readonly #place: Place;
  readonly #node: CofferNode;
  readonly #model: Model = new Map();
  readonly #marks: number[];
  #value = 0;

  constructor(place: Place, node: CofferNode) {
    this.#place = place;
    this.#node = node;
    this.#marks = [place.clock.now()];
  }

  async do(step: Command): Promise<void> {
    const now = this.#place.clock.now();
    if (step.kind === 'wait') {
      this.#marks.push(now);
      this.#place.clock.jump(1);
    } else if (step.kind === 'put') {
      this.#value += 1;
      await put(this.#node, step.path, { value: this.#value });
      this.#model.set(step.path, written(this.#model.get(step.path), this.#value, now));
    } else await this.#change(step, now);
  }

  async #change(step: Exclude<Command, { kind: 'put' | 'wait' }>, now: number): Promise<void> {
    const { kind, from, to, overwrite, recursive, mark } = step;
    // Now is not over yet: what is written later in the same millisecond would belong to it.
    const at = this.#marks[mark % this.#marks.length] ?? 0;
    const transfer = kind === 'move' || kind === 'copy';
    const fields: JsonObject = transfer ? { from, to, overwrite, recursive } : { path: from, recursive };
    const extra: JsonObject =
      kind === 'restore' ? { at: String(at / 1_000) } : kind === 'remove' ? { all: true } : {};
    const verb = kind === 'remove' ? 'delete' : kind;
    const answer = await secrets(this.#node, verb, { ...fields, ...extra });
    const count = {
      move: 'moved',
      copy: 'copied',
      delete: 'deleted',
      remove: 'deleted',
      restore: 'restored',
    }[kind];
    if (!recursive) {
      const done = apply(this.#model, kind, from, to, overwrite, at, now);
      expect({ step, changed: answer.data[count] === 1 }).toEqual({ step, changed: done });
      return;
    }
    const nested =
      from.split('/')[0] === to.split('/')[0] &&
      (`${from}/`.startsWith(`${to}/`) || `${to}/`.startsWith(`${from}/`));
    if (transfer && nested) {
      expect(answer.status).toBe(400);
      return;
    }
    await finishJobs(this.#node);
    const below = [...this.#model.keys()].filter((key) => key.startsWith(`${from}/`)).toSorted();
    const changed = below.filter((key) =>
      apply(this.#model, kind, key, to + key.slice(from.length), overwrite, at, now),
    );
    const { status, result } = await job(this.#node, answer.data['job_id']);
    expect({ step, status, changed: (result as JsonObject)[count] }).toEqual({
      step,
      status: 'done',
      changed: changed.length,
    });
  }

  async check(): Promise<void> {
    const found = [...(await names(this.#node, 'secret')), ...(await names(this.#node, 'team'))];
    expect(found.toSorted()).toEqual([...this.#model.keys()].toSorted());
    for (const [key, { current, versions }] of this.#model) {
      const { data } = await ask(this.#node, 'read', kvPath(key, 'metadata'));
      expect(data['current_version']).toBe(current);
      expect(Object.keys(data['versions'] as object).map(Number)).toEqual([...versions.keys()]);
      for (const [number, { value, deletedAt }] of versions) {
        expect(await get(this.#node, key, number)).toEqual(deletedAt === null ? { value } : undefined);
      }
    }
    // Every value has a secret it belongs to.
    await finishDuties(this.#node, this.#place.clock);
    const values = [...this.#model.values()].reduce((sum, { versions }) => sum + versions.size, 0);
    expect((await keysOf(this.#place.storage, 'mount/')).length).toBe(this.#model.size + values);
  }
}

it('any sequence of changes leaves what the model has, and no value without its secret', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 30 }), async (commands) => {
      const place = await makePlace({ silent: true });
      try {
        const node = await place.node();
        await ask(node, 'update', 'sys/mounts/team', { type: 'kv', options: { version: '2' } });
        const run = new Run(place, node);
        // Most commands need something to work on.
        for (const start of ['secret/a', 'secret/f/a', 'secret/f/g/a', 'team/f/b'])
          await run.do({ kind: 'put', path: start });
        for (const step of commands) await run.do(step);
        await run.check();
      } finally {
        await place.remove();
      }
    }),
    { numRuns: 100 },
  );
}, 120_000);
