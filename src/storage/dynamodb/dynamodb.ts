import { dynamoClient } from '../../aws/dynamo.ts';
import { tableAdmin } from '../../aws/table-admin.ts';
import { type Clock, systemClock } from '../../clock.ts';
import { CofferError } from '../../errors.ts';
import { checkReadMany } from '../listing.ts';
import type { OccupiedStorage } from '../occupants.ts';
import {
  checkCommit,
  type Expectation,
  type KeyedRecord,
  type Page,
  type PageRequest,
  type Revision,
  type StorageKey,
  type StorageRecord,
  type Write,
} from '../storage.ts';
import type { Gate } from '../storage-type.ts';
import type { DynamoAddress } from './address.ts';
import { Commits } from './commits.ts';
import { openingFailure, storeFailure } from './failure.ts';
import { description, everydayRoots } from './layout.ts';
import { type Lister, listChildren, listRange } from './pages.ts';
import { persist, type Surroundings } from './patience.ts';
import { Presence } from './presence.ts';
import { Reads } from './reads.ts';
import { Roots } from './roots.ts';
import { prepareTable, requireFormat } from './table.ts';

export interface DynamoOptions {
  readonly address: DynamoAddress;
  /** Make the table, and the store in it, where there is none; without it such a place is refused. */
  readonly create: boolean;
  /** Every commit is refused. */
  readonly readOnly?: boolean;
  /** As with every storage: no timers, and the table is not looked at as one. */
  readonly rests?: boolean;
  /** The process's environment, for AWS's own variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock?: Clock;
  /** 0 to 1: spreads pauses. */
  readonly jitter?: () => number;
  /** Milliseconds until something is tried no more; far below the ten minutes that DynamoDB knows a token. */
  readonly patience?: number;
  /** Milliseconds of one try, at most 8,000: `presence.ts` counts on it. */
  readonly deadline?: number;
  /** Asked whenever others may have taken this one as gone. */
  readonly gate?: Gate;
  /** Told what an operator should know: a constant message and its fields. */
  readonly log?: (message: string, fields: Readonly<Record<string, unknown>>) => void;
}

const usualPatience = 20_000;
/** Whoever starts a server is told soon. */
const openingPatience = 5_000;
const usualDeadline = 8_000;

/**
 * Opens a store in a table of DynamoDB.
 *
 * Throws `store_unusable` for a table that there is not (without `create`), that is something else, that is going, or of a newer
 * Coffer, and for credentials that are missing or may not do what a store needs; `unavailable` where AWS does not answer.
 */
export async function openDynamoStorage(options: DynamoOptions): Promise<OccupiedStorage> {
  const { address, env, clock = systemClock, log = () => {}, readOnly = false, rests = false } = options;
  const { table, place } = address;
  const aws = { ...address.account, env, deadline: options.deadline ?? usualDeadline, attempts: 1 };
  const client = dynamoClient(aws);
  const admin = tableAdmin(aws);
  const { jitter = Math.random, patience = usualPatience } = options;
  const unbound: Surroundings = { clock, jitter, patience, admit: () => undefined };
  const opening = { ...unbound, patience: Math.min(patience, openingPatience) };
  const presence = new Presence({
    client,
    table,
    surroundings: unbound,
    gate: options.gate,
    readOnly,
    byUse: rests,
  });
  try {
    const { create } = options;
    const tableOptions = { client, admin, address, create, readOnly, surroundings: opening, log };
    const surroundings: Surroundings = { ...unbound, admit: presence.admit };
    const roots = new Roots(client, table, surroundings);
    if (rests) requireFormat(await persist(opening, () => roots.recall(everydayRoots, description)));
    else await prepareTable(tableOptions);
    await presence.start();
    // So that writes need not ask for roots one by one; whoever comes for one request asks for those that it needs.
    if (!rests) await roots.below('');
    return new DynamoStorage({
      reads: new Reads(client, table, surroundings),
      lister: { client, table, roots, surroundings },
      commits: new Commits({ client, table, roots, surroundings }),
      presence,
      readOnly,
      end: () => client.close(),
    });
  } catch (error) {
    await presence.close();
    client.close();
    throw openingFailure(error, place);
  } finally {
    admin.close();
  }
}

interface Parts {
  readonly reads: Reads;
  readonly lister: Lister;
  readonly commits: Commits;
  readonly presence: Presence;
  readonly readOnly: boolean;
  readonly end: () => void;
}

/** No snapshots: what DynamoDB reads together is at most a transaction's 4 MB, and a list of pages shows what others write meanwhile. */
class DynamoStorage implements OccupiedStorage {
  readonly kind = 'dynamodb';
  readonly #parts: Parts;
  /** Reads and lists under way. */
  readonly #open = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  read(key: StorageKey): Promise<StorageRecord | undefined> {
    return this.#asked(() => this.#parts.reads.one(key));
  }

  readMany(keys: readonly StorageKey[]): Promise<readonly (StorageRecord | undefined)[]> {
    return this.#asked(() => {
      checkReadMany(keys);
      return this.#parts.reads.many(keys);
    });
  }

  children(prefix: string, page: PageRequest): Promise<Page<string>> {
    return this.#asked(() => listChildren(this.#parts.lister, prefix, page));
  }

  range(prefix: string, page: PageRequest): Promise<Page<KeyedRecord>> {
    return this.#asked(() => listRange(this.#parts.lister, prefix, page));
  }

  async commit(
    writes: readonly Write[],
    expectations: readonly Expectation[] = [],
  ): Promise<readonly Revision[]> {
    this.#requireOpen();
    if (this.#parts.readOnly) throw new CofferError('unavailable', 'the store is open for reading only');
    checkCommit(writes, expectations);
    if (writes.length === 0 && expectations.length === 0) return [];
    return await this.#parts.commits.commit(writes, expectations);
  }

  occupants(): Promise<readonly string[]> {
    return this.#asked(() => this.#parts.presence.others());
  }

  /** Waits for what is under way. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { commits, presence, end } = this.#parts;
    await commits.idle();
    await Promise.allSettled(this.#open);
    await presence.close();
    end();
  }

  async #asked<T>(ask: () => Promise<T>): Promise<T> {
    this.#requireOpen();
    const answer = (async () => ask())();
    this.#open.add(answer);
    try {
      return await answer;
    } catch (error) {
      throw storeFailure(error);
    } finally {
      this.#open.delete(answer);
    }
  }

  #requireOpen(): void {
    if (this.#closing !== undefined) throw new CofferError('unavailable', 'the store is closed');
  }
}
