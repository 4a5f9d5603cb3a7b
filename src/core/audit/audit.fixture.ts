/** What the tests of the audit log share: a store in memory or in a file, a clock moved by hand, a private place on disk. */
import { createHash, createSecretKey } from 'node:crypto';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BarrierStore, KeyedSealedRecord, PlainWrite, SealedRecord } from '../../barrier/store.ts';
import type { Clock } from '../../clock.ts';
import type { Random } from '../../crypto/random.ts';
import { type CofferError, ConflictError } from '../../errors.ts';
import type { Expectation, Page, PageRequest, Revision, StorageKey } from '../../storage/storage.ts';
import { type AuditLogOptions, type OpenAuditLog, openAuditLog } from './log.ts';
import { currentProcess, type ProcessIdentity } from './process-identity.ts';

interface Kept {
  readonly value: string;
  readonly revision: number;
}

/** A barrier without sealing. With a file, what was committed outlives the process. */
export class TestBarrier implements BarrierStore {
  private readonly file: string | undefined;
  private records: Map<string, Kept>;
  private revision = 0;
  commits = 0;
  /** Thrown by each commit while it is set. */
  failure: CofferError | undefined;

  constructor(file?: string) {
    this.file = file;
    this.records = new Map(file === undefined ? [] : load(file));
    for (const { revision } of this.records.values()) this.revision = Math.max(this.revision, revision);
  }

  async read(key: StorageKey): Promise<SealedRecord | undefined> {
    const kept = this.records.get(key);
    return kept && sealed(kept);
  }

  async readMany(keys: readonly StorageKey[]): Promise<readonly (SealedRecord | undefined)[]> {
    return Promise.all(keys.map((key) => this.read(key)));
  }

  async children(prefix: string, page: PageRequest): Promise<Page<string>> {
    const names = [...this.records.keys()].filter((key) => key.startsWith(prefix)).sort();
    return paged(
      names.map((name) => name.slice(prefix.length)),
      page,
      (name) => name,
    );
  }

  async range(prefix: string, page: PageRequest): Promise<Page<KeyedSealedRecord>> {
    const found = [...this.records]
      .filter(([key]) => key.startsWith(prefix))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const items = found.map(([key, kept]) => ({ key: key as StorageKey, ...sealed(kept) }));
    return paged(items, page, ({ key }) => key);
  }

  async commit(
    writes: readonly PlainWrite[],
    expectations: readonly Expectation[] = [],
  ): Promise<readonly Revision[]> {
    if (this.failure) throw this.failure;
    for (const { key, revision } of expectations) {
      if ((this.records.get(key)?.revision ?? null) !== revision) throw new ConflictError(key);
    }
    this.commits += 1;
    this.revision += 1;
    for (const { key, value } of writes) {
      if (value === null) this.records.delete(key);
      else this.records.set(key, { value: value.toString('base64'), revision: this.revision });
    }
    if (this.file !== undefined) save(this.file, this.records);
    return writes.map(() => this.revision as Revision);
  }
}

function load(file: string): [string, Kept][] {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as [string, Kept][];
  } catch {
    return [];
  }
}

function save(file: string, records: ReadonlyMap<string, Kept>): void {
  writeFileSync(`${file}.new`, JSON.stringify([...records]));
  renameSync(`${file}.new`, file);
}

function sealed({ value, revision }: Kept): SealedRecord {
  return { revision: revision as Revision, open: () => Buffer.from(value, 'base64') };
}

function paged<T>(items: readonly T[], { after, limit }: PageRequest, nameOf: (item: T) => string): Page<T> {
  const rest = items.filter((item) => after === undefined || nameOf(item) > after);
  const shown = rest.slice(0, limit);
  const last = shown.at(-1);
  return rest.length > shown.length && last !== undefined
    ? { items: shown, next: nameOf(last) }
    : { items: shown };
}

export class HandClock implements Clock {
  private time: number;
  private readonly timers = new Set<{ readonly at: number; readonly action: () => void }>();

  constructor(time = Date.UTC(2026, 10, 22, 1, 36)) {
    this.time = time;
  }

  now(): number {
    return this.time;
  }

  steady(): number {
    return this.time;
  }

  after(milliseconds: number, action: () => void): Disposable {
    const timer = { at: this.time + milliseconds, action };
    this.timers.add(timer);
    return { [Symbol.dispose]: () => this.timers.delete(timer) };
  }

  get pending(): number {
    return this.timers.size;
  }

  advance(milliseconds: number): void {
    this.time += milliseconds;
    for (const timer of [...this.timers].sort((a, b) => a.at - b.at)) {
      if (timer.at > this.time || !this.timers.delete(timer)) continue;
      timer.action();
    }
  }
}

/** The same bytes each time for the same seed. */
export function seededRandom(seed: string): Random {
  let count = 0;
  const block = (): Buffer => createHash('sha256').update(`${seed} ${count++}`).digest();
  return {
    bytes(length) {
      const blocks: Buffer[] = [];
      for (let made = 0; made < length; made += 32) blocks.push(block());
      return Buffer.concat(blocks).subarray(0, length);
    },
  };
}

export const digestKey = createSecretKey(Buffer.alloc(32, 7));
export const signingSeed = Buffer.alloc(32, 9);

export interface Place {
  /** Private and empty. */
  readonly root: string;
  /** Where the log goes; not there yet. */
  readonly directory: string;
  readonly store: TestBarrier;
  readonly clock: HandClock;
  readonly failures: CofferError[];
  open(options?: Partial<AuditLogOptions>): Promise<OpenAuditLog>;
  remove(): void;
}

export function makePlace(root = mkdtempSync(join(tmpdir(), 'coffer-audit-'))): Place {
  const directory = join(root, 'audit');
  const store = new TestBarrier();
  const clock = new HandClock();
  const failures: CofferError[] = [];
  const random = seededRandom(root);
  return {
    root,
    directory,
    store,
    clock,
    failures,
    open: (options) =>
      openAuditLog({
        directory,
        store,
        digestKey,
        signingSeed,
        clock,
        random,
        reserveBytes: 0,
        onFailure: (error) => failures.push(error),
        ...options,
      }),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** A process of this machine that is no more: the same pid with another start. */
export function deadProcess(): ProcessIdentity {
  return { ...currentProcess('here'), startTicks: '1' };
}

export function livingProcess(): ProcessIdentity {
  return currentProcess('here');
}

/** Lets everything run that waits for no timer: pending turns, and file operations off the event loop. */
export async function settled(until: () => boolean): Promise<void> {
  for (let turn = 0; turn < 2_000_000 && !until(); turn++) await new Promise(setImmediate);
  if (!until()) throw new Error('what was waited for did not come');
}
