import { describe, expect, test } from 'vitest';
import { CofferError } from '../../errors.ts';
import { defaultPolicyText, responseWrappingPolicyText } from './builtin.ts';
import { capabilitiesOf } from './capability.ts';
import { type Policy, parsePolicy } from './policy.ts';

/** Pattern to capabilities, of the only policy. */
function granted(policy: Policy): Record<string, readonly string[]> {
  return Object.fromEntries(
    policy.rules.map((rule) => [rule.pattern.text, capabilitiesOf(rule.capabilities)]),
  );
}

function refusal(text: string, name = 'dev'): string {
  try {
    parsePolicy(name, text);
  } catch (error) {
    if (error instanceof CofferError && error.code === 'invalid_request') return error.message;
    throw error;
  }
  throw new Error('was accepted');
}

/** The refusal of a rule with this one line in its body. */
function bodyRefusal(line: string): string {
  return refusal(`path "secret/*" {\n  ${line}\n}`);
}

describe('a policy', () => {
  test('is HCL or JSON, with path and name at the top', () => {
    expect(
      granted(parsePolicy('dev', 'name = "other"\npath "secret/*" { capabilities = ["read", "list"] }')),
    ).toEqual({
      'secret/*': ['read', 'list'],
    });
    expect(
      granted(parsePolicy('dev', '{"name": "x", "path": {"a": {"capabilities": ["update"]}, "b": {}}}')),
    ).toEqual({
      a: ['update'],
      b: ['deny'],
    });
    expect(
      granted(
        parsePolicy('dev', '{"path": [{"a": {"capabilities": ["read"]}}, {"b": [{"policy": "deny"}]}]}'),
      ),
    ).toEqual({
      a: ['read'],
      b: ['deny'],
    });
    expect(parsePolicy('Dev', 'path "a" {}').name).toBe('dev');
    expect(parsePolicy('dev', '# nothing yet').rules).toEqual([]);
  });

  test('is taken as hvac posts it, and its text kept byte for byte', () => {
    const old =
      '\n        path "sys" {\n            policy = "deny"\n        }\n        path "secret" { policy = "write" }\r\n';
    const policy = parsePolicy('old', old);
    expect(policy.text).toBe(old);
    expect(granted(policy)).toEqual({
      sys: ['deny'],
      secret: ['read', 'list', 'update', 'delete', 'create'],
    });
    const json = '{"path": {"sys": {"policy": "deny"}, "secret": {"policy": "write"}}}';
    expect(parsePolicy('old', json).text).toBe(json);
    expect(granted(parsePolicy('old', json))).toEqual(granted(policy));
  });

  test('is decoded first when it is base64', () => {
    const text = 'path "sécret/*" { policy = "read" }';
    const encoded = Buffer.from(text).toString('base64');
    expect(parsePolicy('dev', encoded).text).toBe(text);
    expect(parsePolicy('dev', `${encoded.replace(/(.{20})/g, '$1\r\n')}\n`).text).toBe(text);
    expect(granted(parsePolicy('dev', encoded))).toEqual({ 'sécret/*': ['read', 'list'] });
  });

  test('is not mistaken for base64 when it only looks like it', () => {
    // Bytes that are no text: read as what it is, which is then no policy.
    for (const text of ['name', 'path', 'AAAA', 'abc=', 'a===']) {
      expect(refusal(text), text).toMatch(/line 1/);
    }
    // A comment of nothing but base64's digits. Its first byte would be 0xff, which no UTF-8 text has.
    for (const text of ['//comments12', '////'])
      expect(parsePolicy('dev', text)).toMatchObject({ text, rules: [] });
    expect(refusal(Buffer.from('path "a" { policy = "root" }').toString('base64'))).toContain(
      'policy is one of',
    );
    // Too long once decoded.
    expect(refusal(Buffer.from('#'.repeat(300 * 1024)).toString('base64'))).toContain('longer than');
  });

  test('is refused when empty, too long or for root', () => {
    for (const text of ['', ' \n\t']) expect(refusal(text)).toBe('policy "dev" is empty');
    expect(refusal(`# ${'x'.repeat(300 * 1024)}`)).toContain('the text is longer than 262144 bytes');
    expect(refusal('path "a" {}', 'ROOT')).toContain('has no text');
    expect(refusal('path "a" {}', 'a b')).toContain('is not a policy');
  });

  test('does not grow beyond 10,000 rules', () => {
    const rules = (count: number) => '"a"{}'.repeat(count);
    expect(parsePolicy('dev', `path = {${rules(10_000)}}`).rules).toHaveLength(1);
    expect(refusal(`path = {\n${rules(10_001)}}`)).toContain('line 2: more than 10000 rules');
  });

  test('lists all its problems, each with its line', () => {
    const text = `path "a" {
  capabilities = ["read", "wirte"]
  ttl = 5
}
paths "b" { }
path "c/+*" { policy = "none" }
path "d" { mfa_methods = ["x"], control_group = { } }`;
    const message = refusal(text).split('\n');
    expect(message).toEqual([
      'policy "dev" is refused:',
      'line 2, column 27: path "a": unknown capability "wirte"; known are sudo, read, list, update, delete, create, patch, scan, deny',
      'line 3, column 3: path "a": unknown key "ttl"; known are capabilities, policy, allowed_parameters, denied_parameters, required_parameters, min_wrapping_ttl, max_wrapping_ttl, approval, control_group, comment',
      'line 5, column 1: unknown key "paths"; a policy has "path" and "name"',
      'line 6, column 6: path "c/+*": "+*" is not a wildcard; use "+" for one segment or "*" for any rest',
      'line 7, column 12: path "d": "mfa_methods" is not supported, and a rule is not taken without what it asks for',
      'line 7, column 49: path "d": control_group has no factor: say who approves, as in factor "name" { identity { … } }',
    ]);
  });

  test('lists no more than twenty problems, and counts the rest', () => {
    const message = refusal('path "a" { policy = "x" }\n'.repeat(500));
    expect(message.split('\n')).toHaveLength(22);
    expect(message).toMatch(/and 480 more$/);
  });

  test('a key or capability that is not enforced is refused when the policy is written', () => {
    const keys = [
      'mfa_methods = ["m"]',
      'expiration = "2030-01-01T00:00:00Z"',
      'pagination_limit = 10',
      'list_scan_response_keys_filter_path = "{{ .key }}"',
      'subscribe_event_types = ["*"]',
    ];
    for (const line of keys) {
      const key = line.split(' ')[0];
      expect(bodyRefusal(line)).toContain(`line 2, column 3: path "secret/*": "${key}" is not supported`);
      const json = `{"path": {"p": {"capabilities": ["read"], "${key}": 1}}}`;
      expect(refusal(json)).toContain(`path "p": "${key}" is not supported`);
    }
    expect(bodyRefusal('capabilities = ["recover"]')).toContain('capability "recover" is not supported');
    expect(bodyRefusal('capabilities = ["read", "subscribe"]')).toContain(
      'capability "subscribe" is not supported',
    );
    expect(bodyRefusal('anything = 1')).toContain('unknown key "anything"');
    expect(bodyRefusal('__proto__ = 1')).toContain('unknown key "__proto__"');
    expect(bodyRefusal('constructor = 1')).toContain('unknown key "constructor"');
  });
});

describe('a rule', () => {
  test('takes every capability, and deny leaves only deny', () => {
    const all = ['sudo', 'read', 'list', 'update', 'delete', 'create', 'patch', 'scan'];
    const text = (list: readonly string[]) => `path "a" { capabilities = ${JSON.stringify(list)} }`;
    expect(granted(parsePolicy('dev', text(all)))).toEqual({ a: all });
    expect(granted(parsePolicy('dev', text([...all, 'deny'])))).toEqual({ a: ['deny'] });
    expect(granted(parsePolicy('dev', text(['deny', ...all])))).toEqual({ a: ['deny'] });
    expect(granted(parsePolicy('dev', 'path "a" { capabilities = "read" }'))).toEqual({ a: ['read'] });
    for (const word of ['', 'Read', 'READ', 'root', ' read', 'toString', '*', 'read\n']) {
      expect(refusal(text([word])), word).toContain('unknown capability');
    }
    for (const line of [
      'capabilities = [1]',
      'capabilities = { a = 1 }',
      'capabilities = true',
      'capabilities = [["read"]]',
    ]) {
      expect(bodyRefusal(line), line).toContain('capabilities is a list of texts');
    }
  });

  test('takes the old policy words, also beside capabilities', () => {
    const word = (old: string) => granted(parsePolicy('dev', `path "a" { policy = "${old}" }`))['a'];
    expect(word('deny')).toEqual(['deny']);
    expect(word('read')).toEqual(['read', 'list']);
    expect(word('write')).toEqual(['read', 'list', 'update', 'delete', 'create']);
    expect(word('sudo')).toEqual(['sudo', 'read', 'list', 'update', 'delete', 'create']);
    for (const old of ['', 'Deny', 'root', 'list', 'create', 'toString']) {
      expect(refusal(`path "a" { policy = "${old}" }`)).toContain('policy is one of deny, read, write, sudo');
    }
    expect(refusal('path "a" { policy = ["read"] }')).toContain('policy is one of');
    const both = parsePolicy('dev', 'path "a" { policy = "read"\n capabilities = ["patch"] }');
    expect(granted(both)).toEqual({ a: ['read', 'list', 'patch'] });
    expect(granted(parsePolicy('dev', 'path "a" { policy = "deny"\n capabilities = ["patch"] }'))).toEqual({
      a: ['deny'],
    });
  });

  test('takes a comment and nothing twice', () => {
    expect(granted(parsePolicy('dev', 'path "a" { comment = <<X\nwhy\nX\n policy = "read" }'))).toEqual({
      a: ['read', 'list'],
    });
    expect(bodyRefusal('comment = 1')).toContain('comment is a text');
    expect(bodyRefusal('capabilities = ["deny"], capabilities = ["read"]')).toContain(
      '"capabilities" is given twice',
    );
    expect(bodyRefusal('denied_parameters = { a = [], A = [1] }')).toContain('parameter "a" is given twice');
    expect(bodyRefusal('denied_parameters = { a = [{ b = 1, b = 2 }] }')).toContain('"b" is given twice');
  });

  test('takes parameters as names with lists, and no empty allow-list', () => {
    const text =
      'path "a" { allowed_parameters = { "X" = ["v*", 1, true, [1], {k = "v"}], y = [], z = "one" } }';
    expect(parsePolicy('dev', text).rules[0]?.parameters.allowed).toEqual(
      new Map<string, unknown>([
        ['x', ['v*', 1, true, [1], { k: 'v' }]],
        ['y', []],
        ['z', ['one']],
      ]),
    );
    expect(bodyRefusal('allowed_parameters = {}')).toContain('allowed_parameters is empty');
    expect(bodyRefusal('allowed_parameters = ["a"]')).toContain('parameters are given as');
    expect(bodyRefusal('denied_parameters = { a = { b = 1 } }')).toContain(
      'parameter "a" takes a list of values',
    );
    expect(bodyRefusal('required_parameters = [1]')).toContain('required_parameters is a list of texts');
    const plain = parsePolicy('dev', 'path "a" { denied_parameters {}\n required_parameters = ["B"] }')
      .rules[0];
    expect(plain?.parameters).toEqual({ allowed: undefined, denied: new Map(), required: ['B'] });
  });

  test('threat 16: no message repeats a parameter’s value', () => {
    const canary = 'canary-9f8e7d';
    const lines = [
      `allowed_parameters = "${canary}"`,
      `denied_parameters = { a = ["${canary}"], a = ["${canary}"] }`,
      `denied_parameters = { a = { b = "${canary}" } }`,
      `allowed_parameters = { a = ["${canary}" "${canary}"] }`,
      `comment = ["${canary}"]`,
      `policy = "${canary}"`,
    ];
    for (const line of lines) expect(bodyRefusal(line), line).not.toContain(canary);
  });

  test('a block without a pattern, or a pattern without a block, is explained', () => {
    expect(refusal('path { capabilities = ["read"] }')).toContain('path "capabilities": a rule is a block');
    expect(refusal('path = "a"')).toContain('path takes a pattern and a block');
    expect(refusal('path "a" = ["read"]')).toContain('path "a": a rule is a block');
    expect(refusal('path "a" "b" { }')).toContain('unknown key "b"');
    expect(refusal('{"path": [1]}')).toContain('path takes a pattern and a block');
    expect(refusal('name = 1')).toContain('name is a text');
    expect(refusal('[]')).toContain('line 1, column 1');
  });

  test('of a pattern that stands twice in one policy is one rule', () => {
    const text = (one: string, two: string) => `path "a" { ${one} }\npath "/a" { ${two} }`;
    expect(granted(parsePolicy('dev', text('policy = "read"', 'capabilities = ["update"]')))).toEqual({
      a: ['read', 'list', 'update'],
    });
    expect(granted(parsePolicy('dev', text('policy = "deny"', 'policy = "sudo"')))).toEqual({ a: ['deny'] });
    expect(
      granted(parsePolicy('dev', '{"path": {"a": {"policy": "deny"}, "a": {"policy": "write"}}}')),
    ).toEqual({ a: ['deny'] });
  });
});

describe('a pattern', () => {
  function patternOf(path: string) {
    return parsePolicy('dev', `path ${JSON.stringify(path)} {}`).rules[0]?.pattern;
  }

  test('has wildcards only as a whole segment + and a * at the very end', () => {
    expect(patternOf('secret/*')).toMatchObject({
      kind: 'prefix',
      stem: 'secret/',
      open: true,
      firstWildcard: 7,
    });
    expect(patternOf('secret*')).toMatchObject({ kind: 'prefix', stem: 'secret', firstWildcard: 6 });
    expect(patternOf('*')).toMatchObject({ kind: 'prefix', stem: '', firstWildcard: 0 });
    expect(patternOf('secret/+/db')).toMatchObject({
      kind: 'segments',
      open: false,
      firstWildcard: 7,
      anySegments: 1,
    });
    expect(patternOf('+/x')).toMatchObject({ kind: 'segments', firstWildcard: 0, anySegments: 1 });
    expect(patternOf('é/+/+/a*')).toMatchObject({
      kind: 'segments',
      open: true,
      firstWildcard: 3,
      anySegments: 2,
    });
    for (const literal of ['a*b', '*/a', 'a+', '+a/b', 'a/++', 'a/b+c', 'secret', '']) {
      expect(patternOf(literal), literal).toMatchObject({ kind: 'exact', stem: literal, anySegments: 0 });
    }
    expect(patternOf('/secret/x')?.text).toBe('secret/x');
    expect(patternOf('a**')).toMatchObject({ kind: 'prefix', stem: 'a*' });
  });

  test('with +* or a template is refused', () => {
    for (const wrong of ['+*', 'a/+*', 'a+*', 'a/+*/b'])
      expect(refusal(`path "${wrong}" {}`), wrong).toContain('"+*"');
    for (const wrong of [
      'secret/{{identity.entity}}/*',
      '{{',
      'a{{b',
      'a{{b}}',
      'a{{identity.entity.id}}}}',
    ]) {
      expect(refusal(`path "${wrong}" {}`), wrong).toMatch(/template/);
    }
  });

  test('threat 12: path canonicalisation — a pattern that no request can match is refused, not kept', () => {
    const wrong = [
      'a/../b',
      '..',
      '.',
      './a',
      'a/.',
      'a/..',
      'a//b',
      '//a',
      'a\\\\b',
      'a\\nb',
      'a\\u007f',
      'a\\u0085',
      'a\\u2028',
      'a\\u0000',
      'x'.repeat(701),
      `${'é'.repeat(351)}`,
    ];
    for (const path of wrong)
      expect(refusal(`path "${path}" {}`), path).toMatch(
        /line 1, column 6: path ".*": path (contains|is longer)/,
      );
    expect(refusal('path "a\\n\\u009b" {}')).not.toMatch(/[\u0080-\u009f]/);
    expect(patternOf('secret/..hidden/*')?.stem).toBe('secret/..hidden/');
  });
});

describe('built-in texts', () => {
  test('default grants what a token may do with itself, and nothing more', () => {
    const everything = ['read', 'list', 'update', 'delete', 'create'];
    expect(granted(parsePolicy('default', defaultPolicyText))).toEqual({
      'auth/token/lookup-self': ['read'],
      'auth/token/renew-self': ['update'],
      'auth/token/revoke-self': ['update'],
      'sys/capabilities-self': ['update'],
      'sys/internal/ui/resultant-acl': ['read'],
      'sys/policies/explain': ['update'],
      'sys/renew': ['update'],
      'sys/leases/renew': ['update'],
      'sys/secrets/find': ['read', 'update'],
      'sys/secrets/+': ['update'],
      'sys/jobs': ['list'],
      'sys/jobs/+': ['read', 'delete'],
      'sys/leases/lookup': ['update'],
      'cubbyhole/*': everything,
      'sys/wrapping/wrap': ['update'],
      'sys/wrapping/lookup': ['update'],
      'sys/wrapping/unwrap': ['update'],
      'sys/tools/hash': ['update'],
      'sys/tools/hash/*': ['update'],
      'sys/control-group/request': ['update'],
      'sys/approvals': ['list'],
      'sys/approvals/+': ['read', 'delete'],
      'identity/oidc/provider/+/authorize': ['read', 'update'],
    });
  });

  test('response-wrapping may only unwrap', () => {
    expect(granted(parsePolicy('response-wrapping', responseWrappingPolicyText))).toEqual({
      'cubbyhole/response': ['read', 'create'],
      'sys/wrapping/unwrap': ['update'],
    });
  });
});
