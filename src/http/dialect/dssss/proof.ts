/** The two headers by which a client says who it is; the document decides alone where both are there. */
import type { DialectHead } from '../dialect.ts';

export type Proof =
  | { readonly kind: 'document'; readonly document: string }
  /** A Coffer token, as it was given. */
  | { readonly kind: 'token'; readonly token: string };

/** Undefined where neither header is there, and for what can be no document or token: two headers of a name among it. */
export function readProof(header: DialectHead['header']): Proof | undefined {
  const document = header('authentication') ?? '';
  if (document !== '') return base64.test(document) ? { kind: 'document', document } : undefined;
  const token = decodeToken(header('reauthentication') ?? '');
  return token === undefined ? undefined : { kind: 'token', token };
}

const base64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** Characters of hex: more than any token has, and less than a line of headers. */
const longest = 8_192;

/** As clients know these tokens: hex, in one word. It adds nothing to the token and hides nothing of it. */
export function encodeToken(token: string): string {
  return Buffer.from(token, 'latin1').toString('hex');
}

function decodeToken(hex: string): string | undefined {
  if (hex.length > longest || hex.length % 2 !== 0 || !/^[0-9a-fA-F]+$/.test(hex)) return undefined;
  const token = Buffer.from(hex, 'hex').toString('latin1');
  return /^[\x21-\x7e]+$/.test(token) ? token : undefined;
}
