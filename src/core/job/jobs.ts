/** The jobs of a store: begun with the commit that asks for them, looked at, cancelled, and forgotten some days after their end. */
import type { BarrierStore, PlainWrite, SealedRecord } from '../../barrier/store.ts';
import type { Clock } from '../../clock.ts';
import { type Random, randomUuid } from '../../crypto/random.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { Expectation, Page, PageRequest, Revision } from '../../storage/storage.ts';
import { type Due, dueWrite } from '../due.ts';
import { retryOnConflict } from '../retry.ts';
import type { NewJob } from './job.ts';
import {
  activeKey,
  activePrefix,
  damagedJob,
  damagedType,
  decodeJob,
  encodeJob,
  type JobRecord,
  type JobStatus,
  jobKey,
  recordPrefix,
} from './record.ts';

/** Jobs under way at a time, in the whole store: nobody can pile up work without end. */
const mostActive = 100;
/** The same of one identity, or of one token that goes back to no login: nobody holds up the others' work. */
const mostOfOne = 20;
/** How long an ended job can still be looked at, in milliseconds. */
const keptFor = 7 * 86_400_000;

/** How long a job that was let in may take to be committed, in milliseconds. */
const underWayFor = 10_000;

/** A job that was let in, and is perhaps not in the store yet. */
interface LetIn {
  readonly id: string;
  readonly holder: string;
  readonly at: number;
}

export interface StoredJob {
  readonly record: JobRecord;
  readonly revision: Revision;
}

/** Who asks for a job. */
export interface Requester {
  /** Stored id of the caller's token; null for the server itself. */
  readonly token: string | null;
  /** Whom the token goes back to; absent where it goes back to no login. */
  readonly identity?: string | undefined;
  readonly displayName: string;
}

export interface JobsOptions {
  readonly store: BarrierStore;
  readonly clock: Clock;
  readonly random: Random;
}

export class Jobs {
  readonly #options: JobsOptions;
  #letIn: readonly LetIn[] = [];

  constructor(options: JobsOptions) {
    this.#options = options;
  }

  /**
   * The writes that begin a job, for the commit that asks for it. Throws `rate_limited` where too many are under way; what the server
   * itself asks for is never refused.
   */
  async prepare(
    job: NewJob,
    requester: Requester,
  ): Promise<{ readonly id: string; readonly writes: readonly PlainWrite[] }> {
    const id = randomUuid(this.#options.random);
    if (requester.token !== null) await this.#letInOne(id, requester);
    const record = this.#record(id, job, requester);
    return {
      id: record.id,
      writes: [
        { key: jobKey(record.id), value: encodeJob(record) },
        { key: activeKey(record.id), value: 'present' },
      ],
    };
  }

  /** The writes that put a deed on record which was done at once, where people look for what was done at length. */
  ended(
    job: NewJob,
    requester: Requester,
    result: JsonObject,
  ): { readonly id: string; readonly writes: readonly PlainWrite[] } {
    const record = this.#record(randomUuid(this.#options.random), job, requester);
    return { id: record.id, writes: this.endWrites(record, 'done', { done: 1, total: 1, result }) };
  }

  #record(id: string, job: NewJob, requester: Requester): JobRecord {
    const now = this.#options.clock.now();
    return {
      id,
      ...job,
      status: 'running',
      requester: requester.token,
      ...(requester.identity === undefined ? {} : { requesterIdentity: requester.identity }),
      requestedBy: requester.displayName,
      createdAt: now,
      updatedAt: now,
      notBefore: now,
      done: 0,
      total: null,
      failures: 0,
      problem: null,
      result: null,
    };
  }

  /** Of any number that come at once, no more are let in than there is room for. */
  async #letInOne(id: string, requester: Requester): Promise<void> {
    const { store, clock } = this.#options;
    const holder = holderOf(requester.token, requester.identity);
    const active = await store.children(activePrefix, { limit: mostActive });
    let own = 0;
    for (const each of active.items) {
      const record = (await this.read(each))?.record;
      if (record !== undefined && holderOf(record.requester, record.requesterIdentity) === holder) own += 1;
    }
    // What is in the store is counted there, or has ended already.
    const arrived = new Set(active.items);
    for (const each of this.#letIn) if ((await this.read(each.id)) !== undefined) arrived.add(each.id);
    // From here on nothing is awaited: what is let in meanwhile is seen.
    const now = clock.now();
    this.#letIn = this.#letIn.filter((each) => now - each.at < underWayFor && !arrived.has(each.id));
    if (active.items.length + this.#letIn.length >= mostActive) {
      throw new CofferError('rate_limited', `${mostActive} jobs are under way: wait for one, or cancel one`);
    }
    if (own + this.#letIn.filter((each) => each.holder === holder).length >= mostOfOne) {
      throw new CofferError(
        'rate_limited',
        `${mostOfOne} jobs of yours are under way: wait for one, or cancel one`,
      );
    }
    this.#letIn = [...this.#letIn, { id, holder, at: now }];
  }

  /** Begins a job by a commit of its own; answers its id. `writes` and `expectations` go along. */
  async begin(
    job: NewJob,
    requester: Requester,
    writes: readonly PlainWrite[] = [],
    expectations: readonly Expectation[] = [],
  ): Promise<string> {
    const prepared = await this.prepare(job, requester);
    await this.#options.store.commit([...prepared.writes, ...writes], expectations);
    return prepared.id;
  }

  async read(id: string): Promise<StoredJob | undefined> {
    if (!/^[0-9a-f-]{36}$/.test(id)) return undefined;
    const sealed = await this.#options.store.read(jobKey(id));
    return sealed === undefined ? undefined : { record: readable(id, sealed), revision: sealed.revision };
  }

  /** Jobs under way and ended ones, in no order that means anything. */
  async list(page: PageRequest): Promise<Page<JobRecord>> {
    const after = page.after === undefined ? {} : { after: recordPrefix + page.after };
    const found = await this.#options.store.range(recordPrefix, { ...page, ...after });
    const items = found.items.map((item) => readable(item.key.slice(recordPrefix.length), item));
    return found.next === undefined ? { items } : { items, next: found.next.slice(recordPrefix.length) };
  }

  /** The jobs to be worked on. */
  async active(): Promise<readonly string[]> {
    return (await this.#options.store.children(activePrefix, { limit: 2 * mostActive })).items;
  }

  /** What is done stays done. Cancelling an ended job changes nothing. */
  cancel(id: string): Promise<void> {
    return retryOnConflict(async () => {
      const stored = await this.read(id);
      if (stored === undefined) throw new CofferError('not_found', 'there is no such job');
      const { status, type } = stored.record;
      if (status !== 'running' && type !== damagedType) return;
      await this.#options.store.commit(this.endWrites(stored.record, 'cancelled', {}), [
        { key: jobKey(id), revision: stored.revision },
      ]);
    });
  }

  /** The writes that end a job, for the commit of its last step. */
  endWrites(
    record: JobRecord,
    status: Exclude<JobStatus, 'running'>,
    changes: Partial<JobRecord>,
  ): readonly PlainWrite[] {
    const now = this.#options.clock.now();
    return [
      { key: jobKey(record.id), value: encodeJob({ ...record, ...changes, status, updatedAt: now }) },
      { key: activeKey(record.id), value: null },
      dueWrite(now + keptFor, 'job', record.id),
    ];
  }

  /** Duty: an entry of kind `job`. An ended job is forgotten. */
  async onDue(due: Due, fence: Expectation): Promise<void> {
    await this.#options.store.commit(
      [
        { key: due.key, value: null },
        { key: jobKey(due.id), value: null },
      ],
      [fence],
    );
  }
}

/** One that cannot be read is shown as such: it must not keep anybody from the others. */
function readable(id: string, sealed: Pick<SealedRecord, 'open'>): JobRecord {
  try {
    return decodeJob(sealed.open());
  } catch (error) {
    if (asCofferError(error).code !== 'integrity') throw error;
    return damagedJob(id);
  }
}

/** Whose measure a job counts in: an identity's, or that of a token that goes back to no login. */
function holderOf(token: string | null, identity: string | undefined): string {
  return identity === undefined ? `token ${token ?? ''}` : `identity ${identity}`;
}
