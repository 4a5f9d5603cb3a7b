/**
 * A store that fails at any one of a move's commits, before or after its effect: a secret is whole at exactly one of both places,
 * a copy leaves its source alone, and a job cut off anywhere is ended by another node with nothing lost.
 */
import { describe, expect, it } from 'vitest';
import { job, names, put, secrets, whole } from '../../src/core/secrets/secrets.fixture.ts';
import type { JsonObject } from '../../src/json.ts';
import type { CofferNode } from '../../src/main/node.ts';
import { ask, finishDuties, finishJobs, keysOf, makePlace, type Place } from '../fakes/client.ts';
import { failNth, faultyStorage } from './storage-fault.ts';

const large = { text: 'z'.repeat(500_000) };

async function fill(node: CofferNode, path: string): Promise<void> {
  for (let n = 0; n < 3; n++) await put(node, path, { n });
  await put(node, path, large);
}

/** A healthy node, and one whose store fails at its `nth` commit from `arm` on. */
async function pair(nth: number, kind: 'before' | 'after') {
  const place = await makePlace({ silent: true });
  const healthy = await place.node();
  await ask(healthy, 'update', 'sys/mounts/team', { type: 'kv', options: { version: '2' } });
  healthy.state.core?.jobDuty.stop();
  const plan = failNth('commit', nth, kind);
  let armed = false;
  const storage = faultyStorage(place.storage, (count, operation) =>
    armed ? plan(count, operation) : undefined,
  );
  const ill = await place.node(storage);
  return {
    place,
    healthy,
    ill,
    arm: () => {
      armed = true;
    },
    reached: () => storage.calls.some(({ fault }) => fault !== undefined),
  };
}

/** Tries every commit in turn, until there is none that far. */
async function atEveryCommit(
  attempt: (nth: number, kind: 'before' | 'after') => Promise<boolean>,
): Promise<number> {
  for (let nth = 1; ; nth++) {
    expect(nth).toBeLessThan(60);
    const reached = [await attempt(nth, 'before'), await attempt(nth, 'after')];
    if (!reached.includes(true)) return nth - 1;
  }
}

async function leftovers(place: Place, node: CofferNode): Promise<readonly string[]> {
  place.clock.jump(4_000);
  await finishDuties(node, place.clock);
  return (await keysOf(place.storage, 'mount/')).filter((key) => /\/(copy|trash|upload)\//.test(key));
}

describe.each(['move', 'copy'])('a %s that fails at any of its commits', (verb) => {
  it.each(['secret/b', 'team/b'])(
    'to %s is done whole or not at all, and can be asked for again',
    async (to) => {
      const tried = await atEveryCommit(async (nth, kind) => {
        const { place, healthy, ill, arm, reached } = await pair(nth, kind);
        try {
          await fill(healthy, 'secret/a');
          const before = await whole(healthy, 'secret/a');
          arm();
          const { status } = await secrets(ill, verb, { from: 'secret/a', to });
          const [source, target] = [await whole(healthy, 'secret/a'), await whole(healthy, to)];
          if (verb === 'copy') expect(source).toEqual(before);
          else expect([source, target].filter((one) => one !== undefined)).toEqual([before]);
          if (target !== undefined) expect(target).toEqual(before);
          if (status === 200) expect(target).toEqual(before);
          if (target === undefined) {
            expect((await secrets(healthy, verb, { from: 'secret/a', to })).status).toBe(200);
            expect(await whole(healthy, to)).toEqual(before);
          }
          expect(await leftovers(place, healthy)).toEqual([]);
          expect(await whole(healthy, to)).toEqual(before);
          return reached();
        } finally {
          await place.remove();
        }
      });
      expect(tried).toBeGreaterThan(0);
    },
  );

  it.each(['secret/y/', 'team/'])(
    'of a subtree to %s is ended by another node',
    async (to) => {
      const tried = await atEveryCommit(async (nth, kind) => {
        const { place, healthy, ill, arm, reached } = await pair(nth, kind);
        try {
          for (let n = 0; n < 30; n++) await put(healthy, `secret/x/${n}`, { n });
          await fill(healthy, 'secret/x/large');
          const before = new Map<string, JsonObject | undefined>();
          for (const path of await names(healthy, 'secret/x')) before.set(path, await whole(healthy, path));
          arm();
          const answer = await secrets(ill, verb, { from: 'secret/x', to, recursive: true });
          await finishJobs(ill).catch(() => undefined);
          for (const [path, content] of before) {
            const target = to + path.slice('secret/x/'.length);
            const found = [await whole(healthy, path), await whole(healthy, target)].filter(
              (one) => one !== undefined,
            );
            expect(found).toEqual(verb === 'copy' && found.length === 2 ? [content, content] : [content]);
          }
          const other = await place.node();
          await finishJobs(other);
          // The one that broke down is seen to be silent for as long as its lock lasts.
          place.clock.jump(120);
          await finishJobs(other);
          const id =
            answer.data['job_id'] ??
            (((await ask(other, 'list', 'sys/jobs')).data['keys'] ?? []) as string[])[0];
          // The commit that begins it may have failed: then there is none, and nothing was done.
          if (id === undefined) expect(await names(healthy, to)).toEqual([]);
          else {
            expect(await job(other, id)).toMatchObject({ status: 'done', done: 31, result: { skipped: 0 } });
            for (const [path, content] of before) {
              expect(await whole(healthy, to + path.slice('secret/x/'.length))).toEqual(content);
              expect(await whole(healthy, path)).toEqual(verb === 'copy' ? content : undefined);
            }
          }
          expect(await leftovers(place, other)).toEqual([]);
          return reached();
        } finally {
          await place.remove();
        }
      });
      expect(tried).toBeGreaterThan(3);
    },
    120_000,
  );
});
