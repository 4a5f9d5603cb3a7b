import { CofferError } from '../../errors.ts';
import { givenParts, type SlotMaker } from '../slot-maker.ts';
import { PassphraseSeal, passphraseKind } from './passphrase-seal.ts';

export const passphraseSlots: SlotMaker = {
  kind: passphraseKind,
  async make(rootKey, request, { place, random }) {
    const { passphrase } = request;
    if (passphrase === undefined || givenParts(request).length > 1) {
      throw new CofferError(
        'invalid_request',
        'a passphrase slot is made of a "passphrase", and nothing else',
      );
    }
    using seal = new PassphraseSeal({ passphrase, random });
    return { body: await seal.wrap(rootKey, place) };
  },
};
