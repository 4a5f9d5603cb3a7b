/** A passphrase typed in by hand. */
import type { ManualSeal } from '../collector.ts';
import { openPassphraseSlot, passphraseKind } from './passphrase-seal.ts';
import { parsePassphrase } from './strength.ts';

export const passphraseByHand: ManualSeal = {
  kind: passphraseKind,
  collect: (body, place) => ({
    shares: 1,
    threshold: 1,
    progress: 0,
    async add(text, from) {
      const passphrase = parsePassphrase(text);
      try {
        return { kind: 'opened', rootKey: await openPassphraseSlot(body, place, passphrase, from) };
      } finally {
        passphrase.fill(0);
      }
    },
    reset() {},
  }),
};
