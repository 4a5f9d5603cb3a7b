import { equalBytes } from '../../crypto/digest.ts';
import { CofferError } from '../../errors.ts';
import { givenParts, type SlotMaker } from '../slot-maker.ts';
import type { AwsKmsSeal } from './awskms-seal.ts';
import { awskmsKind } from './kms-address.ts';

/** Makes slots for the keys that the settings name, and for no others: a slot that no start opens would only look like a way in. */
export function awskmsSlots(seals: readonly AwsKmsSeal[]): SlotMaker {
  return {
    kind: awskmsKind,
    async make(rootKey, request, { place }) {
      if (givenParts(request).some((name) => name !== 'kmsKey')) {
        throw new CofferError('invalid_request', 'an awskms slot is made of "kms_key", and nothing else');
      }
      const seal = chosen(seals, request.kmsKey);
      const body = await seal.wrap(rootKey, place);
      // Whoever may encrypt need not be allowed to decrypt: that would show at the next start only.
      const opened = await seal.unwrap(body, place);
      try {
        if (!equalBytes(opened, rootKey)) throw new CofferError('integrity', 'KMS gave another key back');
      } finally {
        opened.fill(0);
      }
      return { body };
    },
  };
}

function chosen(seals: readonly AwsKmsSeal[], key: string | undefined): AwsKmsSeal {
  const [first, ...others] = seals;
  if (first === undefined) {
    throw new CofferError(
      'invalid_request',
      'this server names no KMS key: start it with --seal awskms:alias/NAME?region=REGION, then add the slot',
    );
  }
  const names = seals.map(({ address }) => address.key).join(', ');
  if (key === undefined) {
    if (others.length === 0) return first;
    throw new CofferError('invalid_request', `say by "kms_key" which of the server's KMS keys: ${names}`);
  }
  const found = seals.find(({ address }) => address.key === key);
  if (found !== undefined) return found;
  throw new CofferError('invalid_request', `"kms_key" is one of those that the server names: ${names}`);
}
