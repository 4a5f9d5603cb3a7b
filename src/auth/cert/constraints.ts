/** What a role wants a client's certificate to say. Lists that are empty want nothing. */
import type { Fields, FieldValues, ResponseSchema } from '../../core/endpoint.ts';
import type { ParsedCertificate } from '../../crypto/x509/certificate.ts';
import { textIn } from '../../crypto/x509/text.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { matchesGlob } from '../glob.ts';

export const constraintFields = {
  allowed_names: { type: 'list', help: 'Patterns for the common name, a DNS name or an e-mail address.' },
  allowed_common_names: { type: 'list', help: 'Patterns for the common name.' },
  allowed_dns_sans: { type: 'list', help: 'Patterns of which one fits a DNS name.' },
  allowed_email_sans: { type: 'list', help: 'Patterns of which one fits an e-mail address.' },
  allowed_uri_sans: { type: 'list', help: 'Patterns of which one fits a URI.' },
  allowed_organizational_units: { type: 'list', help: 'Patterns of which one fits an organizational unit.' },
  required_extensions: {
    type: 'list',
    help: 'Extensions that must all be there, as OID:PATTERN for texts or hex:OID:PATTERN for bytes.',
  },
  allowed_metadata_extensions: {
    type: 'list',
    help: 'OIDs of extensions whose text goes into the token’s metadata.',
  },
} as const satisfies Fields;

type Name = keyof typeof constraintFields;

/** By the wire's names. */
export type Constraints = Readonly<Record<Name, readonly string[]>>;

const names = Object.keys(constraintFields) as readonly Name[];
/** Patterns in one list, and characters of one. */
const mostPatterns = 200;
const longestPattern = 512;

export const noConstraints = Object.fromEntries(names.map((name) => [name, []])) as unknown as Constraints;

export const constraintSchema = Object.fromEntries(
  names.map((name) => [name, { type: 'list' }]),
) as ResponseSchema;

/** Those of before with what was sent put over them. Throws `invalid_request`. */
export function readConstraints(
  sent: Partial<FieldValues<typeof constraintFields>>,
  before: Constraints,
): Constraints {
  const entries = names.map(
    (name) => [name, (sent[name] ?? before[name]).filter((text) => text !== '')] as const,
  );
  for (const [name, list] of entries) {
    if (list.length > mostPatterns || list.some((text) => text.length > longestPattern)) {
      throw new CofferError(
        'invalid_request',
        `${name} has at most ${mostPatterns} patterns of ${longestPattern} characters`,
      );
    }
  }
  const read = Object.fromEntries(entries) as unknown as Constraints;
  for (const text of read.required_extensions) parseRequired(text);
  for (const id of read.allowed_metadata_extensions) {
    if (!objectIdentifier.test(id)) {
      throw new CofferError('invalid_request', 'allowed_metadata_extensions holds OIDs such as 1.2.3.4');
    }
  }
  return read;
}

export function shownConstraints(constraints: Constraints): JsonObject {
  return { ...noConstraints, ...constraints };
}

const objectIdentifier = /^[0-2](\.(0|[1-9]\d{0,30})){1,30}$/;

interface RequiredExtension {
  readonly id: string;
  /** Of the value's bytes in hex, in place of the text in it. */
  readonly hex: boolean;
  readonly pattern: string;
}

function parseRequired(text: string): RequiredExtension {
  const match = /^(hex:)?([0-9.]+):(.*)$/su.exec(text);
  const [, hex, id = '', pattern = ''] = match ?? [];
  if (match === null || !objectIdentifier.test(id)) {
    throw new CofferError(
      'invalid_request',
      'required_extensions holds items such as 1.2.3.4:PATTERN or hex:1.2.3.4:PATTERN',
    );
  }
  return { id, hex: hex !== undefined, pattern: hex === undefined ? pattern : pattern.toLowerCase() };
}

/** Whether a certificate says all that is wanted. */
export function fulfils(certificate: ParsedCertificate, wanted: Constraints): boolean {
  const { commonName, dns, emails, uris, organizationalUnits } = certificate.names;
  const common = commonName === undefined ? [] : [commonName];
  return (
    oneFits(wanted.allowed_names, [...common, ...dns, ...emails]) &&
    oneFits(wanted.allowed_common_names, common) &&
    oneFits(wanted.allowed_dns_sans, dns) &&
    oneFits(wanted.allowed_email_sans, emails) &&
    oneFits(wanted.allowed_uri_sans, uris) &&
    oneFits(wanted.allowed_organizational_units, organizationalUnits) &&
    wanted.required_extensions.every((text) => hasExtension(certificate, parseRequired(text)))
  );
}

function oneFits(patterns: readonly string[], texts: readonly string[]): boolean {
  return (
    patterns.length === 0 || patterns.some((pattern) => texts.some((text) => matchesGlob(pattern, text)))
  );
}

function hasExtension({ extensions }: ParsedCertificate, { id, hex, pattern }: RequiredExtension): boolean {
  const value = extensions.get(id)?.value;
  if (value === undefined) return false;
  const text = hex ? value.toString('hex') : textIn(value);
  return text !== undefined && matchesGlob(pattern, text);
}

/** Texts of the extensions that a role shows: an OID's dots are dashes, as metadata is named in policies' templates. */
export function extensionMetadata(
  { extensions }: ParsedCertificate,
  { allowed_metadata_extensions: ids }: Constraints,
): Readonly<Record<string, string>> {
  const found = ids.flatMap((id) => {
    const value = extensions.get(id)?.value;
    const text = value === undefined ? undefined : textIn(value);
    return text === undefined ? [] : [[id.replaceAll('.', '-'), text] as const];
  });
  return Object.fromEntries(found);
}
