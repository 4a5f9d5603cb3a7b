/** `coffer operator migrate`. */
import { defineCommand } from '../cli/command.ts';
import { amountText, ProgressLine } from '../cli/progress-line.ts';
import { type Shell, variable } from '../cli/shell.ts';
import { systemClock } from '../clock.ts';
import { cancelMigration } from '../core/migration/cancel.ts';
import { type MigrationReport, migrateStore } from '../core/migration/migrate.ts';
import type { MigrationPlace } from '../core/migration/places.ts';
import { systemRandom } from '../crypto/random.ts';
import { CofferError } from '../errors.ts';
import { parseStorageUrl, type StoragePlace } from './storage-url.ts';

export const command = defineCommand({
  summary: 'Move a whole store from one storage to another',
  operands: {},
  options: {
    from: { type: 'text', value: 'URL', help: 'where the store is (COFFER_MIGRATE_FROM): lmdb:DIR' },
    to: { type: 'text', value: 'URL', help: 'an empty place (COFFER_MIGRATE_TO)' },
    cancel: { type: 'flag', help: 'give up a migration that is not finished' },
  },
  details: [
    'Stop every server of the store first. Everything moves as it is sealed, so no key is needed: versions, tokens, leases and ' +
      'key slots stay what they were, and the keyfile is the same. All records are read back from both sides and compared.',
    'While it runs, and after it was cut off, no server serves either place; run the same command again, and it goes on from what is ' +
      'there. In the end the store is at the new place alone: the old one keeps its records and refuses every server, so ' +
      'that nothing goes on in two places.',
    'DIR is a data directory. Its audit log is not in the storage: take `audit/` along, or go on with the same --data.',
  ],
  examples: ['coffer operator migrate --from lmdb:/srv/coffer --to lmdb:/srv/larger-disk/coffer'],
  async run({ options }, shell) {
    const from = options.from ?? variable(shell.env, 'COFFER_MIGRATE_FROM');
    const to = options.to ?? variable(shell.env, 'COFFER_MIGRATE_TO');
    if (from === undefined) throw new CofferError('usage', 'say with --from where the store is: lmdb:DIR');
    if (to === undefined && !options.cancel) {
      throw new CofferError('usage', 'say with --to where the store is to be: lmdb:DIR');
    }
    const source = parseStorageUrl(from, '--from');
    const target = to === undefined ? undefined : parseStorageUrl(to, '--to');
    if (options.cancel) return cancel(shell, source, target);
    if (target !== undefined) await migrate(shell, source, target);
  },
});

async function migrate(shell: Shell, from: StoragePlace, to: StoragePlace): Promise<void> {
  const opened: MigrationPlace[] = [];
  const open = async (place: StoragePlace, how: 'open' | 'create'): Promise<MigrationPlace> => {
    const found = { storage: await place[how](), shown: place.shown };
    opened.push(found);
    return found;
  };
  const progress = new ProgressLine(shell, systemClock);
  try {
    const report = await migrateStore({
      source: await open(from, 'open'),
      openTarget: () => open(to, 'create'),
      random: systemRandom,
      onProgress: (phase, records, bytes) => progress.show(() => `${phase}: ${amountText(records, bytes)}`),
    });
    progress.end();
    show(shell, from, to, report);
  } finally {
    progress.end();
    for (const { storage } of opened) await storage.close();
  }
}

function show({ ui }: Shell, from: StoragePlace, to: StoragePlace, report: MigrationReport): void {
  const { storeId, outcome, resumed, tally, written } = report;
  const amount =
    tally === undefined ? '' : `: ${amountText(tally.records, tally.bytes)}, the same on both sides`;
  const words = outcome === 'already' ? 'was migrated before, nothing was done' : `is migrated${amount}`;
  ui.done(`the store of ${from.shown} ${words}`, {
    from: from.shown,
    to: to.shown,
    store_id: storeId,
    outcome,
    resumed,
    written,
    ...(tally === undefined ? {} : { records: tally.records, bytes: tally.bytes, sha256: tally.digest }),
  });
  if (tally !== undefined)
    ui.talk(`sha256 ${tally.digest}${resumed ? `; ${written} records were still to be written` : ''}`);
  ui.talk(
    `serve it from ${to.shown}; ${from.shown} is served no more, and can be removed once the new place is backed up`,
  );
}

async function cancel(shell: Shell, from: StoragePlace, to: StoragePlace | undefined): Promise<void> {
  const source: MigrationPlace = { storage: await from.open(), shown: from.shown };
  let target: MigrationPlace | undefined;
  try {
    if (to !== undefined) target = { storage: await to.open(), shown: to.shown };
    const { storeId } = await cancelMigration(source, target);
    shell.ui.done(`the migration is given up; the store is in ${from.shown} and can be served`, {
      from: from.shown,
      store_id: storeId,
      outcome: 'cancelled',
    });
  } finally {
    await target?.storage.close();
    await source.storage.close();
  }
}
