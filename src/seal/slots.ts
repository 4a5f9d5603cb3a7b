/**
 * Key slots: the ways to the root key. They rest in the clear, since they are read before any key is known; what a slot wraps
 * is safe by itself, and bound to the store's and the slot's id.
 */
import { CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import { decodeBootRecord } from './boot-record.ts';

const format = 1;
/** As many as a LUKS2 volume has. */
const mostSlots = 32;

export interface Slot {
  /** A uuid. */
  readonly id: string;
  /** Which seal made it: `keyfile`, `shamir`, … */
  readonly kind: string;
  /** That seal's own. */
  readonly body: JsonObject;
}

/** Throws `invalid_request` for none or too many slots, or two of one id. */
export function encodeSlots(slots: readonly Slot[]): Buffer {
  const problem = problemOf(slots);
  if (problem !== undefined) throw new CofferError('invalid_request', problem);
  return Buffer.from(JSON.stringify({ format, slots }));
}

/** Throws `store_unusable` for a later format, `integrity` for what is no list of slots. */
export function decodeSlots(bytes: Buffer): readonly Slot[] {
  const { slots } = decodeBootRecord(bytes, { name: "the store's key slots", format, members: ['slots'] });
  if (!Array.isArray(slots) || !slots.every(isSlot) || problemOf(slots) !== undefined) {
    throw new CofferError('integrity', "the store's key slots are damaged");
  }
  return slots;
}

function problemOf(slots: readonly Slot[]): string | undefined {
  if (slots.length === 0) return 'a store has at least one key slot';
  if (slots.length > mostSlots) return `a store has at most ${mostSlots} key slots`;
  if (new Set(slots.map((slot) => slot.id)).size < slots.length) return 'two key slots have the same id';
  return slots.every(isSlot) ? undefined : 'a key slot has a uuid, a kind and a body';
}

function isSlot(value: unknown): value is Slot {
  if (!isJsonObject(value) || Object.keys(value).length !== 3) return false;
  const { id, kind, body } = value;
  return isUuid(id) && typeof kind === 'string' && /^[a-z][a-z0-9-]{0,31}$/.test(kind) && isJsonObject(body);
}

/** A uuid in lower case. */
export function isUuid(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value);
}
