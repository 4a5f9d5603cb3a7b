/** Static roles at rest: users of IAM that are there already, whose access keys are changed from time to time. */
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { DueEntry } from '../../core/view.ts';

export interface StaticRole {
  readonly username: string;
  /** Seconds. */
  readonly period: number;
  /** Null until the first rotation. */
  readonly accessKey: string | null;
  readonly secretKey: string | null;
  /** Milliseconds; 0 for never. */
  readonly rotatedAt: number;
  /** A rotation that may be under way. */
  readonly pending?: {
    /** Keys that the user had before. */
    readonly known: readonly string[];
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

export function encodeStaticRole(role: StaticRole): Buffer {
  return encodeStored(role);
}

export function decodeStaticRole(bytes: Buffer): StaticRole {
  return decodeStored<StaticRole>(bytes);
}

/** When something is to be done, in milliseconds. */
export function dueAt({ pending, rotatedAt, period, retryAt }: StaticRole): number {
  return Math.max(pending?.busyUntil ?? rotatedAt + period * 1_000, retryAt);
}

/**
 * A role ready to be written, and the entry that goes with it. One that stands before its time stays: the duty queues it again when
 * it comes by.
 */
export function scheduled(
  name: string,
  role: StaticRole,
  now: number,
): { readonly role: StaticRole; readonly due: readonly DueEntry[] } {
  // The duty takes its own entry away afterwards: the next must not stand in the same second.
  const at = Math.max(dueAt(role), now + 1_000);
  if (role.queuedAt > now && role.queuedAt <= at) return { role, due: [] };
  return { role: { ...role, queuedAt: at }, due: [{ at, name: staticRolePath(name) }] };
}
