/**
 * Certificate revocation lists (RFC 5280 §5): whole ones, of one issuer. Taken apart by hand, because a list has more entries than
 * the library reads in reasonable time.
 */
import { type KeyObject, verify } from 'node:crypto';
import { AsnParser } from '@peculiar/asn1-schema';
import { AlgorithmIdentifier, Extensions } from '@peculiar/asn1-x509';
import { CofferError } from '../../errors.ts';
import { type ParsedCertificate, serialText } from './certificate.ts';
import { type Element, elementsOf, firstElement, malformed, tags, wanted } from './der.ts';
import { isStrongSignature } from './signature.ts';

export interface RevocationList {
  /** Name in DER. */
  readonly issuer: Buffer;
  /** As `ParsedCertificate.serial`, each once. */
  readonly serials: readonly string[];
  /** Whether this certificate's key signed it. */
  isSignedBy(issuer: ParsedCertificate): boolean;
}

/**
 * Throws `invalid_request` for what is no list, and for one that is only part of one (a delta, or for some reasons, or with
 * entries of other issuers): a part taken for the whole would leave certificates in use.
 */
export function parseRevocationList(der: Buffer): RevocationList {
  try {
    return readList(der);
  } catch (cause) {
    if (cause instanceof CofferError) throw cause;
    throw new CofferError('invalid_request', malformed().message, { cause });
  }
}

function readList(der: Buffer): RevocationList {
  const outer = wanted(firstElement(der), tags.sequence);
  const [body, algorithm, signature, ...more] = elementsOf(outer.content);
  if (outer.whole.length !== der.length || more.length > 0) throw malformed();
  const signed = wanted(body, tags.sequence);
  const { issuer, entries, extensions } = partsOf(signed);
  if (hasUnknown(extensions) || entries.some(isOdd)) throw notWhole();
  const by = AsnParser.parse(wanted(algorithm, tags.sequence).whole, AlgorithmIdentifier);
  const parameters = by.parameters ? Buffer.from(by.parameters) : undefined;
  const bits = wanted(signature, tags.bits).content.subarray(1);
  return {
    issuer,
    serials: [...new Set(entries.map(([serial]) => serialText(wanted(serial, tags.integer).content)))],
    isSignedBy: ({ publicKey, keyUsage }) =>
      (keyUsage?.includes('crlSign') ?? true) &&
      isStrongSignature(by.algorithm, parameters) &&
      isRight(by.algorithm, signed.whole, publicKey, bits),
  };
}

interface Parts {
  readonly issuer: Buffer;
  /** Serial number, date, and perhaps extensions of each. */
  readonly entries: readonly (readonly Element[])[];
  readonly extensions: Element | undefined;
}

/** RFC 5280 §5.1.2: version, algorithm, issuer, one or two times, entries, extensions; the first and the last two may be absent. */
function partsOf(signed: Element): Parts {
  const all = elementsOf(signed.content);
  const [, issuer, thisUpdate, ...rest] = all[0]?.tag === tags.integer ? all.slice(1) : all;
  if (thisUpdate === undefined || !isTime(thisUpdate)) throw malformed();
  const [entries, extensions, ...more] = rest[0] !== undefined && isTime(rest[0]) ? rest.slice(1) : rest;
  const none = entries?.tag !== tags.sequence;
  const last = none ? entries : extensions;
  if (more.length > 0 || (none && extensions !== undefined)) throw malformed();
  if (last !== undefined && last.tag !== tags.listExtensions) throw malformed();
  return {
    issuer: wanted(issuer, tags.sequence).whole,
    entries: none
      ? []
      : elementsOf(entries.content).map((one) => elementsOf(wanted(one, tags.sequence).content)),
    extensions: last,
  };
}

function isTime({ tag }: Element): boolean {
  return tag === tags.utcTime || tag === tags.generalizedTime;
}

/** The list's number, and its key's identifier: they change nothing of what a list means. */
const harmless: ReadonlySet<string> = new Set(['2.5.29.20', '2.5.29.35']);

function hasUnknown(extensions: Element | undefined): boolean {
  if (extensions === undefined) return false;
  const list = AsnParser.parse(extensions.content, Extensions);
  return list.some(({ critical, extnID }) => critical && !harmless.has(extnID));
}

/** Object identifiers of an entry's reason and date, as their content's hex. */
const harmlessOfEntries: ReadonlySet<string> = new Set(['551d15', '551d18']);

/** Whether an entry has a critical extension that could make it mean another certificate. */
function isOdd([, date, extensions, ...more]: readonly Element[]): boolean {
  if (date === undefined || !isTime(date) || more.length > 0) throw malformed();
  if (extensions === undefined) return false;
  return elementsOf(wanted(extensions, tags.sequence).content).some((one) => {
    const [id, critical] = elementsOf(wanted(one, tags.sequence).content);
    return critical?.tag === tags.boolean && !harmlessOfEntries.has(id?.content.toString('hex') ?? '');
  });
}

function notWhole(): CofferError {
  return new CofferError(
    'invalid_request',
    'the list is not a whole one of one issuer: it has a critical extension that is not known here',
  );
}

/** Algorithms and their hashes; null where the algorithm brings its own. */
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
