/** The barrier's side of sealed texts: which keys seal and open them now. */
import { sealedTextTerm } from './sealed-text.ts';
import type { SealedTexts } from './store.ts';
import type { Unsealed } from './unsealed.ts';

/** `live` throws `sealed`; `reload` takes in terms that other nodes added. */
export function textsOf(live: () => Unsealed, reload: (unsealed: Unsealed) => Promise<void>): SealedTexts {
  return {
    sealText: (purpose, plaintext) => live().sealText(purpose, plaintext),
    async openText(purpose, sealed) {
      const unsealed = live();
      // Another node may have rotated since this one last looked.
      if ((sealedTextTerm(sealed) ?? 0) > unsealed.keyring.newest.id) await reload(unsealed);
      return unsealed.openText(purpose, sealed);
    },
    keepsTerm: (term) => live().keyring.terms.has(term),
  };
}
