/**
 * Which commits of this process go next. DynamoDB lets one transaction at a time on a record, also where it only looks at it, and cancels
 * the second; so commits that name the same key wait for each other here. Those that waited and have nothing in common but what they
 * expect (a role by which many log in, a token that has many children) go together, in one transaction.
 */
import type { Revision, StorageKey } from '../storage.ts';
import type { Planned } from './plan.ts';

export interface Queued {
  readonly plan: readonly Planned[];
  /** Bytes of its values. */
  readonly bytes: number;
  /** It was in a group that failed, and finds out by itself whether that was its own doing. */
  alone: boolean;
}

/** Of one transaction: DynamoDB's own bounds are 100 items and 4 MB. */
const mostItems = 96;
const mostBytes = 1024 * 1024;
/** Transactions under way at a time. */
const mostUnderWay = 32;
/** How far is looked for those that may go: behind as many, one more turn makes no difference. */
const mostLooks = 2_048;

export class CommitQueue<T extends Queued> {
  readonly #waiting: T[] = [];
  readonly #inUse = new Set<StorageKey>();
  readonly #carryOut: (group: readonly T[]) => Promise<void>;
  #underWay = 0;

  /** @param carryOut never rejects */
  constructor(carryOut: (group: readonly T[]) => Promise<void>) {
    this.#carryOut = carryOut;
  }

  add(commit: T): void {
    this.#waiting.push(commit);
    this.#pump();
  }

  /** Before all that wait, in their order. */
  addAgain(commits: readonly T[]): void {
    this.#waiting.unshift(...commits);
    this.#pump();
  }

  #pump(): void {
    while (this.#underWay < mostUnderWay) {
      const group = this.#take();
      if (group.length === 0) return;
      void this.#run(group);
    }
  }

  async #run(group: readonly T[]): Promise<void> {
    const keys = new Set(group.flatMap(({ plan }) => plan.map(({ key }) => key)));
    for (const key of keys) this.#inUse.add(key);
    this.#underWay += 1;
    await this.#carryOut(group);
    this.#underWay -= 1;
    for (const key of keys) this.#inUse.delete(key);
    this.#pump();
  }

  #take(): readonly T[] {
    const group: T[] = [];
    const taken = new Taken();
    /** Keys of those that stay: nobody overtakes them there. */
    const passed = new Set<StorageKey>();
    for (let index = 0; index < Math.min(this.#waiting.length, mostLooks); ) {
      const commit = this.#waiting[index];
      if (commit === undefined) break;
      const free = commit.plan.every(({ key }) => !this.#inUse.has(key) && !passed.has(key));
      if (free && (group.length === 0 || (!commit.alone && taken.admits(commit)))) {
        this.#waiting.splice(index, 1);
        group.push(commit);
        taken.add(commit);
        if (commit.alone || !taken.shares) break;
        continue;
      }
      for (const { key } of commit.plan) passed.add(key);
      index += 1;
    }
    return group;
  }
}

/** What a group names so far. */
class Taken {
  readonly #written = new Set<StorageKey>();
  readonly #expected = new Map<StorageKey, Revision | null>();
  #bytes = 0;

  /** Whether there is anything that another commit could have in common with it. */
  get shares(): boolean {
    return this.#expected.size > 0;
  }

  /** Whether the commit has an expectation in common with the group, and nothing else. */
  admits({ plan, bytes }: Queued): boolean {
    let shared = 0;
    for (const { key, expected } of plan) {
      if (this.#written.has(key)) return false;
      const found = this.#expected.get(key);
      if (found === undefined) continue;
      if (expected !== found) return false;
      shared += 1;
    }
    const items = this.#written.size + this.#expected.size + plan.length - shared;
    return shared > 0 && items <= mostItems && this.#bytes + bytes <= mostBytes;
  }

  add({ plan, bytes }: Queued): void {
    for (const { key, expected } of plan) {
      if (expected === undefined) this.#written.add(key);
      else this.#expected.set(key, expected);
    }
    this.#bytes += bytes;
  }
}
