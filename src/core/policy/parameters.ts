/** Constraints of a rule on the fields that are sent. */
import type { JsonObject, JsonValue } from '../../json.ts';
import { isJsonObject } from '../../json.ts';
import { matchesGlob } from './glob.ts';

/** Lower-case field names to values; an empty list stands for any value. */
export type ParameterValues = ReadonlyMap<string, readonly JsonValue[]>;

export interface ParameterRules {
  /** If present, only these fields may be sent, with one of their values; the name `*` admits fields that are not listed. */
  readonly allowed: ParameterValues | undefined;
  /** Fields, or values of fields, that may not be sent; the name `*` refuses every field. */
  readonly denied: ParameterValues | undefined;
  /** Names as written: they must be sent, spelled like this or in lower case. */
  readonly required: readonly string[];
}

/**
 * The first field for which the request is refused, as sent or, when it is missing, as the rule has it; undefined if none.
 * Field names are compared in lower case, values as they are, text with `*` at its ends.
 */
export function refusedParameter(rules: ParameterRules, data: JsonObject): string | undefined {
  // A spelling that is neither the rule's nor lower case reaches no endpoint as this field, so it does not count as sent.
  const missing = rules.required.find(
    (name) => !Object.hasOwn(data, name.toLowerCase()) && !Object.hasOwn(data, name),
  );
  if (missing !== undefined) return missing;
  const { allowed, denied } = rules;
  if (allowed === undefined && denied === undefined) return undefined;
  return Object.keys(data).find((name) => {
    const value = data[name] ?? null;
    const lowerName = name.toLowerCase();
    return (
      (denied !== undefined && isDenied(denied, lowerName, value)) ||
      (allowed !== undefined && !isAllowed(allowed, lowerName, value))
    );
  });
}

function isDenied(denied: ParameterValues, name: string, value: JsonValue): boolean {
  if (denied.has('*')) return true;
  const values = denied.get(name);
  return values !== undefined && isHeld(values, value);
}

/** Endpoints that take a list take one item, several, and a text with commas: a value is refused in any of these forms. */
function isHeld(values: readonly JsonValue[], value: JsonValue): boolean {
  return holds(values, value) || itemsOf(value).some((item) => isHeld(values, item));
}

/** No field takes a text with more items. */
const mostItems = 200_000;

function itemsOf(value: JsonValue): readonly JsonValue[] {
  if (typeof value === 'string') {
    return value.includes(',') ? value.split(',', mostItems).map((item) => item.trim()) : [];
  }
  return Array.isArray(value) ? value : [];
}

function isAllowed(allowed: ParameterValues, name: string, value: JsonValue): boolean {
  const values = allowed.get(name);
  return values === undefined ? allowed.has('*') : holds(values, value);
}

function holds(values: readonly JsonValue[], sent: JsonValue): boolean {
  return values.length === 0 || values.some((value) => matches(value, sent));
}

function matches(value: JsonValue, sent: JsonValue): boolean {
  return typeof value === 'string' && typeof sent === 'string'
    ? matchesGlob(value, sent)
    : equals(value, sent);
}

/** Goes no deeper than the rule's own value, whose nesting has a limit. */
function equals(value: JsonValue, sent: JsonValue): boolean {
  if (Array.isArray(value)) {
    return (
      Array.isArray(sent) &&
      sent.length === value.length &&
      value.every((item: JsonValue, index) => equals(item, sent[index]))
    );
  }
  if (!isJsonObject(value)) return value === sent;
  const names = Object.keys(value);
  return (
    isJsonObject(sent) &&
    Object.keys(sent).length === names.length &&
    names.every((name) => Object.hasOwn(sent, name) && equals(value[name] ?? null, sent[name] ?? null))
  );
}
