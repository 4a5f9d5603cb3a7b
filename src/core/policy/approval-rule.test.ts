import { describe, expect, it } from 'vitest';
import { CofferError } from '../../errors.ts';
import { parseApiPath } from '../path.ts';
import type { Operation } from '../request.ts';
import type { Decision } from './acl.ts';
import { approversText } from './approval-rule.ts';
import { compileAcl } from './compile.ts';
import { parsePolicy } from './policy.ts';

const all = 'capabilities = ["create", "read", "update", "delete", "list"]';

function decide(operation: Operation, ...bodies: readonly string[]): Decision {
  const policies = bodies.map((body, at) => parsePolicy(`p${at}`, `path "a/*" { ${all}\n${body} }`));
  return compileAcl(policies).decide({ path: parseApiPath('a/b'), operation, data: {}, sudo: false });
}

/** What is wanted, in words; or the kind of decision where nothing is. */
function wanted(operation: Operation, ...bodies: readonly string[]): string {
  const decision = decide(operation, ...bodies);
  return decision.kind === 'needs-approval'
    ? `${approversText(decision.approval)} in ${decision.approval.ttl}`
    : decision.kind;
}

function refusal(body: string): string {
  try {
    parsePolicy('p', `path "a" {\n${body}\n}`);
  } catch (error) {
    if (error instanceof CofferError) return error.message;
    throw error;
  }
  throw new Error('was accepted');
}

describe('a rule with approval', () => {
  it('wants so many of those named, in time', () => {
    expect(
      wanted(
        'read',
        'approval { from = ["group/admins", "entity/ann", "group-id/g"] count = 2 ttl = "10m" }',
      ),
    ).toBe('2 of "group/admins", "entity/ann", "group-id/g" in 600');
    expect(wanted('read', 'approval = { from = "group/admins" }')).toBe('1 of "group/admins" in 3600');
  });

  it('wants it for some operations alone where it says so', () => {
    const body = 'approval { from = ["group/a"] capabilities = ["update", "delete"] }';
    expect(wanted('update', body)).toBe('1 of "group/a" in 3600');
    for (const operation of ['read', 'create', 'list'] as const)
      expect(wanted(operation, body)).toBe('allow');
    expect(decide('patch', body).kind).toBe('deny');
  });

  it('takes Vault’s control_group, and all of its factors', () => {
    const body = `control_group = {
      ttl = "4h"
      factor "leads" { identity { group_names = ["leads", "managers"] approvals = 2 } }
      factor "ciso" {
        identity { group_ids = ["0aa0"] }
        controlled_capabilities = ["update"]
      }
    }`;
    expect(wanted('read', body)).toBe('2 of "group/leads", "group/managers" in 14400');
    expect(wanted('update', body)).toBe(
      '2 of "group/leads", "group/managers"; 1 of "group-id/0aa0" in 14400',
    );
  });

  it('takes it as JSON, in both forms that HCL has there', () => {
    const text = (block: string) => `{"path": {"a/*": {"capabilities": ["read"], ${block}}}}`;
    for (const block of [
      '"control_group": {"factor": {"f": {"identity": {"group_names": ["g"], "approvals": 1}}}}',
      '"control_group": [{"factor": [{"f": [{"identity": [{"group_names": "g"}]}]}]}]',
      '"approval": {"from": ["group/g"], "ttl": 86400}',
    ]) {
      const acl = compileAcl([parsePolicy('p', text(block))]);
      const decision = acl.decide({ path: parseApiPath('a/b'), operation: 'read', data: {}, sudo: false });
      expect(decision).toMatchObject({ kind: 'needs-approval', approval: { ttl: 86_400 } });
    }
  });

  it('is merged with others of its pattern: all that is wanted, in the shortest time', () => {
    const one = 'approval { from = ["group/a"] ttl = 60 }';
    const other = 'approval { from = ["group/b"] ttl = 30 }';
    expect(wanted('read', one, other)).toBe('1 of "group/a"; 1 of "group/b" in 30');
    expect(wanted('read', one, '')).toBe('1 of "group/a" in 60');
    expect(decide('read', one, 'policy = "deny"').kind).toBe('deny');
  });

  it('comes after all else that a rule asks: what is denied anyway is never asked for', () => {
    const body = 'approval { from = ["group/a"] }\nrequired_parameters = ["x"]';
    expect(decide('update', body)).toMatchObject({ kind: 'deny', reason: 'parameter' });
    expect(decide('read', `min_wrapping_ttl = "1m"\napproval { from = ["group/a"] }`)).toMatchObject({
      kind: 'deny',
      reason: 'wrapping',
    });
  });

  it.each([
    ['approval {}', 'names nobody who could approve'],
    ['approval { from = [] }', 'names nobody who could approve'],
    ['approval { count = 1 }', 'names nobody who could approve'],
    ['approval { from = ["entity/ann", "entity/ann"] count = 2 }', 'only 1 could give one'],
    ['control_group { }', 'has no factor'],
    ['control_group { ttl = "1h" }', 'has no factor'],
    ['control_group { factor "f" { } }', 'has no identity'],
    ['control_group { factor "f" { identity { } } }', 'names nobody who could approve'],
    ['control_group { factor "f" { identity { group_names = [] approvals = 1 } } }', 'names nobody'],
  ])('threat 27: %s is refused, where nobody could approve', (body, why) => {
    expect(refusal(body)).toContain(why);
  });

  it.each([
    ['approval = true', 'approval is a block'],
    ['approval = ["group/a"]', 'approval is a block'],
    ['approval { from = ["admins"] }', '"admins" is nobody'],
    ['approval { from = ["group/"] }', 'is nobody'],
    ['approval { from = ["group/*"] }', 'is nobody'],
    ['approval { from = ["user/ann"] }', 'is nobody'],
    ['approval { from = ["entity/{{identity.entity.name}}"] }', 'is nobody'],
    ['approval { from = [1] }', 'from is a list of texts'],
    ['approval { from = ["group/a"] count = 0 }', 'count is a whole number from 1 to 20'],
    ['approval { from = ["group/a"] count = 1.5 }', 'count is a whole number'],
    ['approval { from = ["group/a"] count = "2" }', 'count is a whole number'],
    ['approval { from = ["group/a"] count = 21 }', 'count is a whole number'],
    ['approval { from = ["group/a"] ttl = 0 }', 'ttl is a number of seconds'],
    ['approval { from = ["group/a"] ttl = "9999h" }', 'ttl is a number of seconds'],
    ['approval { from = ["group/a"] ttl = [] }', 'ttl is a number of seconds'],
    ['approval { from = ["group/a"] capabilities = [] }', 'capabilities is a list of'],
    ['approval { from = ["group/a"] capabilities = ["sudo"] }', 'capabilities is a list of'],
    ['approval { from = ["group/a"] from = ["group/b"] }', '"from" is given twice'],
    ['approval { from = ["group/a"] who = 1 }', 'unknown key "who"'],
    [
      `approval { from = [${Array.from({ length: 33 }, (_, at) => `"group/${at}"`).join()}] }`,
      'more than 32',
    ],
    ['approval { from = ["group/a"] }\napproval { from = ["group/b"] }', '"approval" is given twice'],
    ['control_group { max_ttl = 1 factor "f" { identity { group_names = "a" } } }', 'unknown key "max_ttl"'],
    ['control_group { factor { identity { group_names = "a" } } }', 'unknown key "group_names"'],
    ['control_group { factor "f" { identity { group_names = "a" users = "b" } } }', 'unknown key "users"'],
    ['control_group { factor "f" { identity { group_names = "a" } rest = 1 } }', 'unknown key "rest"'],
  ])('refuses %s', (body, why) => {
    expect(refusal(body)).toContain(why);
  });
});
