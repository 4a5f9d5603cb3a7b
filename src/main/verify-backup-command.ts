/** `coffer operator verify-backup`. */
import { defineCommand } from '../cli/command.ts';
import { amountText, ProgressLine } from '../cli/progress-line.ts';
import type { Shell } from '../cli/shell.ts';
import { systemClock, timestamp } from '../clock.ts';
import { type BackupProgress, type BackupReport, readBackup } from '../core/backup/read-backup.ts';
import { systemRandom } from '../crypto/random.ts';
import { backupSource } from './backup-places.ts';
import { unwrapRootKey } from './open-barrier.ts';

export const command = defineCommand({
  summary: 'Check that a backup is whole and that every record in it opens',
  operands: { FILE: 'one' },
  options: {
    keyfile: { type: 'text', value: 'FILE', help: 'keyfile of the store (COFFER_KEYFILE, or COFFER_CONFIG)' },
    'checksum-only': { type: 'flag', help: 'without the keys: damage shows, a forgery does not' },
  },
  details: [
    'Opens every record at the key it is for, and checks the tag that only a holder of the keys can make. A store without a ' +
      'keyfile asks for its unseal keys, or reads them from standard input, one a line.',
    'FILE may be in S3: s3://BUCKET/PREFIX/NAME?region=REGION, or s3://BUCKET/PREFIX/ for the newest there.',
    'Exit code 0: it holds; 7: it does not; 4: these keys are not those of its store.',
  ],
  async run({ operands, options }, shell) {
    const source = await backupSource(operands.FILE, shell.env);
    const progress = new ProgressLine(shell, systemClock);
    const report = await readBackup({
      chunks: source.open(),
      unlock: options['checksum-only'] ? undefined : (boot) => unwrapRootKey(shell, boot, options.keyfile),
      clock: systemClock,
      random: systemRandom,
      onProgress: (done) => progress.show(() => progressText('checking', done, source.bytes)),
    }).finally(() => {
      progress.end();
      source.close();
    });
    show(shell, report);
  },
});

/** `checking: 12 % (1,234 records, 5.6 MB)`. */
export function progressText(doing: string, { bytes, records }: BackupProgress, all: number): string {
  const percent = all === 0 ? 0 : Math.floor((bytes / all) * 100);
  return `${doing}: ${percent} % (${amountText(records, bytes)})`;
}

function show({ ui }: Shell, report: BackupReport): void {
  const { header, manifest, checksum, bytes, opened, tag } = report;
  const rooms = Object.entries(manifest.rooms);
  ui.record(
    [
      ['backup', header.id],
      ['store', header.storeId],
      ['taken', timestamp(header.createdAt)],
      ['by', `Coffer ${header.program} from ${header.storage}`],
      ['records', String(manifest.records)],
      ...rooms.map(([room, count]): [string, string] => [`  ${room}`, String(count)]),
      ['sha256', checksum],
    ],
    {
      backup_id: header.id,
      store_id: header.storeId,
      created_at: timestamp(header.createdAt),
      origin: header.origin,
      program: header.program,
      storage: header.storage,
      records: manifest.records,
      rooms: manifest.rooms,
      bytes,
      sha256: checksum,
      opened: opened ?? null,
      tag,
    },
  );
  if (tag === 'unchecked') {
    ui.warn(
      'only the checksum was checked: whether the records open, and who put them together, is not known',
    );
  } else {
    ui.talk(`the backup holds: all ${opened} records open`);
    if (tag === 'unsigned')
      ui.warn('it has no tag: records may be missing, or from another backup of the store');
  }
}
