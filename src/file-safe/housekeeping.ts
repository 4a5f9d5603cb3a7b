/**
 * What a server's duties would do: removing values whose secrets are gone, and what a crash left of large ones; a new key before the
 * old one has sealed too much. Done at the end of a process that wrote something, since nobody else is there to do it.
 */
import type { Barrier } from '../barrier/barrier.ts';
import { sealLimit } from '../barrier/seal-budget.ts';
import type { Clock } from '../clock.ts';
import { dueShards, parseDue, shardPrefix } from '../core/due.ts';
import { ConflictError } from '../errors.ts';

/** Entries a shard, each time: what is left waits for the next process. */
const mostAShard = 16;

/** @param onDue does what is due by a name; harmless when done twice */
export async function keepHouse(
  barrier: Barrier,
  id: string,
  clock: Clock,
  onDue: (name: string) => Promise<void>,
): Promise<void> {
  for (let shard = 0; shard < dueShards; shard++) {
    const { items } = await barrier.range(shardPrefix(shard), { limit: mostAShard });
    for (const { key } of items) {
      const due = parseDue(key);
      if (due.at > clock.now()) break;
      if (due.kind !== 'mount' || !due.id.startsWith(`${id}/`)) continue;
      await unlessMet(async () => {
        await onDue(due.id.slice(id.length + 1));
        await barrier.commit([{ key, value: null }]);
      });
    }
  }
  await unlessMet(async () => {
    if ((await barrier.newestTerm()).seals > sealLimit / 2) await barrier.rotate();
  });
}

/** Another process doing the same at the same moment does it for us. */
async function unlessMet(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
  }
}
