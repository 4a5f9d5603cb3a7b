import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytes, key } from '../opened-storage.ts';
import type { Revision } from '../storage.ts';
import { CommitQueue, type Queued } from './commit-queue.ts';
import { planOf } from './plan.ts';

interface Numbered extends Queued {
  readonly number: number;
}

function commit(
  number: number,
  written: readonly string[],
  expected: readonly string[],
  revision = 1,
): Numbered {
  const writes = written.map((name) => ({ key: key(name), value: bytes('value') }));
  const expectations = expected.map((name) => ({ key: key(name), revision: revision as Revision }));
  const plan = planOf(
    'table',
    writes,
    writes.map(() => 7 as Revision),
    expectations,
  );
  return { number, plan, bytes: 5 * writes.length, alone: false };
}

/** A queue whose groups end when the test says so. */
function staged() {
  const groups: { readonly group: readonly Numbered[]; readonly end: () => Promise<void> }[] = [];
  const queue = new CommitQueue<Numbered>(
    (group) =>
      new Promise<void>((resolve) => {
        const end = async (): Promise<void> => {
          resolve();
          await new Promise((next) => setImmediate(next));
        };
        groups.push({ group, end });
      }),
  );
  const numbers = () => groups.map(({ group }) => group.map(({ number }) => number));
  return { queue, groups, numbers };
}

describe('commits that wait', () => {
  it('go together where they have only an expectation in common', async () => {
    const { queue, groups, numbers } = staged();
    for (let number = 0; number < 4; number++) queue.add(commit(number, [`w${number}`], ['role']));
    queue.add(commit(4, ['elsewhere'], []));
    expect(numbers()).toEqual([[0], [4]]);
    await groups[0]?.end();
    expect(numbers()).toEqual([[0], [4], [1, 2, 3]]);
  });

  it('go one after the other where one writes what the other names, or expects something else', async () => {
    const { queue, groups, numbers } = staged();
    queue.add(commit(0, ['a'], ['role']));
    queue.add(commit(1, ['role'], []));
    queue.add(commit(2, ['b'], ['role']));
    queue.add(commit(3, ['c'], ['role'], 2));
    for (let turn = 0; turn < 4; turn++) {
      expect(numbers()).toHaveLength(turn + 1);
      await groups[turn]?.end();
    }
    expect(numbers()).toEqual([[0], [1], [2], [3]]);
  });

  it('go alone once their group has failed, and before those who came later', async () => {
    const { queue, groups, numbers } = staged();
    for (let number = 0; number < 4; number++) queue.add(commit(number, [`w${number}`], ['role']));
    await groups[0]?.end();
    const failed = groups[1]?.group ?? [];
    for (const each of failed) each.alone = true;
    queue.add(commit(4, ['w4'], ['role']));
    queue.addAgain(failed);
    for (let turn = 1; turn < 5; turn++) await groups[turn]?.end();
    expect(numbers()).toEqual([[0], [1, 2, 3], [1], [2], [3], [4]]);
  });

  it('are no more than a transaction takes', async () => {
    const { queue, groups, numbers } = staged();
    for (let number = 0; number <= 100; number++)
      queue.add(commit(number, [`w${number}`, `v${number}`], ['role']));
    await groups[0]?.end();
    expect(numbers()[1]).toHaveLength(47);
  });

  it('all go, each once, no two of a key at a time, and in order on every key that is written', async () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const names = fc.uniqueArray(name, { maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(names, names), { maxLength: 30 }),
        fc.infiniteStream(fc.nat(9)),
        async (wishes, draw) => {
          const { queue, groups, numbers } = staged();
          for (const [number, [written, expected]] of wishes.entries())
            queue.add(commit(number, written, expected));
          const open = new Set<number>();
          for (let seen = 0; ; ) {
            for (; seen < groups.length; seen++) open.add(seen);
            const keys = [...open].flatMap((at) => [
              ...new Set(groups[at]?.group.flatMap(({ plan }) => plan.map((each) => each.key))),
            ]);
            expect(new Set(keys).size).toBe(keys.length);
            const [next] = [...open].slice((draw.next().value ?? 0) % Math.max(1, open.size));
            if (next === undefined) break;
            open.delete(next);
            await groups[next]?.end();
          }
          const order = numbers().flat();
          expect(order.toSorted((a, b) => a - b)).toEqual(wishes.map((_, number) => number));
          for (const [first, [written]] of wishes.entries()) {
            for (const [second, [others, expected]] of wishes.entries()) {
              if (
                second <= first ||
                !written.some((each) => others.includes(each) || expected.includes(each))
              )
                continue;
              expect(order.indexOf(first)).toBeLessThan(order.indexOf(second));
            }
          }
        },
      ),
      { numRuns: 50 },
    );
  });
});
