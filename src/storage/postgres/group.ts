/** Commits that go in one transaction, and which of them may. */
import type { ConflictError } from '../../errors.ts';
import { generateRevision } from '../revision.ts';
import type { Expectation, Revision, Write } from '../storage.ts';
import { bytesArray, numberArray, smallArray, type Value } from './messages.ts';

/** One that waits or is under way. */
export interface Pending {
  readonly writes: readonly Write[];
  readonly revisions: readonly Revision[];
  readonly expectations: readonly Expectation[];
  readonly bytes: number;
  /** Keys that it names. */
  readonly keys: number;
  /** Clock's time from which on it is tried no more. */
  readonly until: number;
  tries: number;
  readonly resolve: (revisions: readonly Revision[]) => void;
  readonly reject: (reason: ConflictError | Error) => void;
}

/** How many keys a commit names, each counted once. */
export function keysNamed({ writes, expectations }: Pick<Pending, 'writes' | 'expectations'>): number {
  let keys = writes.length;
  for (const { key } of expectations) if (!writes.some((write) => write.key === key)) keys += 1;
  return keys;
}

/** Which keys are being written, or have to stay as they are, by whatever is under way. */
export class KeysInUse {
  readonly #written = new Map<string, number>();
  readonly #named = new Map<string, number>();

  /** Whether a commit neither writes what others name nor names what others write. */
  free({ writes, expectations }: Pending): boolean {
    return (
      !writes.some(({ key }) => this.#named.has(key)) &&
      !expectations.some(({ key }) => this.#written.has(key))
    );
  }

  add({ writes, expectations }: Pending): void {
    for (const { key } of writes) count(this.#written, key, 1);
    for (const { key } of writes) count(this.#named, key, 1);
    for (const { key } of expectations) count(this.#named, key, 1);
  }

  remove({ writes, expectations }: Pending): void {
    for (const { key } of writes) count(this.#written, key, -1);
    for (const { key } of writes) count(this.#named, key, -1);
    for (const { key } of expectations) count(this.#named, key, -1);
  }
}

function count(map: Map<string, number>, key: string, by: number): void {
  const now = (map.get(key) ?? 0) + by;
  if (now === 0) map.delete(key);
  else map.set(key, now);
}

export interface GroupLimits {
  readonly commits: number;
  /** Each key is a lock of the server, which has some thousand for all its connections. */
  readonly keys: number;
  readonly bytes: number;
}

/**
 * Takes what may go together out of `waiting`, the first of them in any case if it may go at all: commits whose keys nothing under
 * way and nothing before them in the queue stands against. `inUse` counts them from then on.
 */
export function takeGroup(waiting: Pending[], inUse: KeysInUse, limits: GroupLimits): readonly Pending[] {
  const group: Pending[] = [];
  const passed = new KeysInUse();
  let keys = 0;
  let bytes = 0;
  for (let index = 0; index < waiting.length && group.length < limits.commits; ) {
    const pending = waiting[index] as Pending;
    if (group.length > 0 && (keys + pending.keys > limits.keys || bytes + pending.bytes > limits.bytes))
      break;
    if (inUse.free(pending) && passed.free(pending)) {
      waiting.splice(index, 1);
      inUse.add(pending);
      group.push(pending);
      keys += pending.keys;
      bytes += pending.bytes;
    } else {
      // Nobody overtakes it on its keys.
      passed.add(pending);
      index += 1;
    }
  }
  return group;
}

interface Written {
  readonly key: string;
  readonly value: Buffer | null;
  readonly revision: Revision;
  readonly owner: number;
}

/** The values of `Statements.write` but the last two. */
export function valuesOf(group: readonly Pending[]): readonly Value[] {
  const expected: {
    readonly keys: string[];
    readonly revisions: (Revision | null)[];
    readonly owners: number[];
  } = {
    keys: [],
    revisions: [],
    owners: [],
  };
  const written: Written[] = [];
  for (const [owner, { writes, revisions, expectations }] of group.entries()) {
    for (const { key, revision } of expectations) {
      expected.keys.push(key);
      expected.revisions.push(revision);
      expected.owners.push(owner);
    }
    for (const [index, { key, value }] of writes.entries())
      written.push({ key, value, revision: revisions[index] ?? generateRevision(), owner });
  }
  // In one order everywhere: where rows are what commits wait for, none waits in a circle.
  written.sort((a, b) => (a.key < b.key ? -1 : 1));
  const put: Written[] = [];
  const gone: Written[] = [];
  for (const each of written) (each.value === null ? gone : put).push(each);
  return [
    bytesArray(expected.keys),
    numberArray(expected.revisions),
    smallArray(expected.owners),
    bytesArray(put.map(({ key }) => key)),
    numberArray(put.map(({ revision }) => revision)),
    bytesArray(put.map(({ value }) => value ?? '')),
    smallArray(put.map(({ owner }) => owner)),
    bytesArray(gone.map(({ key }) => key)),
    smallArray(gone.map(({ owner }) => owner)),
    group.length,
  ];
}
