/** Readers that are behind: seen lately, and with a credential in hand that is to be ended. */
import { everyItem } from '../../core/pages.ts';
import type { View } from '../../core/view.ts';
import type { CredentialKind } from '../../service-user/provider.ts';
import { documentFor, documentName } from './documents.ts';
import { decodeReader, readerFolder } from './reader.ts';
import type { KindState } from './state.ts';

export interface ReaderQuestion {
  readonly application: string;
  readonly of: CredentialKind;
  readonly kind: KindState;
  /** Milliseconds: readers that were seen before then do not count. */
  readonly seenSince: number;
}

/** The name of one that is behind, or undefined: then nobody is. */
export async function laggard(
  view: View,
  { application, of, kind, seenSince }: ReaderQuestion,
): Promise<string | undefined> {
  // Committing ends the current one, where that is how the provider has it.
  const ending = kind.staged !== null && kind.current !== null ? [...kind.old, kind.current] : kind.old;
  const versions = new Set(ending.map((credential) => documentFor(credential).version));
  if (versions.size === 0) return undefined;
  const name = documentName(of);
  const records = everyItem((page) => view.range(readerFolder(application), page));
  for await (const record of records) {
    const reader = decodeReader(record.open());
    const held = reader.holds[name];
    if (reader.seenAt >= seenSince && held !== undefined && versions.has(held)) return reader.name;
  }
  return undefined;
}
