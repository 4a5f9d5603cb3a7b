import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PlainPolicy, plainCapabilities, plainDecide } from '../../../test/policy-reference.ts';
import { parseApiPath } from '../path.ts';
import { compileAcl, compileFor } from './compile.ts';
import { parsePolicy } from './policy.ts';
import { type Filling, parseTemplate, type TemplateSubject } from './template.ts';

const subject: TemplateSubject = {
  entity: {
    id: 'e1',
    name: 'ann',
    metadata: { team: 'red', 'a.b': 'dotted', star: 'x*', path: '../x', up: '..', empty: '' },
    aliases: [
      {
        ...{ id: 'a1', name: 'ann@x', mountAccessor: 'auth_jwt_1' },
        ...{ metadata: { org: 'o1' }, customMetadata: { desk: 'd1' } },
      },
    ],
  },
  groups: [{ id: 'g1', name: 'ops', metadata: { floor: 'f1' } }],
};

const aclFor = (text: string, filling: Filling) => {
  const policies = [parsePolicy('p', text)];
  return compileFor(compileAcl(policies), policies, filling);
};
const decides = (text: string, path: string, filling: Filling) =>
  aclFor(text, filling).decide({
    path: parseApiPath(path),
    operation: 'read',
    data: undefined,
    sudo: false,
  }).kind === 'allow';
const allows = (text: string, path: string, who: TemplateSubject | null = subject) =>
  decides(text, path, { subject: who ?? undefined, metadata: undefined });
const rule = (path: string, ...capabilities: string[]) =>
  `path "${path}" { capabilities = ${JSON.stringify(capabilities)} }\n`;

describe('a template', () => {
  it.each([
    ['identity.entity.id', 'e1'],
    ['identity.entity.name', 'ann'],
    [' identity.entity.metadata.team ', 'red'],
    ['identity.entity.metadata.a.b', 'dotted'],
    ['identity.entity.aliases.auth_jwt_1.id', 'a1'],
    ['identity.entity.aliases.auth_jwt_1.name', 'ann@x'],
    ['identity.entity.aliases.auth_jwt_1.metadata.org', 'o1'],
    ['identity.entity.aliases.auth_jwt_1.custom_metadata.desk', 'd1'],
    ['identity.groups.ids.g1.name', 'ops'],
    ['identity.groups.ids.g1.metadata.floor', 'f1'],
    ['identity.groups.names.ops.id', 'g1'],
    ['identity.groups.names.ops.metadata.floor', 'f1'],
  ])('{{%s}} is %s', (selector, value) => {
    expect(allows(rule(`a/{{${selector}}}/*`, 'read'), `a/${value}/b`)).toBe(true);
    expect(allows(rule(`a/x-{{${selector}}}`, 'read'), `a/x-${value}`)).toBe(true);
    expect(allows(rule(`a/{{${selector}}}/*`, 'read'), 'a/other/b')).toBe(false);
    expect(allows(rule(`a/{{${selector}}}/*`, 'read'), `a/${value}/b`, null)).toBe(false);
  });

  it.each([
    'identity.entity',
    'identity.entity.metadata',
    'identity.entity.metadata.',
    'identity.entity.aliases.x',
    'identity.entity.aliases.x.metadata',
    'identity.entity.aliases.x.name.y',
    'identity.groups.ids.g.id',
    'identity.groups.names.g.name',
    'identity.groups.names.g',
    'token.metadata',
    'token.metadata.',
    'token.id',
    'time.now',
    '',
  ])('{{%s}} is refused when the policy is written', (selector) => {
    expect(() => parseTemplate(`a/{{${selector}}}`)).toThrow(/template/);
    expect(() => parsePolicy('p', rule(`a/{{${selector}}}`, 'read'))).toThrow(/template/);
  });

  it('threat 11: is never filled with what means more than itself', () => {
    for (const key of ['star', 'path', 'up', 'empty', 'none', '__proto__', 'constructor']) {
      const text = rule(`a/{{identity.entity.metadata.${key}}}/b`, 'read');
      for (const path of ['a/x/b', 'a/x*/b', 'a/b', 'a/../b', 'a/xy/b']) {
        if (!path.includes('..')) expect(allows(text, path), `${key} ${path}`).toBe(false);
      }
    }
    const hostile = { ...subject, entity: { ...subject.entity, name: '{{identity.entity.id}}' } };
    expect(allows(rule('a/{{identity.entity.name}}', 'read'), 'a/e1', hostile)).toBe(false);
    for (const name of ['*', '+', 'a/b', '/', 'a+', '+*']) {
      const who = { ...subject, entity: { ...subject.entity, name } };
      for (const path of ['a/x', 'a/x/y', 'a/a/b', 'a/a']) {
        expect(allows(rule('a/{{identity.entity.name}}', 'read'), path, who), `${name} ${path}`).toBe(false);
      }
    }
  });

  it('threat 11: of a denial that cannot be filled for its value leaves nothing allowed', () => {
    const text = rule('a/*', 'read') + rule('a/{{identity.entity.name}}/*', 'deny');
    expect(allows(text, 'a/bob/x')).toBe(true);
    expect(allows(text, 'a/ann/x')).toBe(false);
    const unfit = { ...subject, entity: { ...subject.entity, name: 'ann/x' } };
    expect(allows(text, 'a/bob/x', unfit)).toBe(false);
    expect(allows(text, 'a/bob/x', null)).toBe(true);
  });
});

describe('a template of the token’s metadata', () => {
  const ofLogin = (metadata: Record<string, string>): Filling => ({ subject: undefined, metadata });
  const unknown: Filling = { subject, metadata: undefined };
  const role = rule('aws/sts/{{token.metadata.role}}', 'read');

  it('is filled with what the login said', () => {
    const admin = ofLogin({ role: 'AccountAdmin', 'a.b': 'dotted' });
    expect(decides(role, 'aws/sts/AccountAdmin', admin)).toBe(true);
    expect(decides(role, 'aws/sts/accountadmin', admin)).toBe(false);
    expect(decides(role, 'aws/sts/x', admin)).toBe(false);
    expect(decides(rule('x-{{ token.metadata.a.b }}/*', 'read'), 'x-dotted/a', admin)).toBe(true);
    const both = rule('a/{{identity.entity.name}}/{{token.metadata.role}}', 'read');
    expect(decides(both, 'a/ann/r', { subject, metadata: { role: 'r' } })).toBe(true);
    expect(decides(both, 'a/ann/r', ofLogin({ role: 'r' }))).toBe(false);
  });

  it('threat 11: fills nothing with what means more than itself, and with what is not there', () => {
    for (const value of ['*', '+', 'a/b', '/', 'Acc*', '', '..', '.', '{{token.metadata.role}}', '}}']) {
      for (const path of ['aws/sts/AccountAdmin', 'aws/sts/a/b', 'aws/sts/Acc', 'aws/sts/x', 'aws/sts/']) {
        expect(decides(role, path, ofLogin({ role: value })), `${value} ${path}`).toBe(false);
      }
    }
    for (const key of ['__proto__', 'constructor', 'toString', 'none']) {
      const text = rule(`a/{{token.metadata.${key}}}`, 'read');
      expect(decides(text, 'a/x', ofLogin({ role: 'x' })), key).toBe(false);
    }
  });

  it('threat 11: a denial that cannot be filled leaves nothing allowed, also where nobody knows its value', () => {
    const text = rule('a/*', 'read') + rule('a/{{token.metadata.team}}/*', 'deny');
    expect(decides(text, 'a/blue/x', ofLogin({ team: 'red' }))).toBe(true);
    expect(decides(text, 'a/red/x', ofLogin({ team: 'red' }))).toBe(false);
    expect(decides(text, 'a/blue/x', ofLogin({ team: 'red/x' }))).toBe(false);
    expect(decides(text, 'a/blue/x', ofLogin({}))).toBe(true);
    expect(decides(text, 'a/blue/x', unknown)).toBe(false);
    expect(decides(role, 'aws/sts/x', unknown)).toBe(false);
  });
});

const segment = fc.constantFrom('a', 'b', '+', '{{identity.entity.name}}', 'a{{identity.entity.id}}');
const pattern = fc
  .tuple(fc.array(segment, { minLength: 1, maxLength: 3 }), fc.constantFrom('', '/*', '*', '/'))
  .map(([segments, end]) => segments.join('/') + end)
  .filter((text) => !text.includes('+*'));
const capabilities = fc.constantFrom<string[]>(
  ['read'],
  ['list'],
  ['read', 'list'],
  ['deny'],
  ['read', 'sudo'],
);
const policies = fc.array(
  fc.uniqueArray(fc.record({ path: pattern, capabilities }), { maxLength: 5, selector: ({ path }) => path }),
  { minLength: 1, maxLength: 3 },
);
const path = fc
  .tuple(
    fc.array(fc.constantFrom('a', 'b', 'ab', 'aa', 'c'), { minLength: 1, maxLength: 4 }),
    fc.constantFrom('', '/'),
  )
  .map(([segments, end]) => segments.join('/') + end);

it('decides as a slow and obvious evaluator does over policies written out for each entity', () => {
  const names = fc.constantFrom('a', 'b', 'c', 'a/b', '*', '+', undefined);
  fc.assert(
    fc.property(
      policies,
      path,
      names,
      fc.constantFrom('read', 'list'),
      fc.boolean(),
      (sets, asked, name, operation, sudo) => {
        const who: TemplateSubject | undefined =
          name === undefined
            ? undefined
            : { groups: [], entity: { id: 'b', name, metadata: {}, aliases: [] } };
        const written: PlainPolicy[] = [];
        let closed = false;
        for (const [index, rules] of sets.entries()) {
          const plain = rules.flatMap((one) => {
            const filled = one.path
              .replaceAll('{{identity.entity.name}}', name ?? '\0')
              .replaceAll('{{identity.entity.id}}', name === undefined ? '\0' : 'b');
            const unfit = one.path.includes('.name') && ['a/b', '*', '+'].includes(name ?? '');
            if (unfit && one.capabilities.includes('deny')) closed = true;
            return unfit || filled.includes('\0') ? [] : [{ ...one, path: filled }];
          });
          written.push({ name: `p${index}`, rules: plain });
        }
        const parsed = sets.map((rules, index) =>
          parsePolicy(
            `p${index}`,
            `# a policy\n${rules.map((one) => rule(one.path, ...one.capabilities)).join('')}`,
          ),
        );
        const acl = compileFor(compileAcl(parsed), parsed, { subject: who, metadata: undefined });
        const decision = acl.decide({ path: parseApiPath(asked), operation, data: {}, sudo });
        const expected = plainDecide(closed ? [] : written, { path: asked, operation, data: {}, sudo });
        expect(decision.kind === 'deny' ? decision.reason : decision.kind).toBe(expected.verdict);
        if ('rule' in decision) expect(decision.rule?.pattern).toBe(expected.pattern);
        expect(acl.capabilities(parseApiPath(asked))).toEqual(
          plainCapabilities(closed ? [] : written, asked),
        );
        if (expected.verdict === 'allow') expect(acl.reaches('')).toBe(true);
      },
    ),
    { numRuns: 2_000 },
  );
});
