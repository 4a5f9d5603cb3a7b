import { asCofferError, CofferError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import type { Seal, SlotPlace } from './seal.ts';

/**
 * A slot's root key by the first of these seals that opens it; the caller's, to use and to zero. Otherwise throws what the seals
 * threw: that a key is not reachable says more than that another one does not fit.
 */
export async function unwrapByAny(
  seals: readonly Seal[],
  body: JsonObject,
  place: SlotPlace,
): Promise<Buffer> {
  let problem: CofferError | undefined;
  for (const seal of seals) {
    try {
      return await seal.unwrap(body, place);
    } catch (error) {
      const next = asCofferError(error);
      if (problem === undefined || problem.code === 'wrong_key') problem = next;
    }
  }
  throw problem ?? new CofferError('internal', 'a slot was to be opened by no seal');
}
