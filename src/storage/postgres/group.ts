/** Commits that go in one transaction, and which of them may. */
import type { ConflictError } from '../../errors.ts';
import { generateRevision } from '../revision.ts';
import type { Expectation, Revision, Write } from '../storage.ts';
import { bytesArray, numberArray } from './session.ts';

/** One that waits or is under way. */
export interface Pending {
  readonly writes: readonly Write[];
  readonly revisions: readonly Revision[];
  readonly expectations: readonly Expectation[];
  readonly bytes: number;
  /** Clock's time from which on it is tried no more. */
  readonly until: number;
  tries: number;
  readonly resolve: (revisions: readonly Revision[]) => void;
  readonly reject: (reason: ConflictError | Error) => void;
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
    const more = pending.writes.length + pending.expectations.length;
    if (group.length > 0 && (keys + more > limits.keys || bytes + pending.bytes > limits.bytes)) break;
    if (inUse.free(pending) && passed.free(pending)) {
      waiting.splice(index, 1);
      inUse.add(pending);
      group.push(pending);
      keys += more;
      bytes += pending.bytes;
    } else {
      // Nobody overtakes it on its keys.
      passed.add(pending);
      index += 1;
    }
  }
  return group;
}

/** The values of `Statements.write` but the last two. */
export function valuesOf(group: readonly Pending[]): readonly unknown[] {
  const expected = group.flatMap(({ expectations }, owner) =>
    expectations.map((each) => ({ ...each, owner })),
  );
  const written = group.flatMap(({ writes, revisions }, owner) =>
    writes.map(({ key, value }, index) => ({
      key,
      value,
      owner,
      revision: revisions[index] ?? generateRevision(),
    })),
  );
  // In one order everywhere: where rows are what commits wait for, none waits in a circle.
  written.sort((a, b) => (a.key < b.key ? -1 : 1));
  const values: Buffer[] = [];
  const starts: number[] = [];
  let end = 1;
  const put = written.filter(({ value }) => value !== null);
  for (const { value } of put) {
    values.push(value ?? Buffer.alloc(0));
    starts.push(end);
    end += value?.length ?? 0;
  }
  const gone = written.filter(({ value }) => value === null);
  const keysOf = (rows: readonly { readonly key: string }[]) =>
    bytesArray(rows.map(({ key }) => Buffer.from(key)));
  const ownersOf = (rows: readonly { readonly owner: number }[]) =>
    numberArray(rows.map(({ owner }) => owner));
  return [
    keysOf(expected),
    numberArray(expected.map(({ revision }) => revision)),
    ownersOf(expected),
    keysOf(put),
    numberArray(put.map(({ revision }) => revision)),
    values.length === 1 ? values[0] : Buffer.concat(values),
    numberArray(starts),
    numberArray(values.map(({ length }) => length)),
    ownersOf(put),
    keysOf(gone),
    ownersOf(gone),
    group.length,
  ];
}
