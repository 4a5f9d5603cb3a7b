/**
 * The part of a slot's body that is alike wherever a seal has a KEK of its own at hand: the wrapped root key and a check value, in
 * base64. The context that both key and associated data derive from is the kind of seal, the store, the slot, and what else of the
 * body must not change.
 */
import { createSecretKey } from 'node:crypto';
import { encodeContext } from '../crypto/context.ts';
import type { Random } from '../crypto/random.ts';
import { unwrapBytes, wrapBytes } from '../crypto/wrapping.ts';
import { assertNever, CofferError } from '../errors.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import type { SlotPlace } from './seal.ts';

const formatVersion = 1;
const rootKeyBytes = 32;

export interface WrappedRootKey {
  readonly wrapped: string;
  readonly check: string;
}

export interface Binding {
  readonly kind: string;
  readonly place: SlotPlace;
  /** Further parts of the body, in the seal's own fixed order. */
  readonly bound?: readonly number[];
}

/** Throws `invalid_request` unless the root key has 32 bytes. The KEK stays the caller's, to zero. */
export function wrapRootKey(random: Random, kek: Buffer, rootKey: Buffer, binding: Binding): WrappedRootKey {
  if (rootKey.length !== rootKeyBytes) {
    throw new CofferError('invalid_request', `a root key has ${rootKeyBytes} bytes, not ${rootKey.length}`);
  }
  const { wrapped, check } = wrapBytes(random, createSecretKey(kek), rootKey, contextOf(binding));
  return { wrapped: wrapped.toString('base64'), check: check.toString('base64') };
}

/** The root key. Throws `wrong_key` if another KEK wrapped it, `integrity` if the body is damaged or not of this place. */
export function unwrapRootKey(kek: Buffer, body: JsonObject, binding: Binding): Buffer {
  const wrapped = { wrapped: decodeBase64(body['wrapped']), check: decodeBase64(body['check']) };
  const unwrapped = unwrapBytes(createSecretKey(kek), wrapped, contextOf(binding));
  switch (unwrapped.kind) {
    case 'opened':
      return unwrapped.bytes;
    case 'wrong-key':
      throw new CofferError('wrong_key', 'this key does not open the slot: it belongs to another one');
    case 'damaged':
      throw damagedSlot();
    default:
      return assertNever(unwrapped);
  }
}

/** Throws `integrity` unless the body has exactly these members. */
export function checkMembers(body: JsonObject, members: readonly string[]): void {
  const names = Object.keys(body);
  if (names.length !== members.length || !members.every((member) => names.includes(member)))
    throw damagedSlot();
}

export function damagedSlot(): CofferError {
  return new CofferError('integrity', 'the key slot is damaged, or belongs to another store');
}

function contextOf({ kind, place, bound = [] }: Binding): Buffer {
  return encodeContext('coffer slot', [formatVersion, kind, place.storeId, place.slotId, ...bound]);
}

/** Only the one proper spelling, so that no two bodies mean the same. */
function decodeBase64(text: JsonValue | undefined): Buffer {
  if (typeof text !== 'string') throw damagedSlot();
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw damagedSlot();
  return bytes;
}
