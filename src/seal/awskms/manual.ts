/** The KEK of an awskms slot handed in by whoever had KMS unwrap it, for a store that was sealed on purpose: no start opens it then. */
import { CofferError } from '../../errors.ts';
import type { ManualSeal } from '../collector.ts';
import { parseShare } from '../key-text.ts';
import { openKmsSlot } from './awskms-seal.ts';
import { awskmsKind } from './kms-address.ts';

export const awskmsByHand: ManualSeal = {
  kind: awskmsKind,
  collect: (body, place) => ({
    shares: 1,
    threshold: 1,
    progress: 0,
    async add(text) {
      const kek = parseShare(text);
      if (kek.length !== 32)
        throw new CofferError('invalid_request', 'the key of an awskms slot has 32 bytes');
      try {
        return { kind: 'opened', rootKey: openKmsSlot(body, place, kek) };
      } finally {
        kek.fill(0);
      }
    },
    reset() {},
  }),
};
