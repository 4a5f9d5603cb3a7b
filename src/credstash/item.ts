/**
 * Items of the table, as DynamoDB's low-level API has them: attributes by name, each marked with its type. What is read from an
 * item was written by anybody who may write the table, so each attribute is checked here and refused by its name.
 */
import type { AttributeValue } from '../aws/dynamo.ts';
import { CofferError } from '../errors.ts';

export type Attribute = AttributeValue;

export type Item = Readonly<Record<string, Attribute>>;

/** The primary key of an item. */
export interface ItemKey {
  readonly name: string;
  /** As stored; see `version.ts`. */
  readonly version: string;
}

/** Where the table keeps what it says of itself; no secret has this name. */
export const ownName = '!coffer';

/** Throws `integrity` for an item without a proper key: DynamoDB itself would not have taken it. */
export function keyOf(item: Item): ItemKey {
  return { name: textOf(item, 'name'), version: textOf(item, 'version') };
}

/** An attribute of type S. Throws `integrity`. */
export function textOf(item: Item, attribute: string): string {
  const text = optionalText(item, attribute);
  if (text === undefined) throw malformed(item, attribute);
  return text;
}

/** An attribute of type S, or undefined where there is none. Throws `integrity` for one of another type. */
export function optionalText(item: Item, attribute: string): string | undefined {
  const found = own(item, attribute);
  if (found === undefined) return undefined;
  if (typeof found.S !== 'string') throw malformed(item, attribute);
  return found.S;
}

/** An attribute of type B. Throws `integrity`. */
export function bytesOf(item: Item, attribute: string): Buffer {
  const bytes = optionalBytes(item, attribute);
  if (bytes === undefined) throw malformed(item, attribute);
  return bytes;
}

export function optionalBytes(item: Item, attribute: string): Buffer | undefined {
  const found = own(item, attribute);
  if (found === undefined) return undefined;
  const bytes = found.B;
  if (!(bytes instanceof Uint8Array)) throw malformed(item, attribute);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A whole number from 0 on, or undefined where there is none. Throws `integrity` for anything else. */
export function optionalNumber(item: Item, attribute: string): number | undefined {
  const found = own(item, attribute);
  if (found === undefined) return undefined;
  const number = typeof found.N === 'string' && /^\d+$/.test(found.N) ? Number(found.N) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw malformed(item, attribute);
  return number;
}

/** The members of a set of texts, sorted; undefined where there is none. */
export function optionalSet(item: Item, attribute: string): readonly string[] | undefined {
  const found = own(item, attribute);
  if (found === undefined) return undefined;
  const members = found.SS;
  if (!Array.isArray(members)) {
    throw malformed(item, attribute);
  }
  return members.toSorted();
}

/** Base64 as credstash writes it: standard alphabet, padded, no line ends. Throws `integrity` for anything else. */
export function base64Of(item: Item, attribute: string): Buffer {
  const text = textOf(item, attribute);
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw malformed(item, attribute);
  return bytes;
}

/** The one sentence for an attribute that is missing or not as its format has it. */
export function malformed(item: Item, attribute: string): CofferError {
  return new CofferError(
    'integrity',
    `${label(item)} is not as it was written: its "${attribute}" is missing or malformed`,
  );
}

/** How messages call an item: its name and version, which are no secrets. */
export function label(item: Item): string {
  const part = (attribute: string) => {
    const value = own(item, attribute)?.S;
    return typeof value === 'string' ? value : '?';
  };
  return `${part('name')} version ${part('version').replace(/^0+(?=\d)/, '')}`;
}

function own(item: Item, attribute: string): Attribute | undefined {
  return Object.hasOwn(item, attribute) ? item[attribute] : undefined;
}

/** DynamoDB's limit on an item: names and values of its attributes, in bytes. */
export const mostItemBytes = 400 * 1024;

/** What DynamoDB counts for an item: UTF-8 of names and texts, raw bytes, and a number's digits, rounded up. */
export function sizeOf(item: Item): number {
  let size = 0;
  for (const [name, value] of Object.entries(item)) size += Buffer.byteLength(name) + attributeSize(value);
  return size;
}

function attributeSize(value: Attribute): number {
  const { S, N, B, SS } = value;
  if (typeof S === 'string') return Buffer.byteLength(S);
  if (typeof N === 'string') return Math.ceil(N.length / 2) + 1;
  if (B instanceof Uint8Array) return B.length;
  if (Array.isArray(SS)) return SS.reduce((sum, member) => sum + Buffer.byteLength(member), 3);
  return 0;
}
