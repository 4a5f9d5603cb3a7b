/**
 * What stands in the clear at both places of a store while it moves from one storage to another, so that no server serves either of
 * them, and at the old place ever after, so that the store never goes on in two places.
 */
import { CofferError } from '../errors.ts';
import { parseStorageKey } from '../storage/storage.ts';
import { decodeBootRecord } from './boot-record.ts';
import { isUuid } from './slots.ts';

export const migratingKey = parseStorageKey('boot/migrating');

const format = 1;
const name = 'the mark of a migration';
const roles = ['source', 'target', 'moved'] as const;

export interface MigrationMark {
  /** A uuid; the marks of both places name the same. */
  readonly id: string;
  readonly storeId: string;
  /** `source`: the store is still here. `target`: it is being written here. `moved`: it is, or is about to be, at the other place alone. */
  readonly role: (typeof roles)[number];
  /** The other place as its URL names it, without a password; for people. */
  readonly other: string;
}

export function encodeMigrationMark({ id, storeId, role, other }: MigrationMark): Buffer {
  return Buffer.from(JSON.stringify({ format, id, store_id: storeId, role, other }));
}

/** Throws `store_unusable` for a later format, `integrity` for what is no mark. */
export function decodeMigrationMark(bytes: Buffer): MigrationMark {
  const found = decodeBootRecord(bytes, { name, format, members: ['id', 'store_id', 'role', 'other'] });
  const { id, store_id: storeId, other } = found;
  const role = roles.find((each) => each === found['role']);
  if (!isUuid(id) || !isUuid(storeId) || role === undefined || typeof other !== 'string') {
    throw new CofferError('integrity', `${name} is damaged`);
  }
  return { id, storeId, role, other };
}

/** Why a place with this mark is not served: `store_unusable`. */
export function markedRefusal({ role, other }: MigrationMark): CofferError {
  const reasons: Readonly<Record<MigrationMark['role'], string>> = {
    source:
      `this store is being migrated to ${other}, or its migration was cut off: run \`coffer operator migrate\` again, ` +
      'or give it up with --cancel',
    target:
      `a store is being migrated to this place from ${other}, or its migration was cut off: run \`coffer operator migrate\` ` +
      'again',
    moved: `this store was migrated to ${other}: serve it there; here is what it was before`,
  };
  return new CofferError('store_unusable', reasons[role]);
}
