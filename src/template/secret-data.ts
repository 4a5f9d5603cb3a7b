/** A secret's fields as a template sees them. */
import type { JsonObject, JsonValue } from '../json.ts';
import { bareValue, decodeValue } from '../secret-value.ts';
import { Bytes, Dict, fromJson, type Value } from './value.ts';

/** A bare value is itself, anything else a map of fields. */
export function templateSecret(name: string, data: JsonObject): Value {
  const bare = bareValue(data);
  if (bare !== undefined) return valueOfField(bare);
  return new Dict(
    Object.entries(data).map(([field, value]) => [field, valueOfField(value)]),
    { secret: name },
  );
}

function valueOfField(value: JsonValue): Value {
  const decoded = decodeValue(value);
  if (decoded.kind === 'binary') return new Bytes(decoded.bytes);
  return decoded.kind === 'text' ? decoded.text : fromJson(value);
}
