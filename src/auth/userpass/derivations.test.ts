import { expect, it } from 'vitest';
import { Derivations } from './derivations.ts';

/** Work that ends when it is told to. */
function held() {
  const { promise, resolve } = withResolvers();
  return { work: () => promise, end: resolve };
}

function withResolvers() {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

const tooMany = expect.objectContaining({ code: 'rate_limited' });

it('runs no more at once than it may, in the order in which they came', async () => {
  const derivations = new Derivations({ atOnce: 2, waiting: 10, waitingPerOrigin: 10 });
  const begun: number[] = [];
  const works = Array.from({ length: 5 }, held);
  const all = works.map(({ work }, index) =>
    derivations.run(`192.0.2.${index}`, () => {
      begun.push(index);
      return work();
    }),
  );
  await Promise.resolve();
  await Promise.resolve();
  expect(begun).toEqual([0, 1]);
  for (const [index, { end }] of works.entries()) {
    end();
    await all[index];
    await Promise.resolve();
    await Promise.resolve();
    expect(begun.length).toBeLessThanOrEqual(index + 3);
  }
  expect(begun).toEqual([0, 1, 2, 3, 4]);
});

it('threat 15: one origin cannot fill the queue, and the queue ends', async () => {
  const derivations = new Derivations({ atOnce: 1, waiting: 4, waitingPerOrigin: 2 });
  const { work, end } = held();
  const run = (address: string) => derivations.run(address, work);
  const taken = [run('2001:db8::1'), run('2001:db8::2'), run('2001:db8::3')];
  await expect(run('2001:db8::4')).rejects.toEqual(tooMany);
  taken.push(run('192.0.2.1'), run('192.0.2.2'));
  await expect(run('192.0.2.3')).rejects.toEqual(tooMany);
  end();
  await Promise.all(taken);
  await expect(run('192.0.2.3')).resolves.toBeUndefined();
});

it('goes on after work that failed', async () => {
  const derivations = new Derivations({ atOnce: 1, waiting: 4, waitingPerOrigin: 4 });
  const failing = derivations.run('a', () => Promise.reject(new Error('no')));
  const next = derivations.run('b', async () => 'done');
  await expect(failing).rejects.toThrow('no');
  expect(await next).toBe('done');
});
