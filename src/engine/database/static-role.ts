/** Static roles at rest: users that are the database's own, whose passwords are changed from time to time. */
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { DueEntry } from '../../core/view.ts';

export interface StaticRole {
  readonly connection: string;
  readonly username: string;
  readonly statements: readonly string[];
  /** Seconds. */
  readonly period: number;
  /** Null until the first rotation. */
  readonly password: string | null;
  /** Milliseconds; 0 for never. */
  readonly rotatedAt: number;
  /** A password that may or may not be the database's already. */
  readonly pending?: {
    readonly password: string;
    /** Milliseconds until which whoever began it may still be at it. */
    readonly busyUntil: number;
  };
  readonly failures: number;
  /** Milliseconds before which the duty does not try again. */
  readonly retryAt: number;
  /** Where its entry in the index of what is due stands, in milliseconds. */
  readonly queuedAt: number;
}

export const staticRoleFolder = 'static-role/';

/** The first part of the name of a due entry. */
export const staticRoleDue = 'static-role/';

export function staticRolePath(name: string): string {
  return staticRoleFolder + name;
}

export function decodeStaticRole(bytes: Buffer): StaticRole {
  return decodeStored<StaticRole>(bytes);
}

/** When something is to be done, in milliseconds. */
export function dueAt({ pending, rotatedAt, period, retryAt }: StaticRole): number {
  return Math.max(pending?.busyUntil ?? rotatedAt + period * 1_000, retryAt);
}

/**
 * A role ready to be written, and the entry that goes with it. An entry that stands before its time is left there: the duty
 * queues it again when it comes by, so that whoever rotates by hand leaves one entry and not many.
 */
export function scheduled(
  name: string,
  role: StaticRole,
  now: number,
): { readonly role: StaticRole; readonly due: readonly DueEntry[] } {
  // The duty takes the entry that it came by away afterwards: the next must not stand in the same second.
  const at = Math.max(dueAt(role), now + 1_000);
  if (role.queuedAt > now && role.queuedAt <= at) return { role, due: [] };
  return { role: { ...role, queuedAt: at }, due: [{ at, name: staticRolePath(name) }] };
}

export function encodeStaticRole(role: StaticRole): Buffer {
  return encodeStored(role);
}
