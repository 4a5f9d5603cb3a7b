/**
 * The file of cases that `policy test` reads: YAML or JSON, with what a token of these policies is to be allowed and denied.
 *
 *     with: [default]                        # stored policies that the token has besides
 *     cases:
 *       - allow: read secret/data/web/db     # operation and path
 *       - deny: delete secret/data/web/db
 *       - approval: read secret/data/prod/db # once others approved of it
 *       - allow: update secret/data/web/db
 *         parameters: { owner: web }
 */
import { CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';

export interface PolicyCases {
  readonly with: readonly string[];
  /** As the server takes them. */
  readonly cases: readonly JsonObject[];
}

/** @param document the file's, @param file its name for messages. Throws `usage`, naming the case by its number. */
export function parseCases(document: JsonObject, file: string): PolicyCases {
  const wrong = (problem: string) => new CofferError('usage', `${file}: ${problem}`);
  const { with: stored = [], cases, ...others } = document;
  const [other] = Object.keys(others);
  if (other !== undefined) throw wrong(`unknown key "${other.slice(0, 40)}"; known are with, cases`);
  if (!isTexts(stored)) throw wrong('"with" must be a list of names of policies');
  if (!Array.isArray(cases) || cases.length === 0) throw wrong('"cases" must be a list of cases');
  return {
    with: stored,
    cases: cases.map((entry: JsonValue, index) =>
      parseCase(entry, (problem) => wrong(`case ${index + 1} ${problem}`)),
    ),
  };
}

const form =
  'must be "allow: OPERATION PATH" or "deny: OPERATION PATH" or "approval: OPERATION PATH", perhaps with "parameters"';

function parseCase(entry: JsonValue, wrong: (problem: string) => CofferError): JsonObject {
  if (!isJsonObject(entry)) throw wrong(form);
  const { allow, deny, approval, parameters = {}, ...others } = entry;
  if (Object.keys(others).length > 0) throw wrong(form);
  const [wish, ...more] = [allow, deny, approval].filter((one) => one !== undefined);
  if (typeof wish !== 'string' || more.length > 0) throw wrong(form);
  const match = /^\s*([a-z]+)\s+(\S.*?)\s*$/.exec(wish);
  if (match === null) throw wrong(form);
  if (!isJsonObject(parameters)) throw wrong('must have a map as "parameters"');
  const expected = approval === undefined ? { allow: allow !== undefined } : { needs_approval: true };
  return { operation: match[1] ?? '', path: match[2] ?? '', parameters, ...expected };
}

function isTexts(value: JsonValue): value is readonly string[] & JsonValue {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
