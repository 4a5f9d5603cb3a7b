import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type PlainPolicy,
  type PlainRequest,
  type PlainRule,
  plainCapabilities,
  plainDecide,
  type Verdict,
} from '../../../test/policy-reference.ts';
import type { JsonValue } from '../../json.ts';
import { parseApiPath } from '../path.ts';
import type { Operation } from '../request.ts';
import type { Acl, Decision } from './acl.ts';
import { compileAcl } from './compile.ts';
import { parsePolicy } from './policy.ts';

// Few letters, so that patterns collide and nearly collide all the time.
const segment = fc.constantFrom('a', 'b', 'ab', 'aa');
const patternSegment = fc.oneof(
  { weight: 5, arbitrary: segment },
  { weight: 4, arbitrary: fc.constant('+') },
  { weight: 1, arbitrary: fc.constantFrom('a+', '*', '*a', 'é') },
);
const pattern = fc
  .tuple(
    fc.array(patternSegment, { minLength: 0, maxLength: 4 }),
    fc.constantFrom('', '', '/', '*', '/*', '/a*', '/+', '/+/*'),
  )
  .map(([segments, end]) => (segments.join('/') + end).replace(/^\/+/, ''))
  .filter((text) => !text.includes('+*'));
const path = fc
  .tuple(
    fc.array(
      fc.oneof(
        { weight: 8, arbitrary: segment },
        { weight: 1, arbitrary: fc.constantFrom('+', '*', 'é', 'a+', 'abc') },
      ),
      {
        minLength: 1,
        maxLength: 5,
      },
    ),
    fc.constantFrom('', '', '/'),
  )
  .map(([segments, end]) => segments.join('/') + end);

const words = ['create', 'read', 'update', 'patch', 'delete', 'list', 'scan', 'sudo'];
const capabilities = fc.oneof(
  { weight: 8, arbitrary: fc.subarray(words) },
  { weight: 2, arbitrary: fc.constant(words) },
  { weight: 2, arbitrary: fc.subarray(['deny', 'read', 'list']) },
);
const value: fc.Arbitrary<JsonValue> = fc.constantFrom<JsonValue>(
  'v',
  'v*',
  '*v',
  '*v*',
  '*',
  'vw',
  '',
  1,
  0,
  true,
  null,
);
const names = fc.constantFrom('x', 'X', 'y', '*');
/** Names that differ only in case are one parameter, and giving it twice in a rule is refused. */
const parameters = fc
  .dictionary(names, fc.array(value, { maxLength: 2 }), { minKeys: 1, maxKeys: 2 })
  .map((map) => (Object.hasOwn(map, 'X') && Object.hasOwn(map, 'x') ? { x: map['x'] ?? [] } : { ...map }));
/** A rule whose own bounds cross is refused when it is written; bounds of several may cross. */
const wrapping = fc.constantFrom<Pick<PlainRule, 'minWrapping' | 'maxWrapping'>>(
  ...[{}, {}, {}, { minWrapping: 60 }, { minWrapping: 600 }, { maxWrapping: 60 }, { maxWrapping: 300 }],
  { minWrapping: 60, maxWrapping: 300 },
);
const rule: fc.Arbitrary<PlainRule> = fc
  .tuple(
    fc.record(
      {
        path: pattern,
        capabilities,
        allowed: parameters,
        denied: parameters,
        required: fc.array(fc.constantFrom('x', 'Y'), { maxLength: 1 }),
      },
      { requiredKeys: ['path', 'capabilities'] },
    ),
    wrapping,
  )
  .map(([plain, bounds]) => ({ ...plain, ...bounds }));
/** Most rules have no constraints, so that most differences are ones of precedence. */
const mostlyPlain = fc.oneof(
  { weight: 4, arbitrary: fc.record({ path: pattern, capabilities }) },
  { weight: 1, arbitrary: rule },
);
const policies: fc.Arbitrary<readonly PlainPolicy[]> = fc
  .array(fc.array(mostlyPlain, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 3 })
  .map((lists) => lists.map((rules, index) => ({ name: `p${index}`, rules })));
const request: fc.Arbitrary<PlainRequest> = fc.record({
  path,
  operation: fc.constantFrom(
    'read',
    'list',
    'list',
    'scan',
    'create',
    'update',
    'patch',
    'delete',
    'help',
    'header',
  ),
  data: fc
    .dictionary(fc.constantFrom('x', 'X', 'y', 'Y', 'z'), value, { maxKeys: 2 })
    .map((map) => ({ ...map })),
  sudo: fc.boolean(),
  wrapTtl: fc.constantFrom(0, 0, 0, 59, 60, 300, 601),
});

function toJsonText(plain: PlainPolicy): string {
  const members = plain.rules.map((one) => {
    const { path: at, capabilities: list, allowed, denied, required } = one;
    const body = {
      min_wrapping_ttl: one.minWrapping,
      max_wrapping_ttl: one.maxWrapping,
      capabilities: list,
      allowed_parameters: allowed,
      denied_parameters: denied,
      required_parameters: required,
    };
    return `${JSON.stringify(at)}: ${JSON.stringify(body)}`;
  });
  return `{"path": {${members.join(', ')}}}`;
}

/** HCL has no null, so rules that hold one are only written as JSON. */
function toHclText(plain: PlainPolicy): string {
  const map = (values: Readonly<Record<string, readonly JsonValue[]>>) =>
    `{ ${Object.entries(values)
      .map(([name, list]) => `"${name}" = ${JSON.stringify(list)}`)
      .join('\n')} }`;
  return plain.rules
    .map(({ path: at, capabilities: list, allowed, denied, required, minWrapping, maxWrapping }) =>
      [
        `path "/${at}" { # rule`,
        `capabilities = [${list.map((word) => `"${word}", `).join('')}]`,
        allowed === undefined ? '' : `allowed_parameters = ${map(allowed)}`,
        denied === undefined ? '' : `denied_parameters ${map(denied)}`,
        required === undefined ? '' : `required_parameters = ${JSON.stringify(required)}`,
        minWrapping === undefined ? '' : `min_wrapping_ttl = "${minWrapping}s"`,
        maxWrapping === undefined ? '' : `max_wrapping_ttl = ${maxWrapping}`,
        '}',
      ].join('\n'),
    )
    .join('\n');
}

function compilePlain(plain: readonly PlainPolicy[], json: boolean): Acl {
  return compileAcl(
    plain.map((policy) => {
      const text = toJsonText(policy);
      return parsePolicy(policy.name, json || text.includes('null') ? text : toHclText(policy));
    }),
  );
}

function verdictOf(decision: Decision): Verdict {
  const verdict = decision.kind === 'deny' ? decision.reason : decision.kind;
  const reference = decision.rule;
  if (reference === undefined || reference.policies.length === 0) return { verdict };
  return { verdict, pattern: reference.pattern, policies: reference.policies };
}

describe('the compiled matcher', () => {
  test('threat 11: deny/glob precedence — decides as the slow, obvious evaluator does', {
    timeout: 180_000,
  }, () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(
        policies,
        fc.array(request, { minLength: 4, maxLength: 4 }),
        fc.boolean(),
        (plain, requests, json) => {
          const acl = compilePlain(plain, json);
          for (const one of requests) {
            const wanted = plainDecide(plain, one);
            seen.set(wanted.verdict, (seen.get(wanted.verdict) ?? 0) + 1);
            const decision = acl.decide({
              ...one,
              path: parseApiPath(one.path),
              operation: one.operation as Operation,
            });
            expect(verdictOf(decision)).toEqual(wanted);
            expect(acl.capabilities(parseApiPath(one.path))).toEqual(plainCapabilities(plain, one.path));
          }
        },
      ),
      { numRuns: 20_000 },
    );
    // The generators reach every kind of answer often enough to mean something.
    for (const verdict of ['allow', 'no-rule', 'deny-rule', 'capability', 'sudo', 'wrapping', 'parameter']) {
      expect(seen.get(verdict) ?? 0, verdict).toBeGreaterThan(300);
    }
  });

  test('merges the constraints of one pattern as the obvious evaluator does', { timeout: 120_000 }, () => {
    const refused = new Map<string, number>();
    const onePath = fc.array(fc.array(rule, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(onePath, request, fc.boolean(), (lists, one, json) => {
        const plain = lists.map((rules, index) => ({
          name: `p${index}`,
          rules: rules.map((each) => ({ ...each, path: 'a', capabilities: ['read', 'create', 'list'] })),
        }));
        const asked = {
          ...one,
          path: 'a',
          operation: one.operation === 'list' ? 'list' : 'read',
          sudo: false,
        };
        const wanted = plainDecide(plain, asked);
        refused.set(wanted.verdict, (refused.get(wanted.verdict) ?? 0) + 1);
        const decision = compilePlain(plain, json).decide({
          ...asked,
          path: parseApiPath(asked.path),
          operation: asked.operation as Operation,
        });
        expect(verdictOf(decision)).toEqual(wanted);
      }),
      { numRuns: 10_000 },
    );
    expect(refused.get('allow') ?? 0).toBeGreaterThan(500);
    expect(refused.get('parameter') ?? 0).toBeGreaterThan(500);
    expect(refused.get('wrapping') ?? 0).toBeGreaterThan(500);
  });

  test('ranks patterns that all have wildcards in the same place as the obvious evaluator does', {
    timeout: 120_000,
  }, () => {
    const tight = fc
      .tuple(
        fc.array(fc.constantFrom('+', 'a', 'ab'), { minLength: 2, maxLength: 2 }),
        fc.constantFrom('', '', '*', '/*'),
      )
      .map(([segments, end]) => `+/${segments.join('/')}${end}`)
      .filter((text) => !text.includes('+*'));
    const asked = fc
      .array(fc.constantFrom('a', 'ab', 'abc'), { minLength: 3, maxLength: 4 })
      .map((list) => list.join('/'));
    fc.assert(
      fc.property(fc.uniqueArray(tight, { minLength: 2, maxLength: 8 }), asked, (patterns, at) => {
        const plain = [{ name: 'p', rules: patterns.map((one) => ({ path: one, capabilities: ['read'] })) }];
        const wanted = plainDecide(plain, { path: at, operation: 'read', data: {}, sudo: false });
        const decision = compilePlain(plain, true).decide({
          path: parseApiPath(at),
          operation: 'read',
          data: {},
          sudo: false,
        });
        expect(verdictOf(decision)).toEqual(wanted);
      }),
      { numRuns: 10_000 },
    );
  });

  test('reaches a folder exactly if some path below it is granted something', { timeout: 120_000 }, () => {
    const small = fc.array(
      fc.record({
        path: fc
          .tuple(
            fc.array(fc.constantFrom('a', 'b', '+'), { maxLength: 2 }),
            fc.constantFrom('', '/', '*', '/*', '/+', '/b*'),
          )
          .map(([segments, end]) => (segments.join('/') + end).replace(/^\/+/, ''))
          .filter((text) => !text.includes('+*')),
        capabilities: fc.constantFrom(['deny'], ['deny'], [], ['read'], ['list'], ['scan'], ['sudo']),
      }),
      { minLength: 1, maxLength: 7 },
    );
    const folders = ['', 'a/', 'a/b/', 'c/'];
    const answers = new Map<boolean, number>();
    fc.assert(
      fc.property(small, fc.constantFrom(...folders), (rules, folder) => {
        const plain = [{ name: 'p', rules }];
        const wanted = grantedSomewhere(plain, folder);
        answers.set(wanted, (answers.get(wanted) ?? 0) + 1);
        expect(compilePlain(plain, true).reaches(folder)).toBe(wanted);
      }),
      { numRuns: 3_000 },
    );
    expect(Math.min(answers.get(true) ?? 0, answers.get(false) ?? 0)).toBeGreaterThan(200);
  });
});

/** Tries every path of up to four segments; `c` and `bc` stand for all that no pattern of the test names. */
function grantedSomewhere(plain: readonly PlainPolicy[], folder: string): boolean {
  const operations = ['read', 'update', 'list', 'scan'];
  let paths = [''];
  const all = new Set<string>(['']);
  for (let depth = 0; depth < 4; depth++) {
    paths = paths.flatMap((start) =>
      ['a', 'b', 'c', 'bc'].map((one) => (start === '' ? one : `${start}/${one}`)),
    );
    for (const one of paths) all.add(one).add(`${one}/`);
  }
  return [...all]
    .filter((one) => one.startsWith(folder))
    .some((one) =>
      operations.some((operation) => {
        const { verdict, pattern } = plainDecide(plain, { path: one, operation, data: {}, sudo: false });
        if (verdict === 'allow') return true;
        // Sudo alone grants something too, though no operation by itself.
        if (verdict !== 'capability' || operation === 'list' || operation === 'scan') return false;
        return plain.some(({ rules }) =>
          rules.some((rule) => rule.path === pattern && rule.capabilities.length > 0),
        );
      }),
    );
}
