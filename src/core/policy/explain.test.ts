import { expect, test } from 'vitest';
import { explainDecision } from './explain.ts';

const rule = { pattern: 'secret/*', policies: ['dev', 'ops'] };

test('says in one line which rule decided, of which policies, and why', () => {
  expect(explainDecision({ kind: 'allow', rule })).toBe('allowed by path "secret/*" of policies dev, ops');
  expect(explainDecision({ kind: 'allow', rule: { pattern: '*', policies: [] } })).toBe(
    'allowed: help needs no rule',
  );
  const from = [
    { kind: 'group', name: 'admins' },
    { kind: 'entity', name: 'ann' },
  ] as const;
  const approval = { ttl: 60, factors: [{ name: '', from, count: 2, capabilities: undefined }] };
  expect(explainDecision({ kind: 'needs-approval', rule, approval })).toBe(
    'needs approval by path "secret/*" of policies dev, ops: 2 of "group/admins", "entity/ann"',
  );
  expect(explainDecision({ kind: 'deny', reason: 'no-rule' })).toBe('denied: no rule matches this path');
  const one = { pattern: 'x', policies: ['dev'] };
  expect(explainDecision({ kind: 'deny', reason: 'deny-rule', rule: one })).toBe(
    'denied: path "x" of policy dev says deny',
  );
  expect(explainDecision({ kind: 'deny', reason: 'capability', rule: one })).toContain(
    'does not grant this operation',
  );
  expect(explainDecision({ kind: 'deny', reason: 'sudo', rule: one })).toContain('needs sudo');
  expect(explainDecision({ kind: 'deny', reason: 'parameter', rule: one, parameter: 'ttl' })).toContain(
    'parameter "ttl"',
  );
});

test('stays one short line whatever the parameter is called', () => {
  const parameter = `a\n\u001b[31m\u009b31m\u2028\u202e${'x'.repeat(10_000)}`;
  const line = explainDecision({ kind: 'deny', reason: 'parameter', rule, parameter });
  expect(line.length).toBeLessThan(400);
  expect(line).toMatch(/^[\x20-\x7e…]+$/);
});
