/** Wrapping tokens, and what they hold. */
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import { usageError } from './args.ts';
import { readSecretLine } from './prompt.ts';
import type { Shell } from './shell.ts';
import { parseToken, readTokenFile } from './token-file.ts';

/** Options of the commands that take a wrapping token. */
export const wrappingTokenOptions = {
  file: { type: 'text', value: 'FILE', help: 'the wrapping token is in FILE' },
} as const;

export const wrappingTokenDetails =
  'The wrapping token is asked for, or read from standard input or from --file. It may be given as TOKEN, where others ' +
  'on this machine can see it until it is used up.';

/** Throws `usage`, never with the text. */
export async function readWrappingToken(
  shell: Shell,
  command: string,
  operand: string | undefined,
  file: string | undefined,
): Promise<string> {
  if (operand !== undefined && file !== undefined)
    throw usageError(command, 'give TOKEN or --file, not both');
  if (file !== undefined && file !== '-') {
    const token = readTokenFile(file);
    if (token === undefined) throw usageError(command, `there is no file ${file}`);
    return token;
  }
  if (operand !== undefined && operand !== '-') return parseToken(operand, 'TOKEN');
  return parseToken(await readSecretLine(shell, 'wrapping token'), 'the answer');
}

export function wrapInfoOf(body: JsonValue | undefined): JsonObject {
  const info = isJsonObject(body) ? body['wrap_info'] : undefined;
  return isJsonObject(info) ? info : {};
}

/** What was wrapped: a login's or new token's `auth`, or the data, with its lease where there is one. */
export function unwrappedData(body: JsonValue | undefined): JsonObject {
  if (!isJsonObject(body)) return {};
  if (isJsonObject(body['auth'])) return body['auth'];
  // A request that was approved may have asked for a wrapped answer itself.
  if (isJsonObject(body['wrap_info'])) return body['wrap_info'];
  const data = isJsonObject(body['data']) ? body['data'] : {};
  const { lease_id: id, lease_duration: duration } = body;
  return typeof id === 'string' && id !== ''
    ? { ...data, lease_id: id, lease_duration: duration ?? 0 }
    : data;
}
