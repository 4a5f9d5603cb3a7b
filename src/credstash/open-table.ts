/** A table of AWS, opened: nothing is loaded and nobody is asked before the first call. */
import { dynamoClient } from '../aws/dynamo.ts';
import { kmsClient } from '../aws/kms.ts';
import type { Random } from '../crypto/random.ts';
import { systemRandom } from '../crypto/random.ts';
import { DataKeys } from './data-keys.ts';
import { dynamoStore } from './dynamo-store.ts';
import { parseContext } from './encryption-context.ts';
import type { ItemStore } from './item-store.ts';
import { SecretTable } from './secret-table.ts';
import type { TableAddress } from './table-address.ts';

export interface TableSurroundings {
  /** The process's environment, for AWS's own variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly random?: Random;
}

export interface OpenedTable {
  readonly table: SecretTable;
  readonly store: ItemStore;
}

/**
 * @param contextWords `KEY=VALUE`, besides those of the address
 * @throws `usage` for a context that cannot be
 */
export function openTable(
  address: TableAddress,
  contextWords: readonly string[],
  { env, now, random = systemRandom }: TableSurroundings,
): OpenedTable {
  const context = parseContext([...address.context, ...contextWords]);
  const store = dynamoStore(dynamoClient({ ...address.account, env }), address.table);
  const keys = new DataKeys(kmsClient({ ...address.kmsAccount, env }), address.key);
  return { store, table: new SecretTable({ store, keys, random, now }, { context, format: address.format }) };
}
