/** What an answer of the road holds, for dialects to put in their own form. */
import { type Answer, type AnswerData, RawJson } from '../../core/request.ts';
import type { JsonObject, JsonValue } from '../../json.ts';

/** The data of an answer as plain JSON; undefined for one that has none. */
export function dataOf(answer: Answer): JsonObject | undefined {
  if (answer.kind === 'envelope') return answer.data === null ? undefined : resolved(answer.data);
  return answer.kind === 'plain' ? resolved(answer.body) : undefined;
}

/** The token of a login; undefined where there is none, also where a second factor is asked for first. */
export function tokenOf(answer: Answer): string | undefined {
  const token = answer.kind === 'envelope' ? answer.auth?.clientToken : undefined;
  return token === '' ? undefined : token;
}

function resolved(data: AnswerData): JsonObject {
  const members = Object.entries(data).map(([name, value]) => [name, plain(value)] as const);
  return Object.fromEntries(members);
}

function plain(value: AnswerData[string]): JsonValue {
  if (value instanceof RawJson) return JSON.parse(value.text) as JsonValue;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value as JsonValue;
  return resolved(value as AnswerData);
}
