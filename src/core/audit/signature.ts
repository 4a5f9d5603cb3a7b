/** Ed25519 (RFC 8032) over a closed segment's head, so that a segment that has left this machine still tells who wrote it. */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { CofferError } from '../../errors.ts';

export interface Signer {
  /** The 32 bytes of the public key, base64url. */
  readonly publicKey: string;
  sign(statement: SegmentStatement): string;
}

/** What a segment's signature says: this chain's segment ended with this line. */
export interface SegmentStatement {
  readonly chainId: string;
  readonly segment: number;
  /** Number and chain value of the last line before the closing one. */
  readonly seq: number;
  readonly head: string;
}

/** PKCS #8 and SPKI framing of a raw Ed25519 key (RFC 8410 §4, §7). */
const privatePrefix = Buffer.from('302e020100300506032b657004220420', 'hex');
const publicPrefix = Buffer.from('302a300506032b6570032100', 'hex');

/** `seed`: 32 bytes. Throws `invalid_request` for another length. */
export function signerOf(seed: Buffer): Signer {
  if (seed.length !== 32) {
    throw new CofferError('invalid_request', 'the seed of the audit signing key has 32 bytes');
  }
  const framed = Buffer.concat([privatePrefix, seed]);
  const key = createPrivateKey({ key: framed, format: 'der', type: 'pkcs8' });
  framed.fill(0);
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return {
    publicKey: spki.subarray(publicPrefix.length).toString('base64url'),
    sign: (statement) => sign(null, encodeStatement(statement), key).toString('base64url'),
  };
}

/** Whether `signature` (base64url) is this public key's (32 bytes, base64url) over the statement. */
export function isSignedBy(publicKey: string, statement: SegmentStatement, signature: string): boolean {
  const key = parsePublicKey(publicKey);
  return (
    key !== undefined && verify(null, encodeStatement(statement), key, Buffer.from(signature, 'base64url'))
  );
}

function parsePublicKey(text: string): KeyObject | undefined {
  const raw = Buffer.from(text, 'base64url');
  if (raw.length !== 32) return undefined;
  try {
    return createPublicKey({ key: Buffer.concat([publicPrefix, raw]), format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
}

/** No part can hold a newline, so the encoding is injective. */
function encodeStatement({ chainId, segment, seq, head }: SegmentStatement): Buffer {
  return Buffer.from(`coffer audit segment v1\n${chainId}\n${segment}\n${seq}\n${head}`);
}
