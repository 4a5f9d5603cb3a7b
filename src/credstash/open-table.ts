/** A table of AWS, opened: nothing is loaded and nobody is asked before the first call. */
import type { AwsOptions } from '../aws/aws-options.ts';
import { dynamoClient } from '../aws/dynamo.ts';
import { kmsClient } from '../aws/kms.ts';
import type { Random } from '../crypto/random.ts';
import { systemRandom } from '../crypto/random.ts';
import { DataKeys, type KeyService } from './data-keys.ts';
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

/**
 * The table as Coffer's verbs take it, and what it is made of, for who must keep another program's exact meaning: items by their
 * keys as stored, and data keys to seal one with by a format of `formats.ts`. Disposing the table closes all three.
 */
export interface OpenedTable {
  readonly table: SecretTable;
  readonly store: ItemStore;
  readonly keys: DataKeys;
}

/** What a table is made of where many callers share it: each call has a deadline of its own. */
export interface TableServices {
  readonly store: ItemStore;
  readonly service: KeyService;
}

/** Throws nothing: what an address asks for that cannot be, the first call tells. */
export function openServices(
  address: TableAddress,
  options: Pick<AwsOptions, 'env' | 'deadline' | 'signal'>,
): TableServices {
  return {
    store: dynamoStore(dynamoClient({ ...address.account, ...options }), address.table),
    service: kmsClient({ ...address.kmsAccount, ...options }),
  };
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
  const ended = new AbortController();
  const services = openServices(address, { env, signal: ended.signal });
  const keys = new DataKeys(services.service, address.key);
  // What was asked ahead and nobody waits for any more would keep the process, as long as it is tried again.
  const close = () => {
    ended.abort();
    services.store.close();
  };
  const store = { ...services.store, close };
  return {
    store,
    keys,
    table: new SecretTable({ store, keys, random, now }, { context, format: address.format }),
  };
}
