/**
 * Certificates (RFC 5280 §4), read by two programs: the platform's for keys and signatures, and an ASN.1 library for what the
 * platform does not show. Where the two could disagree on what a certificate is, it is none.
 */
import { type KeyObject, X509Certificate } from 'node:crypto';
import { AsnParser } from '@peculiar/asn1-schema';
import {
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate as CertificateSyntax,
  ExtendedKeyUsage,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectKeyIdentifier,
  KeyUsage,
  type KeyUsageType,
  SubjectKeyIdentifier,
} from '@peculiar/asn1-x509';
import { CofferError } from '../../errors.ts';
import { sha256 } from '../digest.ts';
import { elementsOf, firstElement, malformed, tags, wanted } from './der.ts';
import { alternativeNameId, type CertificateNames, namesOf } from './names.ts';

export interface Extension {
  readonly critical: boolean;
  /** Its value in DER. */
  readonly value: Buffer;
}

export interface ParsedCertificate {
  /** To check its signature. */
  readonly x509: X509Certificate;
  readonly publicKey: KeyObject;
  readonly der: Buffer;
  /** SHA-256 of `der`, in hex. */
  readonly fingerprint: string;
  /** Names in DER: two are the same name when they are the same bytes. */
  readonly subject: Buffer;
  readonly issuer: Buffer;
  /** Hex in lower case, without sign byte. */
  readonly serial: string;
  /** Milliseconds, both included. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly signature: { readonly algorithm: string; readonly parameters: Buffer | undefined };
  readonly names: CertificateNames;
  readonly isAuthority: boolean;
  /** Authorities that may stand between this one and the end of a chain; undefined for any number. */
  readonly pathLength: number | undefined;
  /** Undefined where the certificate does not limit it. */
  readonly keyUsage: readonly KeyUsageType[] | undefined;
  /** Object identifiers of the extended key usage; undefined where it does not limit them. */
  readonly purposes: readonly string[] | undefined;
  /** By object identifier. */
  readonly extensions: ReadonlyMap<string, Extension>;
  /** Hex. */
  readonly subjectKeyId: string | undefined;
  readonly authorityKeyId: string | undefined;
}

/** Bytes of one certificate. */
const longestCertificate = 64 * 1024;

/** Throws `invalid_request` for what is not exactly one certificate in DER. */
export function parseCertificate(der: Buffer): ParsedCertificate {
  if (der.length > longestCertificate) throw malformed();
  try {
    return readCertificate(der);
  } catch (cause) {
    // Whatever a parser says of it is about bytes that a stranger sent.
    throw cause instanceof CofferError
      ? cause
      : new CofferError('invalid_request', malformed().message, { cause });
  }
}

function readCertificate(der: Buffer): ParsedCertificate {
  const x509 = new X509Certificate(der);
  // Both parsers would pass over bytes behind the end, and over a form that is not DER.
  if (!x509.raw.equals(der)) throw malformed();
  const syntax = AsnParser.parse(der, CertificateSyntax);
  const { tbsCertificate: body, signatureAlgorithm } = syntax;
  const { serial, issuer, subject } = piecesOf(der);
  const extensions = extensionsOf(body.extensions ?? []);
  const { validity } = body;
  return {
    x509,
    publicKey: x509.publicKey,
    der,
    fingerprint: sha256(der).toString('hex'),
    subject,
    issuer,
    serial,
    notBefore: agreed(validity.notBefore.getTime(), x509.validFrom),
    notAfter: agreed(validity.notAfter.getTime(), x509.validTo),
    signature: {
      algorithm: signatureAlgorithm.algorithm,
      parameters: signatureAlgorithm.parameters ? Buffer.from(signatureAlgorithm.parameters) : undefined,
    },
    names: namesOf(body.subject, extensions.get(alternativeNameId)?.value),
    ...usesOf(extensions),
    extensions,
    ...keyIdsOf(extensions),
  };
}

/** As they stand in the signed part (RFC 5280 §4.1.2). */
function piecesOf(der: Buffer): {
  readonly serial: string;
  readonly issuer: Buffer;
  readonly subject: Buffer;
} {
  const [body] = elementsOf(firstElement(der).content);
  const all = body === undefined ? [] : elementsOf(body.content);
  const [serial, , issuer, , subject] = all[0]?.tag === tags.version ? all.slice(1) : all;
  return {
    serial: serialText(wanted(serial, tags.integer).content),
    issuer: wanted(issuer, tags.sequence).whole,
    subject: wanted(subject, tags.sequence).whole,
  };
}

/** Octets of a serial number: RFC 5280 §4.1.2.2 allows twenty, and some authorities go a little beyond. */
const longestSerial = 32;

/** An integer's content as certificates and revocation lists are compared by: hex, without the byte that only says "positive". */
export function serialText(content: Buffer): string {
  if (content.length === 0 || content.length > longestSerial) throw malformed();
  return content.toString('hex').replace(/^(00)+(?=..)/, '');
}

function agreed(one: Date, other: string): number {
  const milliseconds = one.getTime();
  if (milliseconds !== Date.parse(other)) throw malformed();
  return milliseconds;
}

function extensionsOf(
  list: readonly {
    readonly extnID: string;
    readonly critical: boolean;
    readonly extnValue: { readonly buffer: ArrayBufferLike };
  }[],
): ReadonlyMap<string, Extension> {
  const found = new Map<string, Extension>();
  for (const { extnID, critical, extnValue } of list) {
    // RFC 5280 §4.2: none may stand twice, or each reader may take another one.
    if (found.has(extnID)) throw malformed();
    found.set(extnID, { critical, value: Buffer.from(extnValue.buffer) });
  }
  return found;
}

function usesOf(
  extensions: ReadonlyMap<string, Extension>,
): Pick<ParsedCertificate, 'isAuthority' | 'pathLength' | 'keyUsage' | 'purposes'> {
  const constraints = extensions.get(id_ce_basicConstraints);
  const usage = extensions.get(id_ce_keyUsage);
  const purposes = extensions.get(id_ce_extKeyUsage);
  const basic = constraints === undefined ? undefined : AsnParser.parse(constraints.value, BasicConstraints);
  return {
    isAuthority: basic?.cA === true,
    pathLength: basic?.pathLenConstraint,
    keyUsage: usage === undefined ? undefined : AsnParser.parse(usage.value, KeyUsage).toJSON(),
    purposes: purposes === undefined ? undefined : [...AsnParser.parse(purposes.value, ExtendedKeyUsage)],
  };
}

function keyIdsOf(
  extensions: ReadonlyMap<string, Extension>,
): Pick<ParsedCertificate, 'subjectKeyId' | 'authorityKeyId'> {
  const subject = extensions.get(id_ce_subjectKeyIdentifier);
  const authority = extensions.get(id_ce_authorityKeyIdentifier);
  const hex = (id: { readonly buffer: ArrayBufferLike } | undefined) =>
    id === undefined ? undefined : Buffer.from(id.buffer).toString('hex');
  return {
    subjectKeyId: hex(subject && AsnParser.parse(subject.value, SubjectKeyIdentifier)),
    authorityKeyId: hex(authority && AsnParser.parse(authority.value, AuthorityKeyIdentifier).keyIdentifier),
  };
}
