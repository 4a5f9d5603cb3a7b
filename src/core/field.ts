/**
 * Reading declared fields from what was sent. Vault's clients type weakly: the CLI sends every value as text, so each type
 * takes text too (Vault API, "field value coercion").
 */
import { CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import type { FieldSpec, Fields, FieldType, FieldTypes } from './endpoint.ts';
import { parseDuration } from './ttl.ts';

export interface CoercedFields {
  readonly values: Readonly<Record<string, FieldTypes[FieldType] | undefined>>;
  /** Names that were sent, but that the endpoint does not declare. */
  readonly unknown: readonly string[];
}

/** A declaration made ready for reading: once an endpoint, not once a request. */
interface Plan {
  readonly entries: readonly (readonly [string, FieldSpec])[];
  /** Every name that may be sent. */
  readonly names: ReadonlySet<string>;
  readonly anyRequired: boolean;
}

const plans = new WeakMap<Fields, Plan>();
const nothingSent: CoercedFields = { values: {}, unknown: [] };

function planOf(fields: Fields): Plan {
  let plan = plans.get(fields);
  if (plan === undefined) {
    const entries = Object.entries(fields);
    const names = new Set(entries.flatMap(([name, spec]) => [name, ...(spec.aliases ?? [])]));
    plan = { entries, names, anyRequired: entries.some(([, spec]) => spec.required === true) };
    plans.set(fields, plan);
  }
  return plan;
}

/** Throws `invalid_request` naming every field that could not be read; never a value. */
export function coerceFields(fields: Fields, sent: JsonObject): CoercedFields {
  const { entries, names, anyRequired } = planOf(fields);
  const sentNames = Object.keys(sent);
  if (sentNames.length === 0 && !anyRequired) return nothingSent;
  // Its names are the declaration's own, never the caller's.
  const values: Record<string, FieldTypes[FieldType] | undefined> = {};
  const problems: string[] = [];
  for (const [name, spec] of entries) {
    const source = sentName(name, spec, sent);
    const value = source === undefined ? undefined : sent[source];
    if (value === undefined || value === null) {
      if (spec.required) problems.push(`missing field "${name}"`);
      continue;
    }
    const coerced = coerce(spec.type, value);
    if (coerced === undefined) problems.push(`field "${name}" is not ${wanted[spec.type]}`);
    else values[name] = coerced;
  }
  if (problems.length > 0) {
    throw new CofferError('invalid_request', `Field validation failed: ${problems.join('; ')}`);
  }
  return { values, unknown: sentNames.filter((name) => !names.has(name)) };
}

function sentName(name: string, spec: FieldSpec, sent: JsonObject): string | undefined {
  if (Object.hasOwn(sent, name)) return name;
  return spec.aliases?.find((alias) => Object.hasOwn(sent, alias));
}

const wanted: Record<FieldType, string> = {
  string: 'text',
  int: 'a whole number',
  float: 'a number',
  bool: 'true or false',
  duration: 'a duration such as 3600, "1h30m" or "7d"',
  list: 'a list of texts',
  ints: 'a list of whole numbers',
  pairs: 'an object of texts',
  header: 'an object of texts or lists of texts, or base64 of its JSON',
  object: 'an object',
  any: 'JSON',
};

/** Undefined when the value cannot be read as this type. */
function coerce(type: FieldType, value: JsonValue): FieldTypes[FieldType] | undefined {
  return coercions[type](value);
}

const coercions: { readonly [T in FieldType]: (value: JsonValue) => FieldTypes[T] | undefined } = {
  string: scalarText,
  int: wholeNumber,
  float: anyNumber,
  bool: truth,
  duration,
  list: texts,
  ints(value) {
    const items = Array.isArray(value) ? value : splitCommas(value);
    const numbers = items?.map(wholeNumber);
    return numbers?.every((number) => number !== undefined) ? numbers : undefined;
  },
  pairs,
  header,
  object(value) {
    if (isJsonObject(value)) return value;
    if (typeof value !== 'string') return undefined;
    const parsed = parseJson(value);
    return isJsonObject(parsed) ? parsed : undefined;
  },
  any: (value) => value,
};

function scalarText(value: JsonValue): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

function wholeNumber(value: JsonValue): number | undefined {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'string' && !/^[+-]?\d{1,16}$|^0x[0-9a-f]{1,13}$/i.test(value.trim()))
    return undefined;
  const number = typeof value === 'number' ? value : typeof value === 'string' ? Number(value) : Number.NaN;
  return Number.isSafeInteger(number) ? number : undefined;
}

function anyNumber(value: JsonValue): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string') return wholeNumber(value);
  const text = value.trim();
  if (!/^[+-]?(?:\d{1,300}(?:\.\d{0,300})?|\.\d{1,300})(?:e[+-]?\d{1,3})?$/i.test(text))
    return wholeNumber(value);
  const number = Number(text);
  return Number.isFinite(number) ? number : undefined;
}

const truths = new Map<JsonValue, boolean>([
  [true, true],
  [1, true],
  [false, false],
  [0, false],
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((text): [string, boolean] => [text, true]),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((text): [string, boolean] => [text, false]),
]);

function truth(value: JsonValue): boolean | undefined {
  return truths.get(value);
}

/** The longest duration taken: a hundred years. Anything longer is a slip of the pen, and dates beyond it break clients. */
const longestDuration = 100 * 365 * 86_400;

function duration(value: JsonValue): number | undefined {
  if (value === '') return 0;
  // As in text, a fraction counts as a whole second, away from zero: half a second must not turn into "no limit".
  const seconds =
    typeof value === 'number'
      ? Math.sign(value) * Math.ceil(Math.abs(value))
      : typeof value === 'string'
        ? parseDuration(value)
        : undefined;
  return seconds !== undefined && seconds >= 0 && seconds <= longestDuration ? seconds : undefined;
}

/** Items of a list in one text: as many as the values that a body may hold. */
const mostItems = 200_000;

function splitCommas(value: JsonValue): readonly string[] | undefined {
  const text = scalarText(value);
  const items = text?.split(',', mostItems + 1);
  if (items === undefined || items.length > mostItems) return undefined;
  return items.map((item) => item.trim()).filter((item) => item !== '');
}

function texts(value: JsonValue): readonly string[] | undefined {
  if (!Array.isArray(value)) return splitCommas(value);
  const items = value.map((item: JsonValue) => scalarText(item)?.trim());
  return items.every((item) => item !== undefined) ? items.filter((item) => item !== '') : undefined;
}

function pairs(value: JsonValue): Readonly<Record<string, string>> | undefined {
  const result: Record<string, string> = Object.create(null);
  if (typeof value === 'string' && value.trim().startsWith('{')) return pairs(parseJson(value) ?? null);
  const list = typeof value === 'string' ? [value] : value;
  if (Array.isArray(list)) {
    for (const item of list) {
      const at = typeof item === 'string' ? item.indexOf('=') : -1;
      if (typeof item !== 'string' || at < 1) return undefined;
      result[item.slice(0, at)] = item.slice(at + 1);
    }
    return result;
  }
  if (!isJsonObject(list)) return undefined;
  for (const [name, item] of Object.entries(list)) {
    const text = scalarText(item);
    if (text === undefined) return undefined;
    result[name] = text;
  }
  return result;
}

/** Headers as an object of texts or lists, or base64 of such an object's JSON; names in lower case (RFC 9110 §5.1). */
function header(value: JsonValue): Readonly<Record<string, readonly string[]>> | undefined {
  if (typeof value === 'string') return value === '' ? {} : header(parseJson(textOfHeader(value)) ?? null);
  if (!isJsonObject(value)) return undefined;
  const result: Record<string, string[]> = Object.create(null);
  for (const [name, item] of Object.entries(value)) {
    const list = Array.isArray(item) ? item.map(scalarText) : [scalarText(item as JsonValue)];
    if (!list.every((text) => text !== undefined)) return undefined;
    const key = name.toLowerCase();
    result[key] = [...(result[key] ?? []), ...list];
  }
  return result;
}

/** JSON as it stands, or out of base64 of either alphabet. */
function textOfHeader(text: string): string {
  if (text.trimStart().startsWith('{')) return text;
  const base64 = /^[\w+/-]{1,2796203}={0,2}$/.test(text);
  return base64 ? Buffer.from(text, 'base64').toString('utf8') : '';
}

/**
 * JSON inside a text has passed the listener as one value, whatever it is made of. A secret has at most 1 MiB; to take much more
 * would be the way around every limit of a body's depth and count.
 */
const longestJson = 2 * 1024 * 1024;
const deepestJson = 128;

function parseJson(text: string): JsonValue | undefined {
  if (text.length > longestJson) return undefined;
  try {
    const value = JSON.parse(text) as JsonValue;
    return isWithin(value, deepestJson) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whatever walks a value afterwards does so by recursion, which has an end of its own. */
function isWithin(value: JsonValue, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((member: JsonValue) => isWithin(member, levels - 1));
}
