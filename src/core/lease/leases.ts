/**
 * Leases: everything handed out with an end. The lease is committed before its secret leaves the server; what is due is found
 * by the due index and ended by the expiry duty.
 */

import type { BarrierStore, PlainWrite } from '../../barrier/store.ts';
import type { Clock } from '../../clock.ts';
import { type Random, randomBase62 } from '../../crypto/random.ts';
import { asCofferError, CofferError, ConflictError } from '../../errors.ts';
import type { Expectation, Page, PageRequest, Revision } from '../../storage/storage.ts';
import { type Due, dueWrite, moveDue, requeueDue, withoutDue } from '../due.ts';
import type { HeldLock } from '../duty/lock.ts';
import { SharedCommit } from '../duty/shared-commit.ts';
import type { Leased } from '../endpoint.ts';
import { type Meter, noTelemetry } from '../meter.ts';
import { defaultTtl, leasePaths, maxTtl } from '../mount/entry.ts';
import type { Mount } from '../mount/table.ts';
import { MountView } from '../mount/view.ts';
import { everyItem } from '../pages.ts';
import { retryOnConflict } from '../retry.ts';
import { grantTtl } from '../ttl-rule.ts';
import { type LeaseHolder, leastOf, secondsLeft } from './holder.ts';
import type { LeaseReach } from './reach.ts';
import {
  decodeLease,
  encodeLease,
  givenUpKey,
  givenUpPrefix,
  indexKeys,
  isLeaseId,
  type LeaseRecord,
  leaseKey,
  leasePrefix,
} from './record.ts';

/** Tries before a failing revocation is left for a person to look at. */
const mostFailures = 6;
/** First pause between tries, in milliseconds; doubled each time. */
const firstPause = 10_000;

export interface LeasesOptions {
  readonly store: BarrierStore;
  readonly clock: Clock;
  readonly random: Random;
  /** A mount by uuid, also a disabled one: engines renew and revoke what they leased. */
  readonly findMount: (uuid: string) => Promise<Mount | undefined>;
  readonly tally?: Meter['tally'];
}

export interface PreparedLease {
  readonly record: LeaseRecord;
  /** Seconds granted. */
  readonly duration: number;
  readonly writes: readonly PlainWrite[];
}

interface StoredLease {
  readonly record: LeaseRecord;
  readonly revision: Revision;
}

export class Leases {
  readonly #store: BarrierStore;
  readonly #endings: SharedCommit;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #tally: Meter['tally'];
  readonly #findMount: (uuid: string) => Promise<Mount | undefined>;

  constructor(options: LeasesOptions) {
    this.#store = options.store;
    this.#endings = new SharedCommit(options.store);
    this.#clock = options.clock;
    this.#random = options.random;
    this.#findMount = options.findMount;
    this.#tally = options.tally ?? noTelemetry.tally;
  }

  /** The lease of a secret just made at `path` for `holder`, without writing anything. */
  prepare(path: string, mount: Mount, holder: LeaseHolder | null, leased: Leased): PreparedLease {
    const now = this.#clock.now();
    const longest = leastOf([leased.maxTtl, secondsLeft(holder, now)]);
    const granted = grantTtl({
      backendTtl: leased.ttl,
      mountDefault: defaultTtl(mount.entry),
      maxima: [longest, maxTtl(mount.entry)],
      issuedAt: now,
      now,
    });
    const record: LeaseRecord = {
      id: `${path}/${randomBase62(this.#random, 24)}`,
      path,
      mount: mount.entry.uuid,
      token: (holder?.type === 'batch' ? holder.ancestors?.[0] : holder?.id) ?? null,
      ...(holder?.identity === undefined ? {} : { identity: holder.identity }),
      issuedAt: now,
      renewedAt: null,
      expiresAt: now + granted.seconds * 1_000,
      maxTtl: longest,
      renewable: leased.renewable,
      internal: leased.internal,
      failures: 0,
      irrevocable: false,
    };
    const writes: PlainWrite[] = [
      { key: leaseKey(record.id), value: encodeLease(record) },
      dueWrite(record.expiresAt, 'lease', record.id),
    ];
    writes.push(...indexKeys(record).map((key) => ({ key, value: 'present' as const })));
    return { record, duration: granted.seconds, writes };
  }

  async read(id: string): Promise<StoredLease | undefined> {
    if (!isLeaseId(id)) return undefined;
    const sealed = await this.#store.read(leaseKey(id));
    return sealed === undefined
      ? undefined
      : { record: decodeLease(sealed.open()), revision: sealed.revision };
  }

  /** Names of leases and folders below a path prefix (empty, or with a trailing `/`). */
  list(prefix: string, page: PageRequest): Promise<Page<string>> {
    return this.#store.children(leasePrefix + prefix, page);
  }

  /** How many leases were given up; counting ends at `most`. */
  async countGivenUp(most: number): Promise<number> {
    return (await this.#store.range(givenUpPrefix, { limit: most })).items.length;
  }

  /** Leases whose revocation failed so often that it was given up, a page in order of their ids. */
  async givenUp(page: PageRequest): Promise<Page<LeaseRecord>> {
    const found = await this.#store.range(givenUpPrefix, {
      ...page,
      ...(page.after === undefined ? {} : { after: givenUpPrefix + page.after }),
    });
    const stored = await Promise.all(
      found.items.map(({ key }) => this.read(key.slice(givenUpPrefix.length))),
    );
    const items = stored.flatMap((lease) => (lease === undefined ? [] : [lease.record]));
    return found.next === undefined ? { items } : { items, next: found.next.slice(givenUpPrefix.length) };
  }

  /**
   * Renews; answers the new record. Throws `invalid_request` when there is no such lease, it is over, not renewable, or at its
   * longest.
   */
  async renew(
    id: string,
    increment: number | undefined,
  ): Promise<{ record: LeaseRecord; seconds: number; capped: boolean }> {
    return retryOnConflict(async () => {
      const stored = await this.read(id);
      const now = this.#clock.now();
      if (stored === undefined || stored.record.expiresAt <= now) {
        throw new CofferError('invalid_request', 'lease not found');
      }
      const { record } = stored;
      if (!record.renewable) throw new CofferError('invalid_request', 'lease is not renewable');
      const mount = await this.#mountOf(record);
      const wish = await mount.engine.renew?.({
        leaseId: id,
        internal: record.internal,
        increment,
        view: this.#view(mount),
      });
      const granted = grantTtl({
        // The engine was told what is asked: what it grants is for it to say.
        increment: wish ?? increment,
        mountDefault: defaultTtl(mount.entry),
        maxima: [record.maxTtl, maxTtl(mount.entry)],
        issuedAt: record.issuedAt,
        now,
      });
      if (granted.seconds <= 0) throw new CofferError('invalid_request', 'past the max TTL, cannot renew');
      const expiresAt = now + granted.seconds * 1_000;
      const { queuedAt, writes } = moveDue('lease', record, expiresAt);
      const renewed = { ...record, renewedAt: now, expiresAt, queuedAt };
      await this.#store.commit(
        [{ key: leaseKey(id), value: encodeLease(renewed) }, ...writes],
        [{ key: leaseKey(id), revision: stored.revision }],
      );
      this.#tally('lease_renewed');
      return { record: renewed, ...granted };
    });
  }

  /** Ends a lease now. A lease that is not there is ended. Throws what the engine throws. */
  async revoke(id: string, options: { readonly force?: boolean } = {}): Promise<void> {
    const stored = await this.read(id);
    if (stored === undefined) return;
    const { record } = stored;
    await this.#endAtEngine(record, options.force ?? false);
    // Its mount may be disabled and wait for it: then what is left of the mount can go.
    const purge = record.irrevocable ? [dueWrite(this.#clock.now(), 'purge', record.mount)] : [];
    await this.#store.commit([...this.#removal(record), ...purge]);
    this.#tally('lease_ended');
  }

  /**
   * Ends every lease within `reach`, and the lease of exactly the first prefix. What its engine could not end is tried again by
   * itself; then the first such error is thrown, once all others have ended.
   */
  async revokeWithin(
    reach: readonly LeaseReach[],
    options: { readonly force?: boolean } = {},
  ): Promise<void> {
    let failed = 0;
    let first: CofferError | undefined;
    const end = async (record: LeaseRecord) => {
      const error = await this.#endOrPutOff(record.id, options);
      if (error === undefined) return;
      failed += 1;
      first ??= error;
    };
    const exact = await this.read(reach[0]?.prefix ?? '');
    if (exact !== undefined) await end(exact.record);
    for (const { prefix, mount } of reach) {
      await this.#eachBelow(prefix, async (record) => {
        if (mount === undefined || record.mount === mount) await end(record);
      });
    }
    if (first === undefined) return;
    const many = failed === 1 ? 'a lease could' : `${failed} leases could`;
    throw new CofferError(first.code, `${many} not be ended yet, and will be tried again: ${first.message}`, {
      cause: first,
    });
  }

  /**
   * Duty: ends every lease of one mount, wherever the mount was; the lock is looked at before each call to the outside. Answers how
   * many are left: those that are tried again by themselves, and those that were given up.
   */
  async revokeMount(
    { entry }: Mount,
    outside: HeldLock['outside'],
  ): Promise<{ readonly waiting: number; readonly givenUp: number }> {
    let waiting = 0;
    let givenUp = 0;
    for (const path of leasePaths(entry)) {
      await this.#eachBelow(path, async (record) => {
        if (record.mount !== entry.uuid) return;
        if (record.irrevocable) givenUp += 1;
        else if (record.failures > 0 && (record.queuedAt ?? 0) > this.#clock.now()) waiting += 1;
        else {
          const left = await outside(() => this.#endOrPutOff(record.id, {}));
          if (left !== undefined) waiting += 1;
        }
      });
    }
    return { waiting, givenUp };
  }

  /** Whether a mount may have leases below a path: false only where a short look shows that it has none. */
  async mayBeBelow(path: string, mount: string): Promise<boolean> {
    const found = await this.#store.range(leasePrefix + path, { limit: 100 });
    return found.next !== undefined || found.items.some((item) => decodeLease(item.open()).mount === mount);
  }

  async #eachBelow(prefix: string, action: (record: LeaseRecord) => Promise<void>): Promise<void> {
    const folder = prefix.endsWith('/') ? prefix : `${prefix}/`;
    const leases = everyItem((page) => this.#store.range(leasePrefix + folder, page), 100);
    for await (const item of leases) await action(decodeLease(item.open()));
  }

  /** Answers why a lease is still there: then its time has come all the same, and the duty goes on trying. */
  async #endOrPutOff(id: string, options: { readonly force?: boolean }): Promise<CofferError | undefined> {
    try {
      await this.revoke(id, options);
      return undefined;
    } catch (error) {
      await retryOnConflict(async () => {
        const stored = await this.read(id);
        if (stored === undefined || stored.record.irrevocable) return;
        const { record, revision } = stored;
        const over = { ...record, expiresAt: Math.min(record.expiresAt, this.#clock.now()) };
        const stands = withoutDue('lease', record);
        await this.#putOff(over, stands, [{ key: leaseKey(id), revision }]);
      });
      return asCofferError(error);
    }
  }

  /** Duty: an entry of kind `lease`. The engine touches what is outside under the lock only. */
  async onDue(due: Due, fence: Expectation, outside: HeldLock['outside']): Promise<void> {
    const done: PlainWrite = { key: due.key, value: null };
    const stored = await this.read(due.id);
    if (stored === undefined || stored.record.irrevocable) {
      return this.#endings.commit([done], fence);
    }
    const { record, revision } = stored;
    const expectations: Expectation[] = [fence, { key: leaseKey(record.id), revision }];
    if (record.expiresAt > this.#clock.now()) {
      return void (await this.#store.commit(requeued(due, record), expectations));
    }
    try {
      await outside((signal) => this.#endAtEngine(record, false, signal));
    } catch (error) {
      // Without the lock the lease is the successor's, and nobody's failure.
      if (error instanceof ConflictError && error.key === fence.key) throw error;
      return this.#putOff(record, [done], expectations);
    }
    const removal = this.#removal(record).filter((write) => write.key !== due.key);
    await this.#endings.commit([...removal, done], fence);
    this.#tally('lease_ended');
  }

  /** Counts a failed try; `done` takes the entry out that brought it about. */
  async #putOff(
    record: LeaseRecord,
    done: readonly PlainWrite[],
    expectations: readonly Expectation[],
  ): Promise<void> {
    const failures = record.failures + 1;
    const irrevocable = failures >= mostFailures;
    const queuedAt = this.#clock.now() + firstPause * 2 ** record.failures;
    const again = dueWrite(queuedAt, 'lease', record.id);
    await this.#store.commit(
      [
        { key: leaseKey(record.id), value: encodeLease({ ...record, failures, irrevocable, queuedAt }) },
        ...done.filter(({ key }) => key !== again.key),
        irrevocable ? { key: givenUpKey(record.id), value: 'present' } : again,
      ],
      expectations,
    );
    this.#tally(irrevocable ? 'lease_given_up' : 'lease_end_failed');
  }

  /** What the engine must end; a mount that is gone has nobody left to ask. */
  async #endAtEngine(record: LeaseRecord, force: boolean, signal?: AbortSignal): Promise<void> {
    const mount = await this.#findMount(record.mount);
    if (mount?.engine.revoke === undefined) return;
    try {
      const { id: leaseId, internal } = record;
      const view = this.#view(mount);
      await mount.engine.revoke({ leaseId, internal, view, ...(signal === undefined ? {} : { signal }) });
    } catch (error) {
      if (!force) throw error;
    }
  }

  #removal(record: LeaseRecord): PlainWrite[] {
    const writes: PlainWrite[] = [{ key: leaseKey(record.id), value: null }, ...withoutDue('lease', record)];
    writes.push(...indexKeys(record).map((key) => ({ key, value: null })));
    // It may have been given up while its engine was asked.
    writes.push({ key: givenUpKey(record.id), value: null });
    return writes;
  }

  async #mountOf(record: LeaseRecord): Promise<Mount> {
    const mount = await this.#findMount(record.mount);
    if (mount === undefined) throw new CofferError('invalid_request', 'lease not found');
    return mount;
  }

  #view(mount: Mount): MountView {
    return new MountView(this.#store, mount.entry.uuid, (writes, expectations) =>
      this.#store.commit(writes, expectations),
    );
  }
}

/** The writes of the duty that came by before the lease's end. */
function requeued(due: Due, record: LeaseRecord): readonly PlainWrite[] {
  const { queuedAt, writes } = requeueDue(due, record);
  const moved = writes.filter(({ key }) => key !== due.key);
  return [
    ...(record.queuedAt === undefined
      ? []
      : [{ key: leaseKey(record.id), value: encodeLease({ ...record, queuedAt }) }]),
    ...(moved.length === writes.length ? [{ key: due.key, value: null }] : []),
    ...moved,
  ];
}
