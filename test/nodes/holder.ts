/**
 * A process that holds a duty's lock in an embedded store and takes one turn at each line of its standard input: it touches the
 * outside, which is a file, and commits under its fence. It says on standard output what came of either. Started by `startHolder`.
 */
import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Barrier } from '../../src/barrier/barrier.ts';
import { systemClock } from '../../src/clock.ts';
import { DutyLock } from '../../src/core/duty/lock.ts';
import { systemRandom } from '../../src/crypto/random.ts';
import { asCofferError } from '../../src/errors.ts';
import { openLmdbStorage } from '../../src/storage/lmdb/lmdb.ts';
import { parseStorageKey } from '../../src/storage/storage.ts';

const [path = '', rootKey = '', storeId = '', outside = ''] = process.argv.slice(2);
const storage = await openLmdbStorage({ path, create: false });
const barrier = new Barrier({ storage, random: systemRandom, clock: systemClock });
await barrier.unseal(Buffer.from(rootKey, 'hex'), storeId);
const lock = await new DutyLock(barrier, systemClock, 'test', `process ${process.pid}`).acquire();

async function outcome(action: () => Promise<unknown>): Promise<string> {
  try {
    await action();
    return 'done';
  } catch (error) {
    return asCofferError(error).code;
  }
}

process.stdout.write(`${lock === undefined ? 'nothing' : 'holds'}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  const touched = await outcome(async () =>
    lock?.outside(async () => appendFileSync(outside, `process: ${line}\n`)),
  );
  const value = Buffer.from(`process: ${line}`);
  const expectations = lock === undefined ? [] : [lock.expectation()];
  const written = await outcome(() =>
    barrier.commit([{ key: parseStorageKey('core/work'), value }], expectations),
  );
  process.stdout.write(`outside ${touched}, store ${written}\n`);
}
await storage.close();
