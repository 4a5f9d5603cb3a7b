import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../json.ts';
import { parseApiPath } from '../path.ts';
import type { Operation } from '../request.ts';
import type { Acl, Decision } from './acl.ts';
import { defaultPolicyText } from './builtin.ts';
import { compileAcl, rootAcl } from './compile.ts';
import { parsePolicy } from './policy.ts';

/** One policy a text, named p0, p1, … */
function aclOf(...texts: readonly string[]): Acl {
  return compileAcl(texts.map((text, index) => parsePolicy(`p${index}`, text)));
}

/** A rule that grants only reading, for tests of which rule decides. */
function aclOfPaths(...paths: readonly string[]): Acl {
  return aclOf(paths.map((path) => `path "${path}" { capabilities = ["read", "list", "scan"] }`).join('\n'));
}

interface Asked {
  readonly data?: JsonObject;
  readonly sudo?: boolean;
}

function decide(
  acl: Acl,
  operation: Operation,
  path: string,
  { data = {}, sudo = false }: Asked = {},
): Decision {
  return acl.decide({ path: parseApiPath(path), operation, data, sudo });
}

/** `allow`, or the reason of the denial. */
function answer(acl: Acl, operation: Operation, path: string, asked?: Asked): string {
  const decision = decide(acl, operation, path, asked);
  return decision.kind === 'deny' ? decision.reason : decision.kind;
}

/** The pattern that decided. */
function decider(acl: Acl, path: string, operation: Operation = 'read'): string | undefined {
  return decide(acl, operation, path).rule?.pattern;
}

describe('which rule decides', () => {
  test('a prefix matches what begins like it, not the folder’s bare name', () => {
    const acl = aclOfPaths('secret/*');
    for (const path of ['secret/a', 'secret/a/b', 'secret/', 'secret/*', 'secret/+'])
      expect(decider(acl, path)).toBe('secret/*');
    for (const path of ['secret', 'secrets/a', 'Secret/a', 'a/secret/b'])
      expect(decider(acl, path)).toBeUndefined();
    expect(decider(aclOfPaths('*'), 'anything/at/all')).toBe('*');
  });

  test('+ is exactly one segment, anywhere', () => {
    const acl = aclOfPaths('secret/+/db', '+/x', 'a/+/b*', 'c/+');
    expect(decider(acl, 'secret/team/db')).toBe('secret/+/db');
    expect(decider(acl, 'secret/db')).toBeUndefined();
    expect(decider(acl, 'secret/a/b/db')).toBeUndefined();
    expect(decider(acl, 'secret/team/db/')).toBeUndefined();
    expect(decider(acl, 'anything/x')).toBe('+/x');
    expect(decider(acl, 'x')).toBeUndefined();
    expect(decider(acl, 'a/1/b')).toBe('a/+/b*');
    expect(decider(acl, 'a/1/bc/d/e')).toBe('a/+/b*');
    expect(decider(acl, 'a/1/c')).toBeUndefined();
    expect(decider(acl, 'c/d')).toBe('c/+');
    expect(decider(acl, 'c')).toBeUndefined();
  });

  test('a folder’s last, empty segment is a segment', () => {
    const acl = aclOfPaths('secret/+', 'kv/+/*');
    expect(decider(acl, 'secret/', 'list')).toBe('secret/+');
    expect(decider(acl, 'kv/a/', 'list')).toBe('kv/+/*');
    expect(decider(acl, 'kv/a')).toBeUndefined();
  });

  test('wildcards elsewhere are literal', () => {
    const acl = aclOfPaths('a*b', 'a/b+', 'a/*/c');
    expect(decider(acl, 'a*b')).toBe('a*b');
    expect(decider(acl, 'axb')).toBeUndefined();
    expect(decider(acl, 'a/b+')).toBe('a/b+');
    expect(decider(acl, 'a/bc')).toBeUndefined();
    expect(decider(acl, 'a/x/c')).toBeUndefined();
  });

  test('an exact pattern comes before all others', () => {
    const acl = aclOfPaths('a/b', 'a/b*', 'a/+', '+/b', '*');
    expect(decider(acl, 'a/b')).toBe('a/b');
    expect(decider(acl, 'a/bc')).toBe('a/b*');
  });

  test('for list and scan, an exact pattern without the trailing slash comes before wildcards', () => {
    const acl = aclOfPaths('a/b', 'a/b/*', 'a/c', 'a/c/');
    expect(decider(acl, 'a/b/', 'list')).toBe('a/b');
    expect(decider(acl, 'a/b/', 'scan')).toBe('a/b');
    expect(decider(acl, 'a/b/', 'read')).toBe('a/b/*');
    expect(decider(acl, 'a/c/', 'list')).toBe('a/c/');
  });

  test.each([
    ['later first wildcard', 'a/b/c', 'a/b*', 'a/+/c'],
    ['later first wildcard', 'a/b/c', 'a/b/+', 'a/+/c'],
    ['later first wildcard, the prefix entering with its length', 'a/bc', 'a/b*', 'a/+'],
    ['no trailing star', 'a/b', 'a/+', 'a/*'],
    ['no trailing star', 'a/b/c', 'a/+/c', 'a/+/c*'],
    ['fewer +', 'a/b/c', 'a/+/c', 'a/+/+'],
    ['fewer +, both open', 'a/b/cd', 'a/*', 'a/+/*'],
    ['longer', 'x/a/ab', '+/+/ab', '+/a/+'],
    ['longer, both open', 'x/a/ab', '+/a/ab*', '+/a/a*'],
    ['lexically greater', 'x/a/b', '+/a/+', '+/+/b'],
    ['longer in bytes, as UTF-8 has them', 'x/aaa/éé', '+/+/éé', '+/aaa/+'],
  ])('%s wins: for %s, %s beats %s', (_, path, winner, loser) => {
    expect(decider(aclOfPaths(winner, loser), path)).toBe(winner);
    expect(decider(aclOfPaths(loser, winner), path)).toBe(winner);
  });

  test('the longest prefix alone enters the contest', () => {
    const acl = aclOfPaths('*', 'a*', 'a/*', 'a/b*', 'a/bc*', 'a/bd*', 'b*');
    expect(decider(acl, 'a/b')).toBe('a/b*');
    expect(decider(acl, 'a/bcd')).toBe('a/bc*');
    expect(decider(acl, 'a/be')).toBe('a/b*');
    expect(decider(acl, 'a/')).toBe('a/*');
    expect(decider(acl, 'ab')).toBe('a*');
    expect(decider(acl, 'c')).toBe('*');
  });

  test('for list of x/ that nothing matches, a rule for x decides; for nothing else', () => {
    const acl = aclOfPaths('a/+/c', 'b*');
    expect(decider(acl, 'a/x/c/', 'list')).toBe('a/+/c');
    expect(decider(acl, 'a/x/c/', 'scan')).toBeUndefined();
    expect(decider(acl, 'a/x/c/', 'read')).toBeUndefined();
    expect(decider(aclOfPaths('a/b*', 'a/b/*'), 'a/b/', 'list')).toBe('a/b/*');
  });

  test('threat 11: LIST does not skip a deny on what is below the folder', () => {
    const acl = aclOf(
      'path "kv/metadata/*" { policy = "read" }\npath "kv/metadata/private/*" { policy = "deny" }',
    );
    expect(answer(acl, 'list', 'kv/metadata/private/')).toBe('deny-rule');
    expect(answer(acl, 'scan', 'kv/metadata/private/')).toBe('deny-rule');
    expect(answer(acl, 'list', 'kv/metadata/private/a/')).toBe('deny-rule');
    expect(answer(acl, 'list', 'kv/metadata/public/')).toBe('allow');
  });

  test('no match is a denial, and help needs no rule', () => {
    const acl = compileAcl([]);
    expect(decide(acl, 'read', 'a')).toEqual({ kind: 'deny', reason: 'no-rule' });
    expect(answer(acl, 'help', 'a')).toBe('allow');
    expect(answer(aclOf('path "*" { policy = "deny" }'), 'help', 'sys/raw', { sudo: true })).toBe('allow');
    expect(answer(aclOf('path "*" { policy = "sudo" }'), 'header', 'a')).toBe('capability');
  });

  test('names the pattern and every policy that holds it', () => {
    const acl = aclOf(
      'path "a/*" { policy = "read" }',
      'path "b" {}',
      'path "/a/*" { capabilities = ["update"] }',
    );
    expect(decide(acl, 'read', 'a/b')).toEqual({
      kind: 'allow',
      rule: { pattern: 'a/*', policies: ['p0', 'p2'] },
    });
    expect(decide(acl, 'delete', 'a/b')).toEqual({
      kind: 'deny',
      reason: 'capability',
      rule: { pattern: 'a/*', policies: ['p0', 'p2'] },
    });
  });
});

describe('capabilities', () => {
  const operations = ['read', 'list', 'scan', 'create', 'update', 'patch', 'delete'] as const;

  test.each(operations)('%s needs its own capability and no other', (operation) => {
    const others = operations.filter((one) => one !== operation);
    expect(answer(aclOf(`path "a" { capabilities = ["${operation}"] }`), operation, 'a')).toBe('allow');
    expect(
      answer(aclOf(`path "a" { capabilities = ${JSON.stringify([...others, 'sudo'])} }`), operation, 'a'),
    ).toBe('capability');
  });

  test('a protected path needs sudo besides the capability', () => {
    expect(answer(aclOf('path "a" { capabilities = ["read"] }'), 'read', 'a', { sudo: true })).toBe('sudo');
    expect(answer(aclOf('path "a" { capabilities = ["sudo"] }'), 'read', 'a', { sudo: true })).toBe(
      'capability',
    );
    expect(answer(aclOf('path "a" { capabilities = ["sudo", "read"] }'), 'read', 'a', { sudo: true })).toBe(
      'allow',
    );
  });

  test('of identical patterns are united, and deny from any side leaves only deny', () => {
    const read = 'path "a/*" { capabilities = ["read"] }';
    const update = 'path "a/*" { capabilities = ["update"] }';
    const deny = 'path "a/*" { capabilities = ["deny"] }';
    const both = aclOf(read, update);
    expect(answer(both, 'read', 'a/b')).toBe('allow');
    expect(answer(both, 'update', 'a/b')).toBe('allow');
    for (const texts of [
      [deny, read, update],
      [read, deny, update],
      [read, update, deny],
    ]) {
      expect(answer(aclOf(...texts), 'read', 'a/b')).toBe('deny-rule');
    }
  });

  test('a broader deny does not reach a more specific rule, nor the other way round', () => {
    const acl = aclOf(
      'path "a/*" { policy = "deny" }',
      'path "a/b" { policy = "read" }',
      'path "a/b/*" { capabilities = ["list"] }',
    );
    expect(answer(acl, 'read', 'a/b')).toBe('allow');
    expect(answer(acl, 'read', 'a/c')).toBe('deny-rule');
    expect(answer(acl, 'read', 'a/b/c')).toBe('capability');
  });

  test('are shown in a fixed order, deny for nothing, root for root', () => {
    const acl = aclOf(
      'path "a" { capabilities = ["scan", "patch", "create", "delete", "update", "list", "read", "sudo"] }\n' +
        'path "b" { policy = "deny" }\npath "c" {}\npath "d/+" { capabilities = ["list"] }',
    );
    const shown = (path: string) => acl.capabilities(parseApiPath(path));
    expect(shown('a')).toEqual(['sudo', 'read', 'list', 'update', 'delete', 'create', 'patch', 'scan']);
    for (const path of ['b', 'c', 'none']) expect(shown(path)).toEqual(['deny']);
    expect(shown('a/')).toEqual(shown('a'));
    expect(shown('d/x/')).toEqual(['list']);
    expect(rootAcl.capabilities(parseApiPath('a'))).toEqual(['root']);
  });

  test('root may do everything, and says so', () => {
    const decision = rootAcl.decide({
      path: parseApiPath('sys/raw/x'),
      operation: 'delete',
      data: { a: 1 },
      sudo: true,
    });
    expect(decision).toEqual({ kind: 'allow', rule: { pattern: '*', policies: ['root'] } });
    expect(rootAcl.reaches('anything/')).toBe(true);
  });

  test('the default policy lets a token look itself up and use its cubbyhole only', () => {
    const acl = compileAcl([parsePolicy('default', defaultPolicyText)]);
    expect(answer(acl, 'read', 'auth/token/lookup-self')).toBe('allow');
    expect(answer(acl, 'update', 'auth/token/lookup-self')).toBe('capability');
    expect(answer(acl, 'create', 'cubbyhole/x')).toBe('allow');
    expect(answer(acl, 'read', 'secret/x')).toBe('no-rule');
    expect(answer(acl, 'read', 'auth/token/lookup')).toBe('no-rule');
    expect(acl.reaches('cubbyhole/')).toBe(true);
    expect(acl.reaches('secret/')).toBe(false);
  });
});

describe('parameters', () => {
  function aclWith(...constraints: readonly string[]): Acl {
    const all = '["create", "read", "update", "patch", "delete", "list", "scan"]';
    return aclOf(...constraints.map((one) => `path "a" { capabilities = ${all}\n ${one} }`));
  }
  /** `allow`, or the name of the parameter that was refused. */
  function refused(acl: Acl, data: JsonObject, operation: Operation = 'update'): string {
    const decision = decide(acl, operation, 'a', { data });
    if (decision.kind !== 'deny') return decision.kind;
    expect(decision.reason).toBe('parameter');
    return decision.parameter ?? '';
  }

  test('are checked on read, create, update and patch', () => {
    const acl = aclWith('denied_parameters = { x = [] }');
    for (const one of ['read', 'create', 'update', 'patch'] as const)
      expect(refused(acl, { x: 1 }, one)).toBe('x');
    for (const one of ['delete', 'list', 'scan'] as const) expect(refused(acl, { x: 1 }, one)).toBe('allow');
  });

  test('required ones must each be present, and no data at all then passes', () => {
    const acl = aclWith('required_parameters = ["x", "Y"]');
    expect(refused(acl, {})).toBe('x');
    expect(refused(acl, { x: null })).toBe('Y');
    expect(refused(acl, { x: 1, y: 1, z: 1 })).toBe('allow');
    expect(refused(acl, { x: 1, Y: 1 })).toBe('allow');
    // No endpoint reads its field x from X.
    expect(refused(acl, { X: 1, y: 1 })).toBe('x');
    expect(refused(aclWith('required_parameters = ["__proto__"]'), {})).toBe('__proto__');
    expect(refused(aclWith('required_parameters = ["toString"]'), {})).toBe('toString');
    expect(refused(aclWith('denied_parameters = { "*" = [] }\n allowed_parameters = { y = [1] }'), {})).toBe(
      'allow',
    );
  });

  test('denied ones: any data, any value, or some values', () => {
    expect(refused(aclWith('denied_parameters = { "*" = [] }'), { anything: 1 })).toBe('anything');
    expect(refused(aclWith('denied_parameters = { "*" = ["v"] }'), { anything: 1 })).toBe('anything');
    const acl = aclWith('denied_parameters = { x = [], Y = ["v*", 1, true] }');
    expect(refused(acl, { X: null })).toBe('X');
    for (const value of ['v', 'vw', 1, true]) expect(refused(acl, { y: value })).toBe('y');
    for (const value of ['w', 2, false, null]) expect(refused(acl, { y: value })).toBe('allow');
    expect(refused(acl, { z: 1, y: 'v' })).toBe('y');
  });

  test('allowed ones: each sent parameter is listed with its value, unless * is listed', () => {
    const acl = aclWith('allowed_parameters = { x = [], Y = ["v*", 1] }');
    expect(refused(acl, { x: { any: 'thing' }, y: 'vw' })).toBe('allow');
    expect(refused(acl, { X: 1, Y: 1 })).toBe('allow');
    expect(refused(acl, { x: 1, z: 1 })).toBe('z');
    expect(refused(acl, { y: 'w' })).toBe('y');
    const open = aclWith('allowed_parameters = { "*" = [], y = ["v"] }');
    expect(refused(open, { z: 1, y: 'v' })).toBe('allow');
    expect(refused(open, { z: 1, y: 'w' })).toBe('y');
  });

  test('denied comes before allowed', () => {
    const acl = aclWith('allowed_parameters = { x = [] }\n denied_parameters = { x = ["v"] }');
    expect(refused(acl, { x: 'w' })).toBe('allow');
    expect(refused(acl, { x: 'v' })).toBe('x');
  });

  test('values are compared as they are, lists and objects whole', () => {
    const acl = aclWith('allowed_parameters = { x = [1, "2", [1, "a"], { k = [true] }] }');
    for (const value of [1, '2', [1, 'a'], { k: [true] }]) expect(refused(acl, { x: value })).toBe('allow');
    for (const value of [
      '1',
      2,
      [1],
      ['a', 1],
      [1, 'a', 1],
      { k: [false] },
      { k: [true], l: 1 },
      {},
      [],
      null,
      { length: 2 },
    ]) {
      expect(refused(acl, { x: value }), JSON.stringify(value)).toBe('x');
    }
    const never = aclOf('{"path": {"a": {"capabilities": ["update"], "denied_parameters": {"x": [null]}}}}');
    expect(refused(never, { x: null })).toBe('x');
  });

  test('of identical patterns: names united, lists appended, an empty list wins', () => {
    const lists = aclWith('allowed_parameters = { x = [1] }', 'allowed_parameters = { X = [2], y = [3] }');
    for (const value of [1, 2]) expect(refused(lists, { x: value, y: 3 })).toBe('allow');
    expect(refused(lists, { x: 3 })).toBe('x');
    for (const texts of [
      ['{ x = [] }', '{ x = [1] }'],
      ['{ x = [1] }', '{ x = [] }'],
    ]) {
      expect(refused(aclWith(...texts.map((one) => `allowed_parameters = ${one}`)), { x: 9 })).toBe('allow');
      expect(refused(aclWith(...texts.map((one) => `denied_parameters = ${one}`)), { x: 9 })).toBe('x');
    }
    const required = aclWith('required_parameters = ["x"]', 'required_parameters = ["y", "x"]');
    expect(refused(required, { x: 1 })).toBe('y');
    expect(refused(required, { x: 1, y: 1 })).toBe('allow');
  });

  test('a fields object cannot hide a field behind its prototype', () => {
    const acl = aclWith('denied_parameters = { "__proto__" = [] }');
    const data = JSON.parse('{"__proto__": 1}') as JsonObject;
    expect(refused(acl, data)).toBe('__proto__');
    expect(refused(aclWith('allowed_parameters = { x = [] }'), data)).toBe('__proto__');
  });
});

describe('reaches', () => {
  test.each([
    ['secret/a', true],
    ['secret/a/b*', true],
    ['secret/*', true],
    ['*', true],
    ['sec*', true],
    ['+/a', true],
    ['+/+/*', true],
    ['secret', true],
    ['other/*', false],
    ['other/+', false],
    ['secrets/*', false],
    ['+', true],
  ])('with only %s granted, secret/ is reached: %s', (path, reached) => {
    expect(aclOfPaths(path).reaches('secret/')).toBe(reached);
  });

  test('does not count what a more specific denial takes away everywhere', () => {
    const broad = 'path "*" { policy = "sudo" }';
    expect(aclOf(broad, 'path "secret/*" { policy = "deny" }').reaches('secret/')).toBe(false);
    expect(aclOf(broad, 'path "secret/*" { policy = "deny" }', 'path "secret/a" {}').reaches('secret/')).toBe(
      false,
    );
    expect(
      aclOf(broad, 'path "secret/*" { policy = "deny" }', 'path "secret/+/a" { policy = "read" }').reaches(
        'secret/',
      ),
    ).toBe(true);
    expect(aclOf(broad, 'path "secret/+/*" { policy = "deny" }').reaches('secret/')).toBe(true);
    expect(
      aclOf(broad, 'path "secret/+/*" { policy = "deny" }\npath "secret/+" { policy = "deny" }').reaches(
        'secret/',
      ),
    ).toBe(false);
    expect(
      aclOf(
        'path "+/b*" { policy = "read" }',
        'path "a/+/*" { policy = "deny" }',
        'path "a/b" { policy = "deny" }',
      ).reaches('a/'),
    ).toBe(true);
  });
});

describe('threat 12: path canonicalisation', () => {
  test('a decision is about the very path that is used: no folding, no decoding, no trimming', () => {
    const acl = aclOf(
      'path "secret/public/*" { policy = "read" }\npath "secret/Private" { policy = "deny" }',
    );
    for (const path of ['secret/PUBLIC/a', 'secret/public', 'secret/%70ublic/a', 'secret/ public/a']) {
      expect(answer(acl, 'read', path), path).toBe('no-rule');
    }
    expect(() => parseApiPath('secret/public/../private')).toThrow('segment');
  });
});

describe('threat 15: hostile policies and paths', () => {
  test('every combination of + and a letter in twelve segments, against a path that matches all but the end', () => {
    const rules = Array.from({ length: 4_096 }, (_, index) => {
      const bits = index.toString(2).padStart(12, '0');
      return `path "${Array.from(bits, (bit) => (bit === '0' ? 'a' : '+')).join('/')}/z" { policy = "read" }`;
    });
    const acl = aclOf(rules.join('\n'));
    const start = 'a/'.repeat(12);
    expect(decider(acl, `${start}y`)).toBeUndefined();
    expect(decider(acl, `${start}z`)).toBe(`${start}z`);
    expect(decider(acl, `b/${'a/'.repeat(11)}z`)).toBe(`+/${'a/'.repeat(11)}z`);
  });

  test('the longest patterns and paths there are', () => {
    const lengths = Array.from({ length: 349 }, (_, index) => index + 1);
    const rule = (path: string) => `path "${path}" { policy = "read" }`;
    const acl = aclOf(
      lengths.map((length) => rule(`${'+/'.repeat(length)}*`)).join('\n'),
      lengths.map((length) => rule(`${'a'.repeat(length)}*`)).join('\n'),
    );
    expect(decider(acl, 'a'.repeat(700))).toBe(`${'a'.repeat(349)}*`);
    expect(decider(acl, `${'b/'.repeat(349)}b`)).toBe('+/*');
    expect(acl.reaches('b/')).toBe(true);
  });

  test('thousands of constraints of one pattern', () => {
    const rule = 'path "a" { policy = "write", denied_parameters { x = [1] } }\n';
    const acl = aclOf(rule.repeat(4_000), rule.repeat(4_000));
    expect(answer(acl, 'read', 'a', { data: { x: 1 } })).toBe('parameter');
    expect(answer(acl, 'read', 'a', { data: { x: 2 } })).toBe('allow');
  });
});
