/** A keyfile's key typed in by hand, for a store that was sealed on purpose: no start opens it then. */
import { CofferError } from '../../errors.ts';
import type { ManualSeal } from '../collector.ts';
import { parseShare } from '../key-text.ts';
import { openKeyfileSlot } from './keyfile-seal.ts';

export const keyfileByHand: ManualSeal = {
  kind: 'keyfile',
  collect: (body, place) => ({
    shares: 1,
    threshold: 1,
    progress: 0,
    async add(text) {
      const key = parseShare(text);
      if (key.length !== 32) throw new CofferError('invalid_request', 'a keyfile’s key has 32 bytes');
      try {
        return { kind: 'opened', rootKey: openKeyfileSlot(body, place, key) };
      } finally {
        key.fill(0);
      }
    },
    reset() {},
  }),
};
