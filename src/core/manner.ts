/**
 * How a node is there. Most stay: they tell the others of themselves, and take their turn in the duties each second. What is frozen
 * between two requests cannot do either, and what is called for the duties alone does both for as long as it was given.
 */
import type { Core } from './core.ts';
import { lockTime } from './duty/lock.ts';

/**
 * `rests`: nothing of it runs by itself, it counts nowhere as a node, and whoever made it has it `awaken` before it serves. `visits`:
 * it joins, works when it is told to (`workOnDuties`), and leaves.
 */
export type Manner = 'rests' | 'visits';

/**
 * Before a request that comes after a rest: levels of formats may have risen without this node. Throws `store_unusable` where the
 * store holds by now what this program does not read.
 */
export async function awaken(core: Core): Promise<void> {
  await core.formats.look();
}

/** Milliseconds between two looks at a lock that another holds, and how long it is watched at most: longer than any lock lasts. */
const betweenLooks = 1_000;
const watched = lockTime + 4 * betweenLooks;

/**
 * One turn of the duties: works until nothing is left that is due now, or until time is up, and has given its locks back when it
 * resolves. What was begun comes to its end, which may take as long as a lock lasts. A lock whose holder died is watched until it is
 * over: whoever comes next would have seen nothing of it. Rejects as the store does. The core works on duties no more afterwards.
 *
 * @param milliseconds after which nothing further is begun
 */
export async function workOnDuties(core: Core, milliseconds: number): Promise<void> {
  const { expiry, outside, jobDuty, notices, tokenReader, rotation, clock } = core;
  const end = clock.steady() + milliseconds;
  const stop = () => {
    expiry.stop();
    outside.stop();
    jobDuty.stop();
    void notices.stop().catch(() => undefined);
  };
  const timer = clock.after(milliseconds, stop);
  try {
    await core.at((await tokenReader.read(undefined)).epoch);
    // Before all else: nothing else can be written once a term is used up.
    await rotation.rotateIfDue();
    const giveUp = Math.min(end, clock.steady() + watched);
    for (;;) {
      await jobDuty.run();
      // What ends may leave long work behind.
      const ended = (await expiry.run()) + (await outside.run());
      await outside.settled();
      if (ended > 0 && clock.steady() < end) continue;
      await notices.run();
      const waits = expiry.waits || outside.waits || jobDuty.waits || notices.waits;
      if (!waits || clock.steady() >= giveUp) return;
      await new Promise<void>((resolve) => void clock.after(betweenLooks, resolve));
    }
  } finally {
    timer[Symbol.dispose]();
    stop();
  }
}
