/** The two documents that applications read, exactly as mint wrote them. */
import { createHash } from 'node:crypto';
import type { CredentialDocument } from './target.ts';

export function userDocument(username: string, password: string): CredentialDocument {
  return documentOf({ application_username: username, application_password: password });
}

/** @param secret null for a public client, which has none */
export function clientDocument(clientId: string, secret: string | null): CredentialDocument {
  return documentOf({ client_id: clientId, client_secret: secret });
}

/**
 * What tells one version of a document from another, whoever has it: the first 96 bits of SHA-256 over the text, base64url. The text
 * holds a secret of at least 128 random bits, so that nothing follows from it.
 */
export function documentVersion(text: string): string {
  return createHash('sha256').update(text).digest().subarray(0, 12).toString('base64url');
}

function documentOf(members: object): CredentialDocument {
  const text = JSON.stringify(members);
  return { text, version: documentVersion(text) };
}
