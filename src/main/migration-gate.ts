/** For whoever serves a store: a migration that begins while it has no connection finds nobody there, and takes the store away. */
import { decodeMigrationMark, markedRefusal, migratingKey } from '../seal/migration-mark.ts';
import type { Gate } from '../storage/storage-type.ts';

export const migrationGate: Gate = {
  key: migratingKey,
  refusal: (value) => markedRefusal(decodeMigrationMark(value)),
};
