/**
 * Signed data in the manner of PKCS #7 (RFC 2315 §9, RFC 5652 §5) with its content inside and exactly one signer. Nothing that comes
 * with it is trusted: whoever calls brings the key, and certificates that lie in it are not looked at.
 */
import { createHash, type KeyObject, timingSafeEqual, verify } from 'node:crypto';
import { CofferError } from '../../errors.ts';
import { checkBer, malformed, octetsOf } from './ber.ts';
import { type Attribute, parseSyntax, type SignedSyntax, type Signer } from './syntax.ts';

export type DigestName = 'sha1' | 'sha256';
export type SignatureKind = 'dsa' | 'rsa';

export interface SignedData {
  readonly content: Buffer;
  readonly digest: DigestName;
  readonly signature: SignatureKind;
  /** Of the certificate that the signer names; hex in lower case, without leading zeros. */
  readonly serial: string;
  /**
   * Whether the content is what was signed, by this key. Both have to be looked at: changing the content leaves the signature of the
   * attributes good, and only the digest in them is wrong then.
   */
  verifiedBy(key: KeyObject): boolean;
}

/** Bytes of signed data; a document of AWS has about a thousand. */
const longest = 16 * 1024;

const digests: Readonly<Record<string, DigestName>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
};

/** Algorithms of signatures, with the digest they stand for; `rsaEncryption` leaves it to the digest algorithm. */
const signatures: Readonly<Record<string, { readonly kind: SignatureKind; readonly digest?: DigestName }>> = {
  '1.2.840.10040.4.1': { kind: 'dsa' },
  '1.2.840.10040.4.3': { kind: 'dsa', digest: 'sha1' },
  '1.2.840.113549.1.1.1': { kind: 'rsa' },
  '1.2.840.113549.1.1.5': { kind: 'rsa', digest: 'sha1' },
  '1.2.840.113549.1.1.11': { kind: 'rsa', digest: 'sha256' },
};

const oids = {
  data: '1.2.840.113549.1.7.1',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
} as const;

/** Throws `invalid_request` for anything but signed data of one signer, with signed attributes, over content of type data. */
export function readSignedData(der: Buffer): SignedData {
  if (der.length > longest) throw malformed();
  checkBer(der);
  const syntax = parsed(der);
  const { signer } = syntax;
  if (syntax.contentType !== oids.data) throw refused('its content is not of type data');
  const digest = Object.hasOwn(digests, signer.digest) ? digests[signer.digest] : undefined;
  const signature = Object.hasOwn(signatures, signer.signature) ? signatures[signer.signature] : undefined;
  if (digest === undefined) throw refused('its digest is neither SHA-1 nor SHA-256');
  if (signature === undefined || (signature.digest ?? digest) !== digest)
    throw refused('its signature is of an algorithm that is not taken');
  if (only(signer.attributes, oids.contentType).toString('hex') !== dataInDer)
    throw refused('the signed content type is not data');
  const content = octetsOf(syntax.content);
  const told = octetsOf(only(signer.attributes, oids.messageDigest));
  return {
    content,
    digest,
    signature: signature.kind,
    serial: signer.serial,
    verifiedBy: (key) => isDigest(told, digest, content) && isSigned(signer, digest, signature.kind, key),
  };
}

/** The object identifier of type data, as an attribute has it. */
const dataInDer = '06092a864886f70d010701';

/** The one value of the attribute that is there once. Throws `invalid_request`. */
function only(attributes: readonly Attribute[], type: string): Buffer {
  const [attribute, another] = attributes.filter((each) => each.type === type);
  const [value, second] = attribute?.values ?? [];
  if (value === undefined || another !== undefined || second !== undefined)
    throw refused('an attribute that has to be signed is missing or there twice');
  return value;
}

function isDigest(told: Buffer, digest: DigestName, content: Buffer): boolean {
  const made = createHash(digest).update(content).digest();
  return told.length === made.length && timingSafeEqual(told, made);
}

function isSigned(signer: Signer, digest: DigestName, kind: SignatureKind, key: KeyObject): boolean {
  if (key.asymmetricKeyType !== kind) return false;
  return verify(digest, signer.signed, key, signer.value);
}

function parsed(der: Buffer): SignedSyntax {
  try {
    return parseSyntax(der);
  } catch (error) {
    // Whatever a parser says of it is about bytes that a stranger sent.
    throw error instanceof CofferError ? error : malformed();
  }
}

function refused(reason: string): CofferError {
  return new CofferError('invalid_request', `the signed data is refused: ${reason}`);
}
