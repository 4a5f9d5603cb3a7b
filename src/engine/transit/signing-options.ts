/** How to sign, as requests say it: hash, padding, salt, and the form of the signature. */
import { constants } from 'node:crypto';
import type { Call, FieldValues } from '../../core/endpoint.ts';
import { CofferError } from '../../errors.ts';
import { defaultHash, findHash } from './hashes.ts';
import type { SigningOptions } from './signature.ts';

export const signingFields = {
  hash_algorithm: { type: 'string', help: 'sha2-256 (the usual), sha1, sha2-*, sha3-*, or none.' },
  algorithm: { type: 'string', help: 'The same under its older name.' },
  prehashed: { type: 'bool', help: 'The input is a digest already; for rsa keys with pkcs1v15.' },
  signature_algorithm: { type: 'string', help: 'Of rsa keys: pss (the usual) or pkcs1v15.' },
  marshaling_algorithm: { type: 'string', help: 'asn1 (the usual), or jws: as JOSE has it, in base64url.' },
  salt_length: { type: 'string', help: 'Of pss: auto (the longest), hash, or bytes.' },
} as const;

type SigningCall = Call & { readonly fields: FieldValues<typeof signingFields> };

/** The form of a signature's text. */
export type Marshaling = 'asn1' | 'jws';

export interface ReadSigning {
  readonly options: SigningOptions;
  readonly marshaling: Marshaling;
}

/** The hash that a path or a body names; the path wins. */
export function hashNameOf(
  call: Call & { readonly fields: { readonly algorithm?: string | undefined } },
): string {
  return call.params['urlalgorithm'] || call.fields.algorithm || defaultHash;
}

/** Throws `invalid_request` for words that nobody knows, and for "none" without what it needs. */
export function readSigning(call: SigningCall): ReadSigning {
  const { fields } = call;
  const name = call.params['urlalgorithm'] || fields.hash_algorithm || fields.algorithm || defaultHash;
  const hash = findHash(name);
  if (hash === undefined && name !== 'none') {
    throw new CofferError('invalid_request', `invalid hash algorithm ${quoted(name)}`);
  }
  const marshaling = fields.marshaling_algorithm || 'asn1';
  if (marshaling !== 'asn1' && marshaling !== 'jws') {
    throw new CofferError('invalid_request', `invalid marshaling type ${quoted(marshaling)}`);
  }
  const padding = fields.signature_algorithm || 'pss';
  if (padding !== 'pss' && padding !== 'pkcs1v15') {
    throw new CofferError('invalid_request', `unsupported rsa signature algorithm ${padding.slice(0, 60)}`);
  }
  const prehashed = fields.prehashed ?? false;
  if (hash === undefined && (!prehashed || padding !== 'pkcs1v15')) {
    throw new CofferError(
      'invalid_request',
      'hash_algorithm=none requires both prehashed=true and signature_algorithm=pkcs1v15',
    );
  }
  const saltLength = parseSaltLength(fields.salt_length ?? 'auto');
  return { options: { hash, prehashed, padding, saltLength, sideBySide: marshaling === 'jws' }, marshaling };
}

/** Also by the numbers that Go's library has for "auto" and "hash". */
function parseSaltLength(text: string): number {
  const word = text.toLowerCase();
  if (word === 'auto' || word === '0') return constants.RSA_PSS_SALTLEN_AUTO;
  if (word === 'hash' || word === '-1') return constants.RSA_PSS_SALTLEN_DIGEST;
  if (/^\d{1,4}$/.test(word)) return Number(word);
  throw new CofferError(
    'invalid_request',
    `salt length neither 'auto', 'hash', nor an int: ${text.slice(0, 60)}`,
  );
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 60));
}
