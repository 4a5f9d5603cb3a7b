/** The two documents that applications read, with what tells one version from another. */
import { createHash } from 'node:crypto';
import { clientText, userText } from './document-text.ts';
import type { CredentialDocument } from './target.ts';

export function userDocument(username: string, password: string): CredentialDocument {
  return documentOf(userText(username, password));
}

/** @param secret null for a public client, which has none */
export function clientDocument(clientId: string, secret: string | null): CredentialDocument {
  return documentOf(clientText(clientId, secret));
}

/**
 * What tells one version of a document from another, whoever has it: the first 96 bits of SHA-256 over the text, base64url. The text
 * holds a secret of at least 128 random bits, so that nothing follows from it.
 */
export function documentVersion(text: string): string {
  return createHash('sha256').update(text).digest().subarray(0, 12).toString('base64url');
}

function documentOf(text: string): CredentialDocument {
  return { text, version: documentVersion(text) };
}
