/** A JWT taken apart (RFC 7515 §3.1), with nothing believed yet. What a header asks for that nobody here does is refused. */
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { isJwtAlgorithm, type JwtAlgorithm } from './algorithms.ts';
import { parseStrictObject } from './strict-json.ts';

export interface UnverifiedJwt {
  readonly algorithm: JwtAlgorithm;
  readonly keyId: string | undefined;
  /** Anybody can write these. */
  readonly claims: JsonObject;
}

/** Characters: room for a few hundred groups. */
const longestJwt = 32_768;
const longestHeader = 4_096;
const longestKeyId = 512;

/** Types of tokens that say who somebody is (RFC 7519 §5.1, RFC 9068 §2.1); others, such as logout tokens, say something else. */
const types: ReadonlySet<string> = new Set(['jwt', 'application/jwt', 'at+jwt', 'application/at+jwt']);
/** Extensions that change what is signed or how it is read: `b64` of RFC 7797, compression, encryption, JWTs in JWTs. */
const refusedMembers = ['crit', 'b64', 'zip', 'enc', 'cty'] as const;

/** Throws `invalid_request` for what is no signed JWT, and for one that could be read in two ways. */
export function parseCompactJwt(text: string): UnverifiedJwt {
  if (text.length > longestJwt) throw refused(`the JWT has more than ${longestJwt} characters`);
  const parts = text.split('.');
  const [head = '', body = '', signature = ''] = parts;
  if (parts.length !== 3 || head === '' || body === '' || signature === '') {
    throw refused('this is not a signed JWT in compact form');
  }
  if (head.length > longestHeader) throw refused('the header is too long');
  decodeBase64Url(signature);
  const header = parseStrictObject(decodeBase64Url(head), 'the header');
  const claims = parseStrictObject(decodeBase64Url(body), 'the payload');
  return { ...readHeader(header), claims };
}

/** What `jku`, `jwk`, `x5u` and `x5c` offer as a key is never looked at: keys come from the configuration. */
function readHeader(header: JsonObject): Pick<UnverifiedJwt, 'algorithm' | 'keyId'> {
  const { alg, kid, typ } = header;
  if (!isJwtAlgorithm(alg)) throw refused('the algorithm is not one that is taken');
  const asks = refusedMembers.find((name) => Object.hasOwn(header, name));
  if (asks !== undefined) throw refused(`the header asks for "${asks}", which is not done`);
  if (typ !== undefined && (typeof typ !== 'string' || !types.has(typ.toLowerCase()))) {
    throw refused('the token is of another type');
  }
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > longestKeyId)) {
    throw refused('the key id is not a text');
  }
  return { algorithm: alg, keyId: kid };
}

/** Without padding and without idle bits: one text for each value (RFC 7515 §2, RFC 4648 §3.5). */
function decodeBase64Url(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.toString('base64url') !== text) throw refused('a part of the JWT is not base64url');
  return bytes;
}

function refused(reason: string): CofferError {
  return new CofferError('invalid_request', reason);
}
