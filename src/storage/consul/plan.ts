/** A commit as operations of one transaction. */
import { ConflictError } from '../../errors.ts';
import type { Expectation, StorageKey, Write } from '../storage.ts';
import { type Layout, recordName } from './layout.ts';
import { isBroken, type KvOperation, type TxnProblem } from './txn.ts';

export interface Plan {
  readonly operations: readonly KvOperation[];
  /** Whose record each operation is about. */
  readonly keys: readonly StorageKey[];
  readonly expectations: readonly Expectation[];
  /** Names of the records that get a value. */
  readonly put: readonly string[];
  readonly writes: boolean;
}

/**
 * An expectation on a record that gets a value is part of that operation. One on a record that is deleted can't be: Consul's
 * `delete-cas` takes a key that is not there for deleted, whatever was expected of it.
 */
export function planOf(layout: Layout, writes: readonly Write[], expectations: readonly Expectation[]): Plan {
  const expected = new Map(expectations.map(({ key, revision }) => [key, revision]));
  const operations: KvOperation[] = [];
  const keys: StorageKey[] = [];
  const put: string[] = [];
  const add = (key: StorageKey, operation: KvOperation) => {
    operations.push(operation);
    keys.push(key);
  };
  for (const { key, value } of writes) {
    const Key = recordName(layout, key);
    const revision = expected.get(key);
    expected.delete(key);
    if (value === null) {
      if (revision !== undefined) add(key, checkOf(Key, revision));
      if (revision !== null) add(key, { Verb: 'delete', Key });
      continue;
    }
    const Value = value.toString('base64');
    put.push(Key);
    add(
      key,
      revision === undefined
        ? { Verb: 'set', Key, Value }
        : { Verb: 'cas', Key, Value, Index: revision ?? 0 },
    );
  }
  for (const [key, revision] of expected) add(key, checkOf(recordName(layout, key), revision));
  return {
    operations,
    keys,
    expectations,
    put,
    writes: operations.some(({ Verb }) => !Verb.startsWith('check-')),
  };
}

function checkOf(Key: string, revision: number | null): KvOperation {
  return revision === null
    ? { Verb: 'check-not-exists', Key }
    : { Verb: 'check-index', Key, Index: revision };
}

/**
 * The conflict that problems of the plan's operations mean, `before` being how many operations stood before them; undefined where they
 * have another reason.
 */
export function conflictOf(
  plan: Plan,
  problems: readonly TxnProblem[],
  before: number,
): ConflictError | undefined {
  if (!problems.every(isBroken)) return undefined;
  const broken = new Set(problems.map(({ operation }) => plan.keys[operation - before]));
  const first = plan.expectations.find(({ key }) => broken.has(key));
  return first === undefined ? undefined : new ConflictError(first.key);
}
