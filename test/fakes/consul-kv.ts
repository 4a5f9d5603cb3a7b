/** The KV store and the sessions of Consul 1.15 as its servers keep them: operations of transactions, their answers and their words. */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../src/clock.ts';
import { SortedKeys } from '../../src/storage/memory/sorted-keys.ts';

export interface Entry {
  readonly LockIndex: number;
  readonly Key: string;
  readonly Flags: number;
  /** Base64; Consul tells an empty value as `null`. */
  readonly Value: string | null;
  readonly Session?: string;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}

export interface Operation {
  readonly Verb: string;
  readonly Key: string;
  readonly Value?: string | null;
  readonly Flags?: number;
  readonly Index?: number;
  readonly Session?: string;
}

export interface TxnError {
  readonly OpIndex: number;
  readonly What: string;
}

export type TxnOutcome = { readonly results: readonly Entry[] } | { readonly errors: readonly TxnError[] };

const writing = ['set', 'delete', 'delete-cas', 'delete-tree', 'cas', 'lock', 'unlock'];

export function isWrite({ Verb }: Operation): boolean {
  return writing.includes(Verb);
}

interface Session {
  readonly id: string;
  readonly behavior: string;
  /** Milliseconds; 0 for one that has no end. */
  readonly life: number;
  end: Disposable | undefined;
}

/** Reads through what a transaction has written so far. */
class Overlay {
  readonly changed = new Map<string, Entry | undefined>();
  readonly #under: ReadonlyMap<string, Entry>;

  constructor(under: ReadonlyMap<string, Entry>) {
    this.#under = under;
  }

  get(key: string): Entry | undefined {
    return this.changed.has(key) ? this.changed.get(key) : this.#under.get(key);
  }
}

export class ConsulKv {
  /** Of the newest entry of the Raft log. A transaction that fails has one too. */
  index = 10;
  readonly #entries = new Map<string, Entry>();
  readonly #keys = new SortedKeys();
  readonly #sessions = new Map<string, Session>();
  readonly #clock: Clock;
  readonly #watchers = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  entry(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** In the order of their bytes, as the radix tree has them. */
  below(prefix: string): readonly Entry[] {
    const found: Entry[] = [];
    for (const key of this.#keys.from(prefix)) {
      if (!key.startsWith(prefix)) break;
      const entry = this.#entries.get(key);
      if (entry !== undefined) found.push(entry);
    }
    return found;
  }

  apply(operations: readonly Operation[]): TxnOutcome {
    const writes = operations.some(isWrite);
    if (writes) this.index += 1;
    const overlay = new Overlay(this.#entries);
    const results: Entry[] = [];
    const errors: TxnError[] = [];
    for (const [OpIndex, operation] of operations.entries()) {
      try {
        results.push(...this.#carryOut(operation, overlay));
      } catch (error) {
        errors.push({ OpIndex, What: (error as Error).message });
      }
    }
    if (errors.length > 0) return { errors };
    for (const [key, entry] of overlay.changed) this.#put(key, entry);
    if (writes) for (const watcher of this.#watchers) watcher();
    return { results };
  }

  /** Resolves at the next commit. */
  changed(): Promise<void> {
    return new Promise((resolve) => {
      const watcher = () => {
        this.#watchers.delete(watcher);
        resolve();
      };
      this.#watchers.add(watcher);
    });
  }

  openSession(behavior: string, seconds: number): string {
    this.index += 1;
    const session: Session = { id: randomUUID(), behavior, life: seconds * 1_000, end: undefined };
    this.#sessions.set(session.id, session);
    this.#expireLater(session);
    return session.id;
  }

  renewSession(id: string): boolean {
    const session = this.#sessions.get(id);
    if (session !== undefined) this.#expireLater(session);
    return session !== undefined;
  }

  get sessions(): readonly string[] {
    return [...this.#sessions.keys()];
  }

  endSession(id: string): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    this.index += 1;
    session.end?.[Symbol.dispose]();
    this.#sessions.delete(id);
    for (const entry of this.#entries.values()) {
      if (entry.Session !== id) continue;
      const { Session: _, ...released } = entry;
      this.#put(
        entry.Key,
        session.behavior === 'delete' ? undefined : { ...released, ModifyIndex: this.index },
      );
    }
    for (const watcher of this.#watchers) watcher();
  }

  dispose(): void {
    for (const session of this.#sessions.values()) session.end?.[Symbol.dispose]();
  }

  /** Consul lets up to twice the time to live pass. */
  #expireLater(session: Session): void {
    session.end?.[Symbol.dispose]();
    if (session.life > 0)
      session.end = this.#clock.after(2 * session.life, () => this.endSession(session.id));
  }

  #put(key: string, entry: Entry | undefined): void {
    if (entry === undefined) {
      this.#entries.delete(key);
      this.#keys.remove(key);
    } else {
      this.#entries.set(key, entry);
      this.#keys.add(key);
    }
  }

  #carryOut(operation: Operation, overlay: Overlay): readonly Entry[] {
    const { Verb, Key, Index = 0, Session = '' } = operation;
    const quoted = JSON.stringify(Key);
    const now = overlay.get(Key);
    const told = (entry: Entry): readonly Entry[] => [{ ...entry, Value: null }];
    const fail = (text: string): never => {
      throw new Error(text);
    };
    switch (Verb) {
      case 'set':
        return told(this.#set(operation, overlay));
      case 'cas': {
        const holds = Index === 0 ? now === undefined : now?.ModifyIndex === Index;
        return holds
          ? told(this.#set(operation, overlay))
          : fail(`failed to set key ${quoted}, index is stale`);
      }
      case 'lock': {
        if (!this.#sessions.has(Session)) return fail(`invalid session ${JSON.stringify(Session)}`);
        if (now?.Session !== undefined && now.Session !== Session)
          return fail(`failed to lock key ${quoted}, lock is already held`);
        return told(this.#set(operation, overlay, Session));
      }
      case 'delete':
        overlay.changed.set(Key, undefined);
        return [];
      case 'delete-cas':
        // A key that is not there counts as deleted, whatever the index.
        if (now !== undefined && now.ModifyIndex !== Index)
          return fail(`failed to delete key ${quoted}, index is stale`);
        overlay.changed.set(Key, undefined);
        return [];
      case 'get':
        return now === undefined ? fail(`key ${quoted} doesn't exist`) : [now];
      case 'get-or-empty':
        return [now ?? { LockIndex: 0, Key, Flags: 0, Value: null, CreateIndex: 0, ModifyIndex: 0 }];
      case 'get-tree':
        return this.below(Key);
      case 'check-index':
        if (now === undefined) return fail(`failed to check index, key ${quoted} doesn't exist`);
        if (now.ModifyIndex !== Index) {
          return fail(
            `failed index check for key ${quoted}, current modify index ${now.ModifyIndex} != ${Index}`,
          );
        }
        return told(now);
      case 'check-not-exists':
        return now === undefined ? [] : fail(`key ${quoted} exists`);
      default:
        return fail(`unknown KV verb ${JSON.stringify(Verb)}`);
    }
  }

  #set({ Key, Value, Flags = 0 }: Operation, overlay: Overlay, session?: string): Entry {
    const now = overlay.get(Key);
    const holder = session ?? now?.Session;
    const text = Value === undefined || Value === '' ? null : Value;
    const lockIndex =
      session === undefined || now?.Session === session ? (now?.LockIndex ?? 0) : (now?.LockIndex ?? 0) + 1;
    // What does not change keeps its index.
    const same = now !== undefined && now.Value === text && now.Flags === Flags && now.Session === holder;
    const entry: Entry = {
      LockIndex: lockIndex,
      Key,
      Flags,
      Value: text,
      ...(holder === undefined ? {} : { Session: holder }),
      CreateIndex: now?.CreateIndex ?? this.index,
      ModifyIndex: same ? now.ModifyIndex : this.index,
    };
    overlay.changed.set(Key, entry);
    return entry;
  }
}
