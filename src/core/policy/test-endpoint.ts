/** `sys/policies/test`: holds policies that are not stored yet against requests and what should be decided about them. */
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';
import { coreEndpoint } from '../core-call.ts';
import type { Endpoint, Fields } from '../endpoint.ts';
import type { Identity } from '../identity/identity.ts';
import type { CoreRooms } from '../rooms.ts';
import type { Decision } from './acl.ts';
import { compileAcl, compileFor } from './compile.ts';
import { reasonOf } from './explanation.ts';
import { parsePolicyName } from './name.ts';
import { type Policy, parsePolicy } from './policy.ts';
import { judgeQuestion, parseQuestion, type Question } from './question.ts';
import type { Filling } from './template.ts';

const testFields = {
  policy: { type: 'any', help: 'A policy as HCL or JSON text, or as a JSON object.' },
  policies: { type: 'object', help: 'Several of them, by name.' },
  with: { type: 'list', help: 'Names of stored policies that the same token has.' },
  entity_id: {
    type: 'string',
    help: 'Id of the entity that the token is of: its policies count too, and templates are filled for it.',
  },
  token_metadata: {
    type: 'pairs',
    help: 'What the login of the token says of it, for {{token.metadata.KEY}}; as of a token that no login made where absent.',
  },
  cases: {
    type: 'any',
    help: 'A list of objects: path, operation (read unless told), parameters, and allow, which is true or false; or in its place needs_approval, which is true.',
    required: true,
    sensitive: true,
  },
} as const satisfies Fields;

const mostCases = 1_000;
const mostPolicies = 32;

export function testEndpoint(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'policies/test',
    help: 'Decides about each case as for a token that has all of the given policies. Nothing is stored.',
    fields: testFields,
    operations: {
      update: {
        summary: 'Test policies',
        sudo: true,
        response: {
          passed: { type: 'int' },
          failed: { type: 'int' },
          results: {
            type: 'list',
            help: 'In the order of the cases.',
            items: {
              path: { type: 'string' },
              operation: { type: 'string' },
              expected: { type: 'string' },
              decision: { type: 'string' },
              passed: { type: 'bool' },
              reason: { type: 'string' },
            },
          },
        },
        handle: async ({ fields }) => {
          const cases = parseCases(fields.cases);
          const identity = await identityOf(rooms, fields.entity_id);
          const filling = { subject: identity, metadata: fields.token_metadata };
          const policies = [
            ...givenPolicies(fields.policy, fields.policies),
            ...(await storedPolicies(rooms, fields.with ?? [], filling)),
            ...(identity === undefined ? [] : await rooms.policies.load(identity.policies, filling)),
          ];
          const acl = compileFor(compileAcl(policies), policies, filling);
          const results = cases.map(({ question, expected }) => {
            const { decision } = judgeQuestion(rooms, acl, question);
            const passed = decision.kind === expected;
            return {
              path: question.path,
              operation: question.operation,
              expected,
              decision: decision.kind,
              passed,
              reason: reasonOf(decision),
            };
          });
          const passed = results.filter((result) => result.passed).length;
          return { data: { passed, failed: results.length - passed, results } };
        },
      },
    },
  });
}

interface Case {
  readonly question: Question;
  readonly expected: Decision['kind'];
}

/** Throws `invalid_request`, naming the first case that is none by its number. */
function parseCases(value: JsonValue): readonly Case[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > mostCases) {
    throw new CofferError('invalid_request', `cases is a list of 1 to ${mostCases} objects`);
  }
  return value.map((entry: JsonValue, index) => {
    try {
      return parseCase(entry);
    } catch (error) {
      if (!(error instanceof CofferError)) throw error;
      throw new CofferError(error.code, `case ${index + 1}: ${error.message}`, { cause: error });
    }
  });
}

const caseKeys: ReadonlySet<string> = new Set(['path', 'operation', 'parameters', 'allow', 'needs_approval']);

function parseCase(entry: JsonValue): Case {
  if (!isJsonObject(entry)) throw new CofferError('invalid_request', 'it is not an object');
  const { path, operation = 'read', parameters = {}, allow, needs_approval: waits } = entry;
  // A key that was misspelt would leave a case that tests something else than it says.
  if (Object.keys(entry).some((key) => !caseKeys.has(key))) {
    throw new CofferError('invalid_request', `it has other keys than ${[...caseKeys].join(', ')}`);
  }
  if (typeof path !== 'string' || path === '') throw new CofferError('invalid_request', 'path is missing');
  if (typeof operation !== 'string') throw new CofferError('invalid_request', 'operation is not a text');
  if (waits === undefined && typeof allow !== 'boolean') {
    throw new CofferError('invalid_request', 'allow is not true or false');
  }
  if (waits !== undefined && (waits !== true || allow !== undefined)) {
    throw new CofferError('invalid_request', 'needs_approval is not true, or allow stands beside it');
  }
  if (!isJsonObject(parameters)) throw new CofferError('invalid_request', 'parameters is not an object');
  const expected = waits === true ? 'needs-approval' : allow === true ? 'allow' : 'deny';
  return { question: parseQuestion(path, operation, parameters), expected };
}

function givenPolicies(policy: JsonValue | undefined, policies: JsonObject | undefined): readonly Policy[] {
  const given: readonly (readonly [string, JsonValue])[] = [
    ...(policy === undefined ? [] : [['policy', policy] as const]),
    ...Object.entries(policies ?? {}).map(([name, text]) => [name, text ?? null] as const),
  ];
  if (given.length === 0) throw new CofferError('invalid_request', 'policy or policies is missing');
  if (given.length > mostPolicies) {
    throw new CofferError('invalid_request', `at most ${mostPolicies} policies can be tested at once`);
  }
  return given.map(([name, text]) => {
    if (typeof text === 'string') return parsePolicy(name, text);
    if (isJsonObject(text)) return parsePolicy(name, JSON.stringify(text));
    throw new CofferError('invalid_request', 'a policy is text or an object');
  });
}

/** Throws `invalid_request` for one that is not stored: a test that silently ran without it would prove nothing. */
async function storedPolicies(
  rooms: CoreRooms,
  given: readonly string[],
  filling: Filling,
): Promise<readonly Policy[]> {
  const names = [...new Set<string>(given.map(parsePolicyName))];
  if (names.length > mostPolicies) {
    throw new CofferError('invalid_request', `at most ${mostPolicies} stored policies can be tested at once`);
  }
  if (names.includes('root')) throw new CofferError('invalid_request', 'with root everything is allowed');
  const policies = await rooms.policies.load(names, filling);
  const found = new Set<string>(policies.map(({ name }) => name));
  const missing = names.filter((name) => !found.has(name));
  if (missing.length === 0) return policies;
  throw new CofferError('invalid_request', `there is no policy ${missing.join(', ')}`);
}

/** Throws `invalid_request` where there is no such entity. */
async function identityOf(rooms: CoreRooms, id: string | undefined): Promise<Identity | undefined> {
  if (id === undefined || id === '') return undefined;
  const known = await rooms.identities.identity(id);
  if (known === undefined) throw new CofferError('invalid_request', 'there is no entity of this id');
  return known;
}
