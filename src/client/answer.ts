/** Reading answers of the wire into types. */
import { CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';

/** The member of an answer that must be an object. Throws `unavailable` without repeating what came instead. */
export function memberObject(value: JsonValue | undefined, name: string): JsonObject {
  const member = isJsonObject(value) ? value[name] : undefined;
  if (!isJsonObject(member)) throw notOurs(name);
  return member;
}

/** As `memberObject`, for a text. */
export function memberText(value: JsonObject, name: string): string {
  const member = value[name];
  if (typeof member !== 'string') throw notOurs(name);
  return member;
}

/** As `memberObject`, for a number. */
export function memberNumber(value: JsonObject, name: string): number {
  const member = value[name];
  if (typeof member !== 'number') throw notOurs(name);
  return member;
}

/** As `memberObject`, for a list of texts. */
export function memberTexts(value: JsonObject, name: string): readonly string[] {
  const member = value[name];
  if (!Array.isArray(member)) throw notOurs(name);
  return member.map((text: JsonValue) => {
    if (typeof text !== 'string') throw notOurs(name);
    return text;
  });
}

function notOurs(name: string): CofferError {
  return new CofferError(
    'unavailable',
    `the answer has no "${name}" of the kind it should: is this a server of ours?`,
  );
}
