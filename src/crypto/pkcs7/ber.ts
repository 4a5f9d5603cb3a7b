/**
 * The shape of BER (ITU-T X.690 §8.1), lengths that are left open included: as much as is needed to refuse hostile bytes before
 * a parser recurses into them, and to put an OCTET STRING together that came in pieces.
 */
import { CofferError } from '../../errors.ts';

/** Signed documents of AWS nest ten deep and have some forty elements. */
const deepest = 24;
const mostElements = 256;

const tags = { endOfContents: 0x00, octets: 0x04, octetsInPieces: 0x24 } as const;

interface Head {
  readonly tag: number;
  /** Undefined where the end is marked by an end-of-contents. */
  readonly length: number | undefined;
  /** Where the content begins. */
  readonly start: number;
}

/** Throws `invalid_request` unless these bytes are exactly one element, all of whose parts end where they should. */
export function checkBer(bytes: Buffer): void {
  /** Where each element that is open ends; undefined for one that waits for its mark. */
  const open: (number | undefined)[] = [];
  let at = 0;
  let count = 0;
  do {
    count += 1;
    const head = headAt(bytes, at);
    const limit = open.findLast((end) => end !== undefined) ?? bytes.length;
    at = head.start;
    if (head.tag === tags.endOfContents) {
      if (head.length !== 0 || open.length === 0 || open.pop() !== undefined) throw malformed();
    } else if (isConstructed(head.tag)) {
      open.push(head.length === undefined ? undefined : at + head.length);
    } else {
      if (head.length === undefined) throw malformed();
      at += head.length;
    }
    const end = open.at(-1);
    if (at > limit || (end !== undefined && end > limit)) throw malformed();
    while (open.length > 0 && open.at(-1) === at) open.pop();
    if (open.length > deepest || count > mostElements) throw malformed();
  } while (open.length > 0);
  if (at !== bytes.length) throw malformed();
}

/** The content of an OCTET STRING that may be made of pieces, which are none themselves. Throws `invalid_request`. */
export function octetsOf(element: Buffer): Buffer {
  const head = headAt(element, 0);
  const content = element.subarray(
    head.start,
    head.length === undefined ? undefined : head.start + head.length,
  );
  if (head.tag === tags.octets && head.length !== undefined) return content;
  if (head.tag !== tags.octetsInPieces) throw malformed();
  const pieces: Buffer[] = [];
  let at = 0;
  while (at < content.length) {
    const piece = headAt(content, at);
    if (piece.tag === tags.endOfContents && head.length === undefined) break;
    if (piece.tag !== tags.octets || piece.length === undefined) throw malformed();
    at = piece.start + piece.length;
    pieces.push(content.subarray(piece.start, at));
  }
  return Buffer.concat(pieces);
}

function headAt(bytes: Buffer, at: number): Head {
  const tag = bytes[at];
  const first = bytes[at + 1];
  // Tags of several bytes have no place in signed data.
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f || first > 0x84) throw malformed();
  if (first === 0x80) return { tag, length: undefined, start: at + 2 };
  const sizeBytes = first < 0x80 ? 0 : first & 0x7f;
  const start = at + 2 + sizeBytes;
  if (start > bytes.length) throw malformed();
  const length = sizeBytes === 0 ? first : bytes.readUIntBE(at + 2, sizeBytes);
  if (start + length > bytes.length) throw malformed();
  return { tag, length, start };
}

function isConstructed(tag: number): boolean {
  return (tag & 0x20) !== 0;
}

export function malformed(): CofferError {
  return new CofferError('invalid_request', 'the signed data cannot be read');
}
