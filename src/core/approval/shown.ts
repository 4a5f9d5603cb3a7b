/**
 * What of a request its approvers see: the fields that its endpoint declares, read as the handler will read them, except those that
 * are declared as secrets; of everything else the name. Nothing is cut short: whoever approves must have seen all that can be seen.
 */
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { Call, Endpoint } from '../endpoint.ts';
import type { AnswerData } from '../request.ts';

/** In place of a secret. */
export const notShown = '(not shown)';

/** Bytes of JSON text. */
const longest = 64 * 1024;
const longestReason = 500;

/** Throws `payload_too_large` for more than a person could be shown. */
export function shownOf(endpoint: Endpoint, call: Pick<Call, 'fields' | 'data' | 'params'>): AnswerData {
  const shown: Record<string, AnswerData[string]> = Object.create(null);
  const declared = new Set<string>();
  for (const [name, spec] of Object.entries(endpoint.fields)) {
    declared.add(name);
    for (const alias of spec.aliases ?? []) declared.add(alias);
    const value: unknown = call.fields[name];
    if (value === undefined || Object.hasOwn(call.params, name)) continue;
    shown[name] = spec.sensitive === true ? notShown : (value as AnswerData[string]);
  }
  for (const name of namesOf(call.data)) {
    if (!declared.has(name) && !Object.hasOwn(call.params, name)) shown[name] = notShown;
  }
  if (Buffer.byteLength(JSON.stringify(shown)) <= longest) return shown;
  throw new CofferError(
    'payload_too_large',
    `approvers are shown what is asked, and this is more than ${longest} bytes of it: ask for less at once`,
  );
}

function namesOf(data: JsonObject): readonly string[] {
  return Object.keys(data);
}

/**
 * Why somebody asks or decides, in their own words: at most 500 characters. A header's bytes are read as UTF-8 where they are that
 * (Node hands them over as Latin-1). Throws `invalid_request`.
 */
export function parseReason(text: string | undefined, from: 'header' | 'field'): string {
  const reason = (from === 'header' ? asUtf8(text ?? '') : (text ?? '')).trim();
  if (reason.length <= longestReason && !/\p{Cc}/u.test(reason) && reason.isWellFormed()) return reason;
  throw new CofferError(
    'invalid_request',
    `a reason is one line of at most ${longestReason} characters, without control characters`,
  );
}

function asUtf8(text: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(text, 'latin1'));
  } catch {
    return text;
  }
}
