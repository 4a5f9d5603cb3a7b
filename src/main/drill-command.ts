/** `coffer operator restore-drill`. */
import { defineCommand } from '../cli/command.ts';
import { parseDuration } from '../cli/duration.ts';
import { amountText, ProgressLine } from '../cli/progress-line.ts';
import { systemClock, timestamp } from '../clock.ts';
import { restoreDrill } from '../core/backup/drill.ts';
import { systemRandom } from '../crypto/random.ts';
import { CofferError } from '../errors.ts';
import { MemoryStorage } from '../storage/memory/memory.ts';
import { backupPlace, newestSource } from './backup-places.ts';
import { largestDrill } from './drill-unlock.ts';
import { unwrapRootKey } from './open-barrier.ts';
import { progressText } from './verify-backup-command.ts';

export const command = defineCommand({
  summary: 'Restore the newest backup into memory, prove it, and throw it away',
  operands: { PLACE: 'one' },
  options: {
    keyfile: { type: 'text', value: 'FILE', help: 'keyfile of the store (COFFER_KEYFILE, or COFFER_CONFIG)' },
    store: { type: 'text', value: 'ID', help: 'of this store, where PLACE has backups of several' },
    'older-than': { type: 'text', value: 'TIME', help: 'fail where the newest is older, such as 25h' },
  },
  details: [
    'PLACE is a directory of backups, or s3://BUCKET/PREFIX?region=REGION. The newest backup is checked as verify-backup does it, restored ' +
      'into memory, opened with the keys of the store as a server opens it, and every record of it is read.',
    'Exit code 0: it can be restored; 7: it cannot; 4: these keys are not those of its store; 3: there is none.',
  ],
  examples: [
    'coffer operator restore-drill /srv/backup',
    'coffer operator restore-drill s3://backups/coffer/ --older-than 25h',
  ],
  async run({ operands, options }, shell) {
    const limit = options['older-than'];
    const oldest = limit === undefined ? undefined : parseDuration(limit, '--older-than');
    const place = backupPlace(operands.PLACE, shell.env);
    const progress = new ProgressLine(shell, systemClock);
    try {
      const source = await newestSource(place, options.store);
      if (oldest !== undefined && source.createdAt < systemClock.now() - oldest * 1_000) {
        throw new CofferError(
          'not_found',
          `the newest backup, ${source.path}, is older than ${options['older-than']}`,
        );
      }
      const { backup, records, tokens, leases } = await restoreDrill({
        open: () => source.open(),
        place: () => new MemoryStorage(),
        unlock: (boot) => unwrapRootKey(shell, boot, options.keyfile),
        clock: systemClock,
        random: systemRandom,
        largest: largestDrill,
        onProgress: (phase, done) => progress.show(() => progressText(phase, done, 0)),
      }).finally(() => progress.end());
      const { header, checksum, bytes } = backup;
      shell.ui.done(
        `${source.path} can be restored: ${amountText(records, bytes)}, as of ${timestamp(header.createdAt)}`,
        {
          backup: source.path,
          backup_id: header.id,
          store_id: header.storeId,
          created_at: timestamp(header.createdAt),
          sha256: checksum,
          bytes,
          records,
          tokens,
          leases,
        },
      );
    } finally {
      place.close();
    }
  },
});
