import { CofferError } from '../../errors.ts';
import { givenParts, type SlotMaker } from '../slot-maker.ts';
import { wrapForKeyfile } from './keyfile-seal.ts';
import { encodeKeyfile } from './keyfile-text.ts';

/** Draws the key; whoever asked writes the text to a file of their own. */
export const keyfileSlots: SlotMaker = {
  kind: 'keyfile',
  async make(rootKey, request, { place, random, dataPlace }) {
    if (givenParts(request).length > 0) {
      throw new CofferError('invalid_request', 'a keyfile slot takes nothing else: its key is drawn');
    }
    const key = random.bytes(32);
    try {
      const text = encodeKeyfile({ storeId: place.storeId, dataPlace, key });
      const keyfile = text.toString();
      text.fill(0);
      return { body: wrapForKeyfile(random, key, rootKey, place), keyfile };
    } finally {
      key.fill(0);
    }
  },
};
