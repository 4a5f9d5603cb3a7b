import { hostname } from 'node:os';
import { type Clock, systemClock } from '../../clock.ts';
import { CofferError } from '../../errors.ts';
import { checkReadMany } from '../listing.ts';
import { describeOccupant, type OccupiedStorage, shownOccupant } from '../occupants.ts';
import type { SnapshotStorage, StorageSnapshot } from '../snapshot.ts';
import {
  checkCommit,
  type Expectation,
  type KeyedRecord,
  type Page,
  type PageRequest,
  type Revision,
  type StorageKey,
  type StorageRecord,
  storageLimits,
  type Write,
} from '../storage.ts';
import type { Gate } from '../storage-type.ts';
import { addressOf, type ConsulPlace } from './address.ts';
import { ConsulAgent, type Deadlines, standardDeadlines } from './agent.ts';
import { Commits } from './commits.ts';
import { asFailure, errorOf } from './failure.ts';
import { layoutOf, recordName, type Ways } from './layout.ts';
import { listChildren, listRange, recordOf } from './listing.ts';
import { namesFrom } from './names.ts';
import { prepare } from './opening.ts';
import { Presence } from './presence.ts';
import { ConsulSnapshot } from './snapshot.ts';
import { closedError, readKeys } from './txn.ts';

export interface ConsulOptions {
  /** As `parseConsulPlace` makes it. */
  readonly place: ConsulPlace;
  /** Mark the place as a store's where there is nothing; without it such a place is refused. */
  readonly create: boolean;
  /** Every commit is refused, and nobody is told that the store is open here. */
  readonly readOnly?: boolean;
  /** Where the agent, its certificates and the token are looked for that the URL does not have. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly deadlines?: Deadlines;
  /** Bytes of keys and values of which a snapshot is taken; 256 MiB unless told. */
  readonly largestSnapshot?: number;
  readonly clock?: Clock;
  /** Part of every call once the store is open. */
  readonly gate?: Gate;
  /** Told what an operator should know: a constant message and its fields. */
  readonly log?: (message: string, fields: Readonly<Record<string, unknown>>) => void;
}

/**
 * Opens a store in the KV store of Consul 1.14 or newer.
 *
 * Throws `invalid_request` for an environment that would be insecure; `store_unusable` for a place with no store (without `create`), with keys
 * of somebody else or of a newer Coffer, for a Consul that can't hold a store and a token that may not; `unavailable` for an
 * agent that can't be reached or has no leader.
 */
export async function openConsulStorage(options: ConsulOptions): Promise<SnapshotStorage & OccupiedStorage> {
  const {
    place,
    create,
    readOnly = false,
    env = {},
    deadlines = standardDeadlines,
    clock = systemClock,
  } = options;
  const address = addressOf(place, env);
  const agent = await ConsulAgent.to({ address, deadlines, clock });
  const layout = layoutOf(address.prefix);
  const { gate } = options;
  const barred = gate && {
    key: recordName(layout, gate.key),
    refusal: (value: Buffer) => gate.refusal(value),
  };
  const ways: Ways = { agent, layout, clock, gate: barred };
  const presence = new Presence(ways, describeOccupant(process.pid, hostname()));
  try {
    await prepare(agent, layout, { create, readOnly });
    if (!readOnly) await presence.entry();
  } catch (error) {
    await presence.leave();
    agent.close();
    throw openingError(error, place.shown);
  }
  const commits = new Commits(ways, presence, deadlines.call + deadlines.secondLook);
  return new ConsulStorage({ ways, presence, commits, readOnly, largestSnapshot: options.largestSnapshot });
}

/** Says which place it is about; what only an administrator can change is not for waiting. */
function openingError(error: unknown, shown: string): CofferError {
  if (error instanceof CofferError)
    return new CofferError(error.code, `${shown}: ${error.message}`, { cause: error });
  const failure = asFailure(error);
  const { code, message } = errorOf(failure);
  return new CofferError(failure.lasting === true ? 'store_unusable' : code, `${shown}: ${message}`);
}

interface Parts {
  readonly ways: Ways;
  readonly presence: Presence;
  readonly commits: Commits;
  readonly readOnly: boolean;
  readonly largestSnapshot: number | undefined;
}

class ConsulStorage implements SnapshotStorage, OccupiedStorage {
  readonly kind = 'consul';
  readonly #parts: Parts;
  readonly #snapshots = new Set<ConsulSnapshot>();
  #closing: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async read(key: StorageKey): Promise<StorageRecord | undefined> {
    return (await this.#read([key]))[0];
  }

  async readMany(keys: readonly StorageKey[]): Promise<readonly (StorageRecord | undefined)[]> {
    checkReadMany(keys);
    return keys.length === 0 ? [] : await this.#read(keys);
  }

  async children(prefix: string, page: PageRequest): Promise<Page<string>> {
    return await this.#whileOpen(() => listChildren(this.#parts.ways, prefix, page));
  }

  async range(prefix: string, page: PageRequest): Promise<Page<KeyedRecord>> {
    return await this.#whileOpen(() => listRange(this.#parts.ways, prefix, page));
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

  async snapshot(): Promise<StorageSnapshot> {
    return await this.#whileOpen(async () => {
      const { ways, largestSnapshot } = this.#parts;
      const forget = (ended: ConsulSnapshot) => this.#snapshots.delete(ended);
      const snapshot = await ConsulSnapshot.take(ways, forget, largestSnapshot);
      this.#snapshots.add(snapshot);
      if (this.#closing !== undefined) snapshot[Symbol.dispose]();
      return snapshot;
    });
  }

  async occupants(): Promise<readonly string[]> {
    return await this.#whileOpen(async () => {
      const { ways, presence } = this.#parts;
      const { agent, layout } = ways;
      const own = await presence.own();
      const names: string[] = [];
      for await (const name of namesFrom(agent, layout.openings, false)) {
        if (name !== layout.openings + own) names.push(name);
        if (names.length === storageLimits.readKeys) break;
      }
      const entries = names.length === 0 ? [] : await readKeys(agent, names);
      return entries
        .filter(({ index }) => index !== 0)
        .map(({ value }) => shownOccupant(value.toString('latin1')));
    });
  }

  /** Waits for the commits that are under way, and ends the snapshots. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const snapshot of this.#snapshots) snapshot[Symbol.dispose]();
    const { ways, presence, commits } = this.#parts;
    await commits.close();
    await presence.leave();
    ways.agent.close();
  }

  async #read(keys: readonly StorageKey[]): Promise<readonly (StorageRecord | undefined)[]> {
    this.#requireOpen();
    const { ways } = this.#parts;
    const { agent, layout, gate } = ways;
    const names = keys.map((key) => recordName(layout, key));
    try {
      const entries = await readKeys(agent, gate === undefined ? names : [...names, gate.key]);
      const barred = gate && entries[names.length];
      if (gate !== undefined && barred?.index !== 0) throw gate.refusal(barred?.value ?? Buffer.alloc(0));
      return entries.slice(0, names.length).map((entry) => {
        const record = recordOf(ways, entry);
        return record && { value: record.value, revision: record.revision };
      });
    } catch (error) {
      throw error instanceof CofferError ? error : errorOf(asFailure(error));
    }
  }

  /**
   * For lists, which can't ask for the gate along with what they are for; nor are they told when a token has no right to see anything any more
   * (whoever comes without one never is), and the store's mark shows it. What a cut connection took along is asked for again.
   */
  async #whileOpen<T>(action: () => Promise<T>): Promise<T> {
    this.#requireOpen();
    const both = async (): Promise<T> => (await Promise.all([action(), this.#requireStore()]))[0];
    try {
      return await both().catch((error: unknown) => {
        if (this.#closing === undefined && this.#parts.ways.agent.mayBeRepeated(error)) return both();
        throw error;
      });
    } catch (error) {
      throw error instanceof CofferError ? error : errorOf(asFailure(error));
    }
  }

  async #requireStore(): Promise<void> {
    const { agent, layout, gate } = this.#parts.ways;
    const [mark, barred] = await readKeys(
      agent,
      gate === undefined ? [layout.format] : [layout.format, gate.key],
    );
    if (barred !== undefined && barred.index !== 0) throw gate?.refusal(barred.value);
    if (mark?.index === 0) throw new CofferError('unavailable', 'the mark of the store is gone from Consul');
  }

  #requireOpen(): void {
    if (this.#closing !== undefined) throw closedError();
  }
}
