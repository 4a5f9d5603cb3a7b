import type { AddressedSeal } from '../addressed-seal.ts';
import { AwsKmsSeal } from './awskms-seal.ts';
import { awskmsKind, parseKmsAddress } from './kms-address.ts';
import { awskmsSlots } from './slot-maker.ts';

export const awskms: AddressedSeal = {
  kind: awskmsKind,
  open(addresses, surroundings) {
    const seals = addresses.map((text) => new AwsKmsSeal(parseKmsAddress(text), surroundings));
    return { seals, maker: awskmsSlots(seals) };
  },
};
