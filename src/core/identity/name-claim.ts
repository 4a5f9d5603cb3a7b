/** Names that are unique among entities, and among groups. */
import type { PlainWrite } from '../../barrier/store.ts';
import { CofferError } from '../../errors.ts';
import type { Expectation } from '../../storage/storage.ts';
import { type Found, lookAlike } from './identities.ts';
import { encodePointer, type NamePointer } from './record.ts';

/** That a name is free, or its own in another form. Throws `invalid_request` where it is neither. */
export function claimedName(
  { pointer, asRead }: Found<NamePointer>,
  owner: { readonly id: string; readonly name: string },
  what: string,
): Expectation {
  if (pointer === undefined || pointer.id === owner.id) return asRead;
  if (pointer.name !== owner.name) throw lookAlike(`the name of ${what}`);
  throw new CofferError('invalid_request', `the name of ${what} is in use already`);
}

export function renamed(
  before: PlainWrite['key'],
  after: PlainWrite['key'],
  { id, name }: NamePointer,
): readonly PlainWrite[] {
  const left = before === after ? [] : [{ key: before, value: null }];
  return [{ key: after, value: encodePointer({ id, name }) }, ...left];
}
