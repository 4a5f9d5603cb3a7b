import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseApiPath } from '../path.ts';
import { compileAcl } from './compile.ts';
import { matchingRules } from './matching.ts';
import { parsePolicy } from './policy.ts';

const part = fc.constantFrom('a', 'b', 'ab', '+');
const pattern = fc
  .tuple(fc.array(part, { minLength: 1, maxLength: 4 }), fc.constantFrom('', '', '/', '*', '/*', '/a*'))
  .map(([parts, end]) => parts.join('/') + end)
  .filter((text) => !text.includes('+*'));
const path = fc
  .tuple(
    fc.array(fc.constantFrom('a', 'b', 'ab', 'abc'), { minLength: 1, maxLength: 5 }),
    fc.constantFrom('', '/'),
  )
  .map(([parts, end]) => parts.join('/') + end);

test('the rule that decides is among those that are shown, and for everything but lists the first of them', () => {
  fc.assert(
    fc.property(fc.uniqueArray(pattern, { minLength: 1, maxLength: 8 }), path, (patterns, asked) => {
      const text = patterns.map((one) => `path "${one}" { capabilities = ["read", "list"] }`).join('\n');
      const policies = [parsePolicy('p', text)];
      const acl = compileAcl(policies);
      for (const operation of ['read', 'list'] as const) {
        const decision = acl.decide({ path: parseApiPath(asked), operation, data: {}, sudo: false });
        const decided = 'rule' in decision ? decision.rule?.pattern : undefined;
        const shown = matchingRules(policies, asked, operation === 'list').map((rule) => rule.pattern.text);
        if (operation === 'read') expect(decided).toBe(shown[0]);
        else if (decided === undefined) expect(shown).toEqual([]);
        else expect(shown).toContain(decided);
      }
    }),
  );
});
