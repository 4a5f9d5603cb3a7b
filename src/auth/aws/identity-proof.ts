/**
 * Whether AWS signed an instance identity document. The region that the document names chooses the keys, and only keys of that
 * region and of that form of proof are tried: a document of one region under the key of another is none.
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { CofferError } from '../../errors.ts';
import { type IdentityDocument, parseIdentityDocument } from './identity-document.ts';
import type { IdentityEndpoint } from './published-keys.ts';

/** What a login sends. */
export type IdentityProof =
  /** Signed data in base64, as the addresses `pkcs7` and `rsa2048` answer. */
  | { readonly pkcs7: string }
  /** The document and its signature, each in base64. */
  | { readonly identity: string; readonly signature: string };

/** Of a certificate that somebody configured besides the published ones. None is believed with SHA-1. */
export interface ConfiguredKey {
  readonly endpoint: 'rsa2048' | 'signature';
  /** Empty for those of which AWS has published none. */
  readonly regions: readonly string[];
  readonly key: KeyObject;
}

export interface ProofRules {
  readonly configured: readonly ConfiguredKey[];
  /** Forms of proof that are switched off. */
  readonly refused?: readonly IdentityEndpoint[];
}

/** A document, and the key of AWS that signed it. */
export interface ProvenDocument {
  readonly document: IdentityDocument;
  readonly endpoint: IdentityEndpoint;
  readonly key: KeyObject;
}

/** Characters of base64. */
const longest = 24_000;

/** Rejects with `permission_denied` and the reason for what proves nothing, which stays inside. */
export async function provenDocument(proof: IdentityProof, rules: ProofRules): Promise<ProvenDocument> {
  try {
    return 'pkcs7' in proof ? await ofSignedData(proof.pkcs7, rules) : await ofSignature(proof, rules);
  } catch (error) {
    if (!(error instanceof CofferError) || error.code !== 'invalid_request') throw error;
    throw new CofferError('permission_denied', error.message, { cause: error });
  }
}

async function ofSignedData(text: string, rules: ProofRules): Promise<ProvenDocument> {
  // Some 40 ms of ASN.1 that only these logins need.
  const { readSignedData } = await import('../../crypto/pkcs7/signed-data.ts');
  const signed = readSignedData(bytesOf(text));
  const document = parseIdentityDocument(signed.content);
  // SHA-1 is what the old address signs with, and nothing that came later is believed with it.
  const endpoint = signed.digest === 'sha256' ? 'rsa2048' : 'pkcs7';
  const keys = await keysFor(document.region, endpoint, rules);
  const key = keys.find((each) => signed.verifiedBy(each));
  if (key === undefined) throw untrusted(document.region, endpoint);
  return { document, endpoint, key };
}

async function ofSignature(
  { identity, signature }: { readonly identity: string; readonly signature: string },
  rules: ProofRules,
): Promise<ProvenDocument> {
  const bytes = bytesOf(identity);
  const document = parseIdentityDocument(bytes);
  const value = bytesOf(signature);
  const keys = await keysFor(document.region, 'signature', rules);
  const signedBy = (key: KeyObject) => key.asymmetricKeyType === 'rsa' && verify('sha256', bytes, key, value);
  const key = keys.find(signedBy);
  if (key === undefined) throw untrusted(document.region, 'signature');
  return { document, endpoint: 'signature', key };
}

/** Whether a document that was proven before would be by these rules, too: its key is among those that are believed. */
export async function isStillProven(
  { document, endpoint, key }: ProvenDocument,
  rules: ProofRules,
): Promise<boolean> {
  if (rules.refused?.includes(endpoint) === true) return false;
  return (await believedKeys(document.region, endpoint, rules)).includes(key);
}

async function keysFor(
  region: string,
  endpoint: IdentityEndpoint,
  rules: ProofRules,
): Promise<readonly KeyObject[]> {
  if (rules.refused?.includes(endpoint) === true)
    throw denied(`documents of the address ${endpoint} are not taken here`);
  const keys = await believedKeys(region, endpoint, rules);
  if (keys.length > 0) return keys;
  throw denied(`no certificate is known for ${endpoint} in the region ${region}: configure it`);
}

async function believedKeys(
  region: string,
  endpoint: IdentityEndpoint,
  { configured }: ProofRules,
): Promise<readonly KeyObject[]> {
  const published = await publishedKey(region, endpoint);
  const own = configured.filter(
    (each) =>
      each.endpoint === endpoint &&
      (each.regions.length === 0 ? published === undefined : each.regions.includes(region)),
  );
  return [...(published === undefined ? [] : [published]), ...own.map(({ key }) => key)];
}

/** Of each region and address, once it was asked for. */
const made = new Map<string, KeyObject>();

async function publishedKey(region: string, endpoint: IdentityEndpoint): Promise<KeyObject | undefined> {
  const about = `${endpoint} ${region}`;
  const known = made.get(about);
  if (known !== undefined) return known;
  const { publishedKeys } = await import('./published-keys.ts');
  const row = publishedKeys.find(
    (each) => each.endpoint === endpoint && each.regions.split(' ').includes(region),
  );
  if (row === undefined) return undefined;
  const key = createPublicKey({ key: Buffer.from(row.key, 'base64'), format: 'der', type: 'spki' });
  made.set(about, key);
  return key;
}

/** Lines are put together, as they come from the address; anything else that is not base64 is refused. */
function bytesOf(text: string): Buffer {
  if (text.length > longest) throw denied('the proof is too long');
  const joined = text.replace(/[\r\n]/g, '');
  if (joined === '' || joined.length % 4 === 1 || !/^[A-Za-z0-9+/]+={0,2}$/.test(joined)) {
    throw denied('the proof is not base64');
  }
  return Buffer.from(joined, 'base64');
}

function untrusted(region: string, endpoint: IdentityEndpoint): CofferError {
  return denied(`the signature is not of a key that AWS has for ${endpoint} in the region ${region}`);
}

function denied(reason: string): CofferError {
  return new CofferError('permission_denied', `the instance identity document proves nothing: ${reason}`);
}
