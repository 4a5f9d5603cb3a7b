/**
 * Names of records as Consul has them. Consul takes any text for a key and orders keys by their bytes (its radix tree), but its HTTP
 * paths are cleaned: `//`, `.` and `..` lead elsewhere, and 1.21.5 takes nothing but `A-Za-z0-9,_./-?&=` in them. So every segment begins
 * with `_`, which leaves no empty and no dotted one, and bytes outside of a small alphabet are two hexadecimal digits behind a mark.
 *
 * Order and prefixes stay what they were: each byte is spelled by itself, and the mark of an escape sorts where the bytes it is for do:
 * `,` for those before `-`, `.` for the dot, `=` for those between the digits and the capitals, `_` for those between the cases, `y` and
 * `z` from `y` on. So a name sorts as its key does, and the names of a folder's keys begin with the folder's name. A byte takes two
 * letters at most: a commit with the longest keys still fits a request.
 */
import { CofferError } from '../../errors.ts';

const segmentMark = '_';
/** In their order as bytes. Without `.`, so that no two dots meet. */
const alphabet = ',-0123456789=ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz';
/** Bytes that are spelled by a mark and a letter, and the mark; UTF-8 (RFC 3629) has no byte above 0xf4. */
const escapes: readonly (readonly [mark: string, first: number, last: number])[] = [
  [',', 0x01, 0x2c],
  ['.', 0x2e, 0x2e],
  ['=', 0x3a, 0x40],
  ['_', 0x5b, 0x60],
  ['y', 0x79, 0x79 + alphabet.length - 1],
  ['z', 0x79 + alphabet.length, 0xf4],
];

/** Keys that are spelled as they are, but for the marks of their segments. */
const plain = /^[0-9A-Za-x/-]*$/;

/** How each byte is spelled; undefined for what no text holds. */
const spellings: readonly (string | undefined)[] = Array.from({ length: 0xf5 }, (_, byte) =>
  spellingOf(byte),
);
const bytesOfSpellings: ReadonlyMap<string, number> = new Map(
  spellings.flatMap((spelling, byte) => (spelling === undefined ? [] : [[spelling, byte] as const])),
);

function spellingOf(byte: number): string | undefined {
  const letter = String.fromCharCode(byte);
  if (letter === '/') return `/${segmentMark}`;
  if (plain.test(letter)) return letter;
  const spelled = escapes.find(([, first, last]) => byte >= first && byte <= last);
  if (spelled === undefined) return undefined;
  const [mark, first] = spelled;
  const place = byte - first;
  return `${mark}${alphabet[place]}`;
}

/** The name of a key, or what the names of all keys with this beginning begin with. */
export function nameOf(text: string): string {
  if (plain.test(text)) return segmentMark + text.replaceAll('/', `/${segmentMark}`);
  let name = segmentMark;
  for (const byte of Buffer.from(text)) name += spellings[byte];
  return name;
}

/** What the names of all keys below a folder begin with: `''`, or a text that ends in `/`. */
export function folderNameOf(prefix: string): string {
  return nameOf(prefix).slice(0, -segmentMark.length);
}

/** The key of a name, or the text of a folder's name with its `/` at the end. Throws `integrity` for what is no name of ours. */
export function keyOfName(name: string): string {
  const folder = name.endsWith('/');
  const segments = (folder ? name.slice(0, -1) : name).split('/');
  const key = segments.map(textOfSegment).join('/');
  return folder ? `${key}/` : key;
}

function textOfSegment(spelled: string): string {
  if (!spelled.startsWith(segmentMark)) throw foreign();
  const body = spelled.slice(segmentMark.length);
  if (plain.test(body)) return body;
  const bytes: number[] = [];
  for (const [letters] of body.matchAll(/[,.=_yz].|./gs)) {
    const byte = bytesOfSpellings.get(letters);
    if (byte === undefined) throw foreign();
    bytes.push(byte);
  }
  const text = Buffer.from(bytes).toString();
  // Bytes that are no text, and what two names would spell alike.
  if (nameOf(text) !== spelled) throw foreign();
  return text;
}

function foreign(): CofferError {
  return new CofferError('integrity', 'a key of Consul that lies among the records was not made by Coffer');
}
