/** What was asked to be done with secrets, as a job keeps it. Paths are held by the mount's id: a mount that moves is still the same. */
import { CofferError, type ErrorCode } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { Mounts } from '../mount/mounts.ts';
import { type Address, treeOf } from './address.ts';
import type { Verb } from './rights.ts';

/** A folder, or one secret. */
export interface Spot {
  readonly mount: string;
  readonly name: string;
}

export interface Task {
  readonly verb: Verb;
  readonly from: Spot;
  /** Of moves and copies. */
  readonly to: Spot | null;
  readonly overwrite: boolean;
  readonly dryRun: boolean;
  /** Of restores, in milliseconds. */
  readonly at: number;
}

/** What a result says of the secrets that were changed. */
const changedWords = {
  move: 'moved',
  copy: 'copied',
  delete: 'deleted',
  remove: 'deleted',
  restore: 'restored',
} as const satisfies Record<Verb, string>;

export function spotOf({ mount, name }: Address): Spot {
  return { mount: mount.entry.uuid, name };
}

/** Throws `not_found` when the mount is gone. */
export function addressOf(spot: Spot, mounts: Mounts): Address {
  const mount = mounts.table.byUuid(spot.mount);
  if (mount === undefined) throw new CofferError('not_found', 'the mount was disabled meanwhile');
  return { ...treeOf(mount), name: spot.name };
}

/** Why a secret was left as it is. */
const reasons = {
  denied: 'permission denied',
  absent: 'there is no such secret',
  exists: 'the target exists',
  later: 'it was made later than that time',
  deleted: 'it was deleted at that time',
  gone: 'its value of that time is gone',
} as const;

export type Reason = keyof typeof reasons;

export function reasonText(reason: Reason): string {
  return reasons[reason];
}

export interface Skipped {
  /** The whole path. */
  readonly path: string;
  readonly reason: string;
}

export interface Tally {
  readonly changed: number;
  readonly unchanged: number;
  readonly skipped: number;
  /** The first of them. */
  readonly skippedPaths: readonly Skipped[];
}

export const nothingYet: Tally = { changed: 0, unchanged: 0, skipped: 0, skippedPaths: [] };

/** Skipped secrets that a result names. */
const mostNamed = 50;

export function withSkipped(tally: Tally, skipped: Skipped): Tally {
  const { skippedPaths } = tally;
  return {
    ...tally,
    skipped: tally.skipped + 1,
    skippedPaths: skippedPaths.length < mostNamed ? [...skippedPaths, skipped] : skippedPaths,
  };
}

/** The result as answered, of one secret as of many. */
export function resultOf({ verb, dryRun }: Task, tally: Tally): JsonObject {
  return {
    [changedWords[verb]]: tally.changed,
    unchanged: tally.unchanged,
    skipped: tally.skipped,
    skipped_paths: tally.skippedPaths.map(({ path, reason }) => ({ path, reason })),
    dry_run: dryRun,
  };
}

/** What is said of a secret that could not be read or taken; undefined for errors that are not the secret's own. */
export function unfitText(error: unknown): string | undefined {
  if (!(error instanceof CofferError)) return undefined;
  const own: readonly ErrorCode[] = ['integrity', 'invalid_request', 'payload_too_large'];
  return own.includes(error.code) ? error.message : undefined;
}
