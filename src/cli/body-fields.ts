/** Fields of a request's body, out of options that may not have been given. */
import type { JsonObject } from '../json.ts';
import { usageError } from './args.ts';
import { parseField } from './operands.ts';

export function given(name: string, value: string | number | undefined): JsonObject {
  return value === undefined ? {} : { [name]: value };
}

/** Left out when it is empty. */
export function givenMap(name: string, map: JsonObject): JsonObject {
  return Object.keys(map).length === 0 ? {} : { [name]: map };
}

/**
 * `NAME=TEXT` of a repeated option. Throws `usage`, which never repeats what was given.
 *
 * @param command as typed, such as `token create`
 */
export function pairsOf(command: string, option: string, pairs: readonly string[]): JsonObject {
  return Object.fromEntries(
    pairs.map((pair) => {
      const field = parseField(pair);
      if (field === undefined) throw usageError(command, `--${option} must be NAME=TEXT`);
      return [field.name, field.source];
    }),
  );
}
