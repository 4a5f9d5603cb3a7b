/** `coffer operator migrate`. */
import { defineCommand } from '../cli/command.ts';
import { amountText, ProgressLine } from '../cli/progress-line.ts';
import type { Shell } from '../cli/shell.ts';
import { systemClock } from '../clock.ts';
import { cancelMigration } from '../core/migration/cancel.ts';
import { type MigrationReport, migrateStore } from '../core/migration/migrate.ts';
import { type MigrationPlace, requireStore } from '../core/migration/places.ts';
import { systemRandom } from '../crypto/random.ts';
import { CofferError } from '../errors.ts';
import { hasDataFile } from '../storage/lmdb/directory.ts';
import type { StoragePlace } from '../storage/storage-type.ts';
import { namedStorage, openHostStorage } from './host-storage.ts';
import { storeDirectoryOf } from './node.ts';
import { storagePlace } from './storage-place.ts';

export const command = defineCommand({
  summary: 'Move a whole store from one storage to another',
  operands: {},
  options: {
    from: {
      type: 'text',
      value: 'URL',
      help: 'where the store is, as for `server --storage` (COFFER_MIGRATE_FROM)',
    },
    to: { type: 'text', value: 'URL', help: 'an empty place (COFFER_MIGRATE_TO)' },
    cancel: { type: 'flag', help: 'give up a migration that is not finished' },
    'target-gone': { type: 'flag', help: 'with --cancel: leave at the target what is there' },
  },
  details: [
    'Stop every server of the store first. Everything moves as it is sealed, so no key is needed: versions, tokens, leases and ' +
      'key slots stay what they were, and the keyfile is the same. All records are read back from both sides and compared.',
    'While it runs, and after it was cut off, no server serves either place; run the same command again, and it goes on from what is ' +
      'there. In the end the store is at the new place alone: the old one keeps its records and refuses every server, so ' +
      'that nothing goes on in two places.',
    '--cancel removes what was copied, so it wants --to as well; a target on this disk it finds by itself. Where the target is lost for ' +
      'good, --target-gone gives the migration up without it.',
    'A password of a storage is for the two variables, PGPASSFILE or PGPASSWORD, never for the command line. The audit log is not in ' +
      'the storage: go on with the same --data, or take its `audit/` along.',
  ],
  examples: [
    'coffer operator migrate --from lmdb:/srv/a/store --to postgres://u@db/coffer',
    'coffer operator migrate --from lmdb:/srv/a/store --cancel',
  ],
  async run({ options }, shell) {
    const source = namedStorage(shell, { option: 'from', variable: 'COFFER_MIGRATE_FROM' }, options.from);
    const target = namedStorage(shell, { option: 'to', variable: 'COFFER_MIGRATE_TO' }, options.to);
    if (source === undefined) throw new CofferError('usage', 'say with --from where the store is');
    const abandon = options['target-gone'];
    if (abandon && (!options.cancel || target !== undefined)) {
      throw new CofferError('usage', '--target-gone goes with --cancel, and without --to');
    }
    if (options.cancel) return cancel(shell, source, target, abandon);
    if (target === undefined) throw new CofferError('usage', 'say with --to where the store is to be');
    return migrate(shell, source, target);
  },
});

/** Throws `store_unusable` where a data directory was named in place of the store in it. */
function requireStoreItself({ kind, name, mayHoldStore }: StoragePlace): void {
  const inside = storeDirectoryOf(name.slice('lmdb:'.length));
  if (kind !== 'lmdb' || mayHoldStore() || !hasDataFile(inside)) return;
  throw new CofferError(
    'store_unusable',
    `there is no store in ${name}, but one below it: name lmdb:${inside}`,
  );
}

async function migrate(shell: Shell, from: StoragePlace, to: StoragePlace): Promise<void> {
  const opened: MigrationPlace[] = [];
  const open = async (place: StoragePlace, create: boolean): Promise<MigrationPlace> => {
    const found = await openPlace(shell, place, create);
    opened.push(found);
    return found;
  };
  const progress = new ProgressLine(shell, systemClock);
  try {
    const report = await migrateStore({
      source: await open(from, false),
      openTarget: () => open(to, true),
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
  ui.done(`the store of ${from.name} ${words}`, {
    from: from.name,
    to: to.name,
    store_id: storeId,
    outcome,
    resumed,
    written,
    ...(tally === undefined ? {} : { records: tally.records, bytes: tally.bytes, sha256: tally.digest }),
  });
  if (tally !== undefined)
    ui.talk(`sha256 ${tally.digest}${resumed ? `; ${written} records were still to be written` : ''}`);
  ui.talk(
    `serve it from ${to.name}; ${from.name} is served no more, and can be removed once the new place is backed up`,
  );
}

async function openPlace(shell: Shell, place: StoragePlace, create: boolean): Promise<MigrationPlace> {
  requireStoreItself(place);
  return { storage: await openHostStorage(shell, place, { create }), shown: place.name };
}

async function cancel(
  shell: Shell,
  from: StoragePlace,
  to: StoragePlace | undefined,
  abandon: boolean,
): Promise<void> {
  const source = await openPlace(shell, from, false);
  let target: MigrationPlace | undefined;
  try {
    const left = to ?? (abandon ? undefined : await placeLeft(source));
    if (left !== undefined) target = await openPlace(shell, left, false);
    const { storeId } = await cancelMigration(source, target);
    shell.ui.done(`the migration is given up; the store is in ${from.name} and can be served`, {
      from: from.name,
      store_id: storeId,
      outcome: 'cancelled',
    });
  } finally {
    await target?.storage.close();
    await source.storage.close();
  }
}

/**
 * Where a migration that was begun has copied to, as the source's mark names it: a password is not in that name, so another storage
 * than this disk has to be named again. Undefined where nothing is there, and where cancelling says why it cannot be.
 */
async function placeLeft(source: MigrationPlace): Promise<StoragePlace | undefined> {
  const { marked } = await requireStore(source);
  if (marked?.mark.role !== 'source') return undefined;
  const { other } = marked.mark;
  if (!other.startsWith('lmdb:')) {
    throw new CofferError(
      'usage',
      `the migration goes to ${other}: name it with --to (a password belongs into COFFER_MIGRATE_TO), so that what was copied is ` +
        'removed there; if that place is lost for good, say --target-gone',
    );
  }
  const place = storagePlace({ url: other, base: '/' }, '/');
  return place.mayHoldStore() ? place : undefined;
}
