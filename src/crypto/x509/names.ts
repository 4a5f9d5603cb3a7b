/** What a certificate calls its holder. Names that could be read as another name make the certificate unreadable. */

import { AsnParser } from '@peculiar/asn1-schema';
import { id_ce_subjectAltName, type Name, SubjectAlternativeName } from '@peculiar/asn1-x509';
import { malformed } from './der.ts';

export interface CertificateNames {
  /** Undefined where the subject has none. */
  readonly commonName: string | undefined;
  readonly organizationalUnits: readonly string[];
  /** Of the subject alternative name (RFC 5280 §4.2.1.6), as they stand there. */
  readonly dns: readonly string[];
  readonly emails: readonly string[];
  readonly uris: readonly string[];
}

const commonNameType = '2.5.4.3';
const organizationalUnitType = '2.5.4.11';
export const alternativeNameId: string = id_ce_subjectAltName;

/**
 * Throws `invalid_request` for names with control characters (a NUL ends a text for some programs and not for others), for
 * alternative names that are not visible ASCII, and for a subject with two common names, of which nobody knows which one counts.
 */
export function namesOf(subject: Name, alternative: Buffer | undefined): CertificateNames {
  const attributes = subject.flatMap((set) => [...set]);
  const texts = (type: string) =>
    attributes.filter((one) => one.type === type).map((one) => plainText(textOf(one.value)));
  const commonNames = texts(commonNameType);
  if (commonNames.length > 1) throw malformed();
  return {
    commonName: commonNames[0],
    organizationalUnits: texts(organizationalUnitType),
    ...alternativeNames(alternative),
  };
}

function alternativeNames(extension: Buffer | undefined): Pick<CertificateNames, 'dns' | 'emails' | 'uris'> {
  const names = extension === undefined ? [] : [...AsnParser.parse(extension, SubjectAlternativeName)];
  const of = (pick: (name: (typeof names)[number]) => string | undefined) =>
    names
      .map(pick)
      .filter((text) => text !== undefined)
      .map(visibleAscii);
  return {
    dns: of((name) => name.dNSName),
    emails: of((name) => name.rfc822Name),
    uris: of((name) => name.uniformResourceIdentifier),
  };
}

/** Only the kinds of text that RFC 5280 §4.1.2.4 has for names; of others the library would make some text too. */
function textOf(value: Name[number][number]['value']): string {
  const { utf8String, printableString, ia5String, teletexString, bmpString } = value;
  const text = utf8String ?? printableString ?? ia5String ?? teletexString ?? bmpString;
  if (text === undefined) throw malformed();
  return text;
}

function plainText(text: string): string {
  if (text === '' || !text.isWellFormed() || /\p{Cc}/u.test(text)) throw malformed();
  return text;
}

function visibleAscii(text: string): string {
  if (!/^[\x21-\x7e]+$/.test(text)) throw malformed();
  return text;
}
