/**
 * What of a request and an answer may be written down. Only declared fields that are not sensitive are shown, and only if the
 * value has the declared shape; a keyed digest stands for everything else. Names are shown, values never by accident.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';
import type { Fields, FieldType, ResponseField, ResponseSchema } from '../endpoint.ts';
import { type AnswerData, RawJson } from '../request.ts';
import type { Digest } from './digest.ts';

/** UTF-16 units of a text that are shown. */
const longestText = 1024;
/** UTF-16 units of JSON text up to which a list or object is shown. */
const longestStructure = 16 * 1024;
const longestName = 256;
const mostMembers = 256;
const unprintable = '[not JSON]';

type ShownType = FieldType | 'null';

/**
 * Replaces sensitive request fields by digests. Names that are not declared, also not as an alias, count as sensitive, unless they
 * are in `clear`.
 */
export function redactRequest(
  data: JsonObject,
  fields: Fields,
  digest: Digest,
  clear: readonly string[] = nothingClear,
): RawJson {
  const shown = shownFields(fields);
  if (clear.length === 0) return redact(data, (name) => shown.get(name), digest);
  const declared = declaredNames(fields);
  return redact(
    data,
    (name) => shown.get(name) ?? (clear.includes(name) && !declared.has(name) ? 'any' : undefined),
    digest,
  );
}

/**
 * Replaces sensitive answer data by digests; `*` in the schema stands for names that it does not spell out. Of those, what is in
 * `clear` is shown.
 */
export function redactAnswer(
  data: AnswerData,
  schema: ResponseSchema | undefined,
  digest: Digest,
  clear: readonly string[] = nothingClear,
): RawJson {
  if (clear.length === 0) return redact(data, (name) => shownType(schema, name), digest);
  const mayBeClear = (name: string) =>
    clear.includes(name) && !(schema !== undefined && name !== '*' && Object.hasOwn(schema, name));
  return redact(data, (name) => shownType(schema, name) ?? (mayBeClear(name) ? 'any' : undefined), digest);
}

const nothingClear: readonly string[] = [];

const nothing = new RawJson('{}');

/** The text is put together here, since every value's own text is needed anyway: nothing is turned into JSON twice. */
function redact(
  data: AnswerData | JsonObject,
  shownAs: (name: string) => ShownType | undefined,
  digest: Digest,
): RawJson {
  const names = Object.keys(data);
  if (names.length === 0) return nothing;
  if (names.length > mostMembers) return new RawJson(`{"*":${digestOf(data, digest)}}`);
  let text = '';
  for (const name of names) {
    const value: unknown = data[name];
    if (value === undefined) continue;
    const type = shownAs(name);
    const safeName = name.length > longestName ? digest(name) : name;
    const member = (type && shownJson(value, type)) ?? digestOf(value, digest);
    text += `${text === '' ? '{' : ','}${JSON.stringify(safeName)}:${member}`;
  }
  return text === '' ? nothing : new RawJson(`${text}}`);
}

/** Declarations are constants, so that what they show is worked out once. */
const shownByFields = new WeakMap<Fields, ReadonlyMap<string, ShownType>>();

function shownFields(fields: Fields): ReadonlyMap<string, ShownType> {
  const known = shownByFields.get(fields);
  if (known) return known;
  const shown = new Map<string, ShownType>();
  for (const [name, spec] of Object.entries(fields)) {
    if (spec.sensitive) continue;
    for (const written of [name, ...(spec.aliases ?? [])]) shown.set(written, spec.type);
  }
  for (const [name, spec] of Object.entries(fields)) {
    // A name that two fields claim is as sensitive as either.
    if (spec.sensitive) for (const written of [name, ...(spec.aliases ?? [])]) shown.delete(written);
  }
  shownByFields.set(fields, shown);
  return shown;
}

const namesOfFields = new WeakMap<Fields, ReadonlySet<string>>();

function declaredNames(fields: Fields): ReadonlySet<string> {
  let names = namesOfFields.get(fields);
  if (names === undefined) {
    names = new Set(Object.entries(fields).flatMap(([name, spec]) => [name, ...(spec.aliases ?? [])]));
    namesOfFields.set(fields, names);
  }
  return names;
}

function shownType(schema: ResponseSchema | undefined, name: string): ShownType | undefined {
  if (schema === undefined) return undefined;
  const field = Object.hasOwn(schema, name) ? schema[name] : schema['*'];
  if (field === undefined || holdsSecret(field)) return undefined;
  // A list of objects is of no request's shape.
  return field.items === undefined ? field.type : 'any';
}

/** A value is as secret as anything in it. */
function holdsSecret(field: ResponseField): boolean {
  if (field.sensitive === true) return true;
  const { members, items } = field;
  if (members === undefined && items === undefined) return false;
  let holds = secretHolders.get(field);
  if (holds === undefined) {
    holds = [members, items].some(
      (schema) => schema !== undefined && Object.values(schema).some(holdsSecret),
    );
    secretHolders.set(field, holds);
  }
  return holds;
}

const secretHolders = new WeakMap<ResponseField, boolean>();

/** The value's JSON text as it may stand in the log; undefined where it is not of the declared shape. */
function shownJson(value: unknown, type: ShownType): string | undefined {
  if (value === null) return 'null';
  if (value instanceof RawJson) return shownRaw(value.text, type);
  if (typeof value === 'string') return hasShape[type](value) ? JSON.stringify(shownText(value)) : undefined;
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : undefined;
  if (!isPlain(value) || !hasShape[type](value)) return undefined;
  const text = jsonText(value);
  return text === undefined || text.length > longestStructure ? undefined : text;
}

/** Text that claims to be JSON is shown as it is only where an object may stand; anything else is looked at. */
function shownRaw(text: string, type: ShownType): string | undefined {
  if (text.length > longestStructure) return undefined;
  // A line of the log is one line: JSON that was laid out for people is put together anew.
  if ((type === 'object' || type === 'any') && text.startsWith('{') && !text.includes('\n')) return text;
  return shownJson(parsed(text), type);
}

function shownText(text: string): string {
  if (text.length <= longestText) return text;
  return `${text.slice(0, longestText).toWellFormed()}… (${Buffer.byteLength(text)} bytes)`;
}

/**
 * Whether a text, list or object is what the type takes. A password sent where a number belongs, or an object where a text
 * belongs, will be refused by the endpoint; it must not be written down before.
 */
const hasShape = {
  string: isText,
  int: isNumeric,
  float: (value) => typeof value === 'string' && /^[+-]?[\d.]{1,20}(?:e[+-]?\d{1,3})?$/i.test(value),
  bool: (value) => typeof value === 'string' && /^(?:true|false|[01tf])$/i.test(value),
  duration: (value) => typeof value === 'string' && /^-?\d[\d.nuµmshdw]{0,31}$/.test(value),
  list: isTextOrTexts,
  ints: (value) => (Array.isArray(value) ? value.every(isScalarNumber) : isNumericList(value)),
  pairs: (value) => typeof value !== 'string' && isJsonObject(value) && Object.values(value).every(isScalar),
  header: (value) => typeof value !== 'string' && isJsonObject(value),
  object: (value) => isJsonObject(value),
  any: () => true,
  null: () => false,
} as const satisfies Record<ShownType, (value: unknown) => boolean>;

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isNumeric(value: unknown): boolean {
  return typeof value === 'string' && /^[+-]?\d{1,20}$/.test(value);
}

function isScalarNumber(value: unknown): boolean {
  return typeof value === 'number' || isNumeric(value);
}

function isNumericList(value: unknown): boolean {
  return typeof value === 'string' && value.split(',').every((item) => isNumeric(item.trim()));
}

function isTextOrTexts(value: unknown): boolean {
  return typeof value === 'string' || (Array.isArray(value) && value.every(isScalar));
}

function isScalar(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

/** A list or an object that JSON made, not an instance of something that might print itself. */
function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** JSON text of a digest: of a text itself, of everything else's JSON text, so that a value has one digest however it came. */
function digestOf(value: unknown, digest: Digest): string {
  if (value === null) return 'null';
  const text = typeof value === 'string' ? value : jsonText(value);
  return JSON.stringify(text === undefined ? unprintable : digest(text));
}

/** JSON text, with `RawJson` as the text that it holds; undefined for what JSON cannot say. */
function jsonText(value: unknown): string | undefined {
  if (value instanceof RawJson) return value.text;
  try {
    if (isPlain(value) && !Array.isArray(value) && Object.values(value).some(holdsRaw)) return spliced(value);
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

/** `AnswerData` may hold raw JSON at its first two levels. */
function holdsRaw(value: unknown): boolean {
  return (
    value instanceof RawJson || (isPlain(value) && Object.values(value).some((v) => v instanceof RawJson))
  );
}

function spliced(value: object): string {
  const members = Object.entries(value).flatMap(([name, member]) => {
    const text = jsonText(member);
    return text === undefined ? [] : [`${JSON.stringify(name)}:${text}`];
  });
  return `{${members.join(',')}}`;
}

function parsed(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}
