import { CofferError } from '../../errors.ts';
import type { SlotMaker } from '../slot-maker.ts';
import { createShamirSlot } from './shamir.ts';

export const shamirSlots: SlotMaker = {
  kind: 'shamir',
  async make(rootKey, { shares, threshold, passphrase }, { place, random }) {
    if (shares === undefined || threshold === undefined || passphrase !== undefined) {
      throw new CofferError(
        'invalid_request',
        'a shamir slot is made of "secret_shares" and "secret_threshold", and nothing else',
      );
    }
    const made = await createShamirSlot(rootKey, { shares, threshold }, place, random);
    return { body: made.body, keys: made.shares };
  },
};
