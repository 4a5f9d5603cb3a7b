/**
 * Documents whose signature has been found right. An instance brings the same one at every login, and reading signed data costs more
 * than all the rest of a login; so what was proven once is remembered under a digest of all that was sent, and believed as long as
 * the key that signed it is.
 */

import { TwoGenerationCache } from '../../core/two-generation-cache.ts';
import type { View } from '../../core/view.ts';
import { sha256 } from '../../crypto/digest.ts';
import { ConfiguredKeys } from './certificates.ts';
import { readClientConfig } from './client-config.ts';
import type { IdentityDocument } from './identity-document.ts';
import { type IdentityProof, isStillProven, type ProvenDocument, provenDocument } from './identity-proof.ts';

/** Only what AWS has signed is remembered, so that nobody fills this with anything else. */
const most = 10_000;

export class ProvenDocuments {
  readonly #known = new TwoGenerationCache<ProvenDocument>(most);
  readonly #configured = new ConfiguredKeys();

  /**
   * What the proof says, by the keys that are believed now. Rejects with `permission_denied` and the reason, which stays inside.
   *
   * @param view where keys are configured
   */
  async of(proof: IdentityProof, view: View): Promise<IdentityDocument> {
    const [configured, config] = await Promise.all([this.#configured.read(view), readClientConfig(view)]);
    const rules = { configured, refused: config?.refusedProofs ?? [] };
    const about = digestOf(proof);
    const known = this.#known.get(about);
    if (known !== undefined && (await isStillProven(known, rules))) return known.document;
    const proven = await provenDocument(proof, rules);
    this.#known.set(about, proven);
    return proven.document;
  }
}

function digestOf(proof: IdentityProof): string {
  const parts = 'pkcs7' in proof ? [proof.pkcs7] : [proof.identity, proof.signature];
  return sha256(JSON.stringify(parts)).toString('base64');
}
