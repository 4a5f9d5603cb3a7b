import { CofferError } from '../../errors.ts';
import { givenParts, type SlotMaker } from '../slot-maker.ts';
import { PassphraseSeal, passphraseKind } from './passphrase-seal.ts';
import { defaultCost, type ScryptCost } from './scrypt.ts';

/** @param cost of the slots that it makes; sound, as the seal says */
export function passphraseSlotsOf(cost: ScryptCost): SlotMaker {
  return {
    kind: passphraseKind,
    async make(rootKey, request, { place, random }) {
      const { passphrase } = request;
      if (passphrase === undefined || givenParts(request).length > 1) {
        throw new CofferError(
          'invalid_request',
          'a passphrase slot is made of a "passphrase", and nothing else',
        );
      }
      using seal = new PassphraseSeal({ passphrase, random, cost });
      return { body: await seal.wrap(rootKey, place) };
    },
  };
}

export const passphraseSlots = passphraseSlotsOf(defaultCost);
