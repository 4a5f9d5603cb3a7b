/**
 * Where things stand in DER (ITU-T X.690 §8.1, §10.1): as much as is needed to take pieces out as they are. Comparing names, and
 * what a signature covers, is about bytes; what is decoded and encoded again may not be the same bytes.
 */
import { CofferError } from '../../errors.ts';

/** An element's tag, its content, and all of it with head. */
export interface Element {
  readonly tag: number;
  readonly content: Buffer;
  readonly whole: Buffer;
}

export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  /** The first member of a certificate's body, and the last one of a list's. */
  version: 0xa0,
  listExtensions: 0xa0,
} as const;

/** The element at the beginning of these bytes. Throws `invalid_request` for what is none. */
export function firstElement(bytes: Buffer): Element {
  const tag = bytes[0];
  const first = bytes[1];
  // Tags of several bytes, and lengths that are left open, have no place in a certificate.
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f || first === 0x80 || first > 0x84) {
    throw malformed();
  }
  const sizeBytes = first < 0x80 ? 0 : first & 0x7f;
  const start = 2 + sizeBytes;
  if (bytes.length < start) throw malformed();
  const length = sizeBytes === 0 ? first : bytes.readUIntBE(2, sizeBytes);
  if (bytes.length < start + length) throw malformed();
  return { tag, content: bytes.subarray(start, start + length), whole: bytes.subarray(0, start + length) };
}

/** The elements that a constructed one's content is made of. */
export function elementsOf(content: Buffer): readonly Element[] {
  const found: Element[] = [];
  let rest = content;
  while (rest.length > 0) {
    const element = firstElement(rest);
    found.push(element);
    rest = rest.subarray(element.whole.length);
  }
  return found;
}

/** The element, if it has this tag. Throws `invalid_request`. */
export function wanted(element: Element | undefined, tag: number): Element {
  if (element?.tag !== tag) throw malformed();
  return element;
}

export function malformed(): CofferError {
  return new CofferError('invalid_request', 'the certificate or revocation list cannot be read');
}
