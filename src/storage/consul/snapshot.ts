/**
 * A snapshot is one answer of Consul's: `?recurse` reads all of a prefix as it is at one moment, and there is no way to come back to that
 * moment for more. So all of it is held, sealed as it is, and a store that is larger than may be held has no snapshot.
 */
import { CofferError } from '../../errors.ts';
import { compareKeys } from '../key-order.ts';
import { pageOfRange } from '../listing.ts';
import type { StorageSnapshot } from '../snapshot.ts';
import type { KeyedRecord, Page, PageRequest } from '../storage.ts';
import type { Ways } from './layout.ts';
import { recordOf } from './listing.ts';
import { entriesFrom } from './names.ts';
import { entryOf, jsonOf } from './txn.ts';

/** Bytes of keys and values that a snapshot holds at most. */
const mostBytes = 256 * 1024 * 1024;

export class ConsulSnapshot implements StorageSnapshot {
  readonly #afterwards: (snapshot: ConsulSnapshot) => void;
  #records: readonly KeyedRecord[] | undefined;
  readonly records: number;

  private constructor(records: readonly KeyedRecord[], afterwards: (snapshot: ConsulSnapshot) => void) {
    this.#records = records;
    this.records = records.length;
    this.#afterwards = afterwards;
  }

  /** Rejects with `unsupported_operation` for a store that is too large, `Refusal` and `AgentLost`. */
  static async take(
    ways: Ways,
    afterwards: (snapshot: ConsulSnapshot) => void,
    most: number = mostBytes,
  ): Promise<ConsulSnapshot> {
    const records: KeyedRecord[] = [];
    let bytes = 0;
    for await (const json of entriesFrom(ways.agent, ways.layout.records)) {
      const record = recordOf(ways, entryOf(jsonOf(json)));
      if (record === undefined) continue;
      records.push(record);
      bytes += record.key.length + record.value.length;
      if (bytes > most) throw tooLarge(most);
    }
    return new ConsulSnapshot(records, afterwards);
  }

  range(prefix: string, page: PageRequest): Promise<Page<KeyedRecord>> {
    const records = this.#records;
    if (records === undefined) {
      return Promise.reject(new CofferError('unavailable', 'the snapshot of the store has ended'));
    }
    try {
      return Promise.resolve(pageOfRange(prefix, page, (start) => recordsFrom(records, start)));
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  [Symbol.dispose](): void {
    if (this.#records === undefined) return;
    this.#records = undefined;
    this.#afterwards(this);
  }
}

function* recordsFrom(
  records: readonly KeyedRecord[],
  start: string,
): Generator<KeyedRecord, void, undefined> {
  let low = 0;
  let high = records.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareKeys(records[middle]?.key ?? '', start) < 0) low = middle + 1;
    else high = middle;
  }
  for (const { key, value, revision } of records.slice(low))
    yield { key, value: Buffer.from(value), revision };
}

function tooLarge(most: number): CofferError {
  return new CofferError(
    'unsupported_operation',
    `the store is too large for a snapshot over Consul (more than ${Math.floor(most / 1024 / 1024)} MiB): back it up with \`consul snapshot save\``,
  );
}
