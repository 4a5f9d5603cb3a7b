/** Certificate revocation lists (RFC 5280 §5): whole ones, of one issuer. */
import { type KeyObject, verify } from 'node:crypto';
import { AsnParser } from '@peculiar/asn1-schema';
import { CertificateList } from '@peculiar/asn1-x509';
import { CofferError } from '../../errors.ts';
import { type ParsedCertificate, serialText } from './certificate.ts';
import { elementsOf, firstElement, malformed, tags } from './der.ts';
import { isStrongSignature } from './signature.ts';

export interface RevocationList {
  /** Name in DER. */
  readonly issuer: Buffer;
  /** As `ParsedCertificate.serial`, sorted, each once. */
  readonly serials: readonly string[];
  /** Milliseconds. */
  readonly thisUpdate: number;
  readonly nextUpdate: number | undefined;
  /** Whether this certificate's key signed it. */
  isSignedBy(issuer: ParsedCertificate): boolean;
}

/** Numbers and identifiers of keys: they change nothing of what a list means. */
const harmless: ReadonlySet<string> = new Set(['2.5.29.20', '2.5.29.35']);
/** Of entries: reason and date. */
const harmlessOfEntries: ReadonlySet<string> = new Set(['2.5.29.21', '2.5.29.24']);

/**
 * Throws `invalid_request` for what is no list, and for one that is only part of one (a delta, or for some reasons, or with
 * entries of other issuers): a part taken for the whole would leave certificates in use.
 */
export function parseRevocationList(der: Buffer): RevocationList {
  try {
    return readList(der);
  } catch (cause) {
    throw cause instanceof CofferError
      ? cause
      : new CofferError('invalid_request', malformed().message, { cause });
  }
}

function readList(der: Buffer): RevocationList {
  const whole = firstElement(der);
  if (whole.whole.length !== der.length) throw malformed();
  const { tbsCertList: body, signatureAlgorithm, signature } = AsnParser.parse(der, CertificateList);
  const unknown = (body.crlExtensions ?? []).find(
    ({ critical, extnID }) => critical && !harmless.has(extnID),
  );
  const revoked = body.revokedCertificates ?? [];
  const odd = revoked
    .flatMap(({ crlEntryExtensions = [] }) => crlEntryExtensions)
    .find(({ critical, extnID }) => critical && !harmlessOfEntries.has(extnID));
  if (unknown !== undefined || odd !== undefined) {
    throw new CofferError(
      'invalid_request',
      'the list is not a whole one of one issuer: it has a critical extension that is not known here',
    );
  }
  const [signed] = elementsOf(whole.content);
  if (signed === undefined) throw malformed();
  const { algorithm, parameters } = signatureAlgorithm;
  return {
    issuer: issuerOf(signed.content),
    serials: [
      ...new Set(revoked.map(({ userCertificate }) => serialText(Buffer.from(userCertificate)))),
    ].toSorted(),
    thisUpdate: body.thisUpdate.getTime().getTime(),
    nextUpdate: body.nextUpdate?.getTime().getTime(),
    isSignedBy: ({ x509, keyUsage }) =>
      (keyUsage?.includes('crlSign') ?? true) &&
      isStrongSignature(algorithm, parameters ? Buffer.from(parameters) : undefined) &&
      isRight(algorithm, signed.whole, x509.publicKey, Buffer.from(signature)),
  };
}

/** Behind an optional version and the algorithm (RFC 5280 §5.1.2). */
function issuerOf(content: Buffer): Buffer {
  const all = elementsOf(content);
  const issuer = all[0]?.tag === tags.integer ? all[2] : all[1];
  if (issuer?.tag !== tags.sequence) throw malformed();
  return issuer.whole;
}

/** The hash that an algorithm's last number names; null where the algorithm brings its own. */
const hashes: Readonly<Record<string, string | null>> = {
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.3.101.112': null,
  '1.3.101.113': null,
};

function isRight(algorithm: string, signed: Buffer, key: KeyObject, signature: Buffer): boolean {
  const hash = hashes[algorithm];
  if (hash === undefined) return false;
  try {
    return verify(hash, signed, key, signature);
  } catch {
    return false;
  }
}
