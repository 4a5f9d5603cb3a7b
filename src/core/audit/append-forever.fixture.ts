/** A process that appends until it is killed, and says on stdout which lines it was told are kept. */
import { createSecretKey } from 'node:crypto';
import { writeSync } from 'node:fs';
import { systemClock } from '../../clock.ts';
import { systemRandom } from '../../crypto/random.ts';
import { TestBarrier } from './audit.fixture.ts';
import { openAuditLog } from './log.ts';

const [directory = '', storeFile = '', fileSize = 'none'] = process.argv.slice(2);
const log = await openAuditLog({
  directory,
  store: new TestBarrier(storeFile),
  digestKey: createSecretKey(Buffer.alloc(32, 7)),
  signingSeed: Buffer.alloc(32, 9),
  clock: systemClock,
  random: systemRandom,
  nodeName: 'here',
  segmentBytes: 256 * 1024,
  reserveBytes: fileSize === 'none' ? 0 : Number(fileSize),
  isUrgent: (entry) => entry['operation'] === 'delete',
  onFailure: (error) => process.stderr.write(`${error.code}\n`),
});

for (let id = 1; ; ) {
  const group: Promise<void>[] = [];
  for (let n = 0; n < 20; n++, id++) {
    const entry = { type: 'request', request_id: `r-${id}`, filler: 'x'.repeat(id % 300) } as const;
    group.push(log.append(entry, n === 0 ? 'disk' : 'kernel'));
  }
  await Promise.all(group);
  // The parent reads no more than this, so that what it sees was acknowledged before the kill.
  writeSync(1, `${id - 1}\n`);
}
