import { describe, expect, it } from 'vitest';
import { checkHouseRules } from './house-rules.ts';
import { readSources } from './source-tree.ts';

describe('the house rules', () => {
  it('hold in this checkout', () => {
    expect(checkHouseRules(readSources('src'))).toEqual([]);
  });

  it.each([
    'export default 1;',
    'export const enum A {}',
    'enum B {}',
    'declare namespace C {}',
    '// @ts-ignore',
    '// @ts-expect-error: for now',
    '// biome-ignore lint: for now',
    'const d: any = 1;',
    'return e as any;',
    'const f = new Map<string, any>();'.replace('string, ', ''),
    'type G = string | any;',
  ])('find %s', (line) => {
    expect(checkHouseRules(new Map([['core/x.ts', `const a = 1;\n${line}\n`]]))).toEqual([
      expect.stringMatching(/^core\/x\.ts:2 /),
    ]);
  });

  it.each(["const a = { type: 'any' };", 'interface A { any: string }', '/** takes : any text */'])(
    'leave %s alone',
    (line) => {
      expect(checkHouseRules(new Map([['core/x.ts', line]]))).toEqual([]);
    },
  );

  it('find a product file that is too long, and leave tests their length', () => {
    const long = 'const a = 1;\n'.repeat(400);
    expect(checkHouseRules(new Map([['core/x.ts', long]]))).toEqual(['core/x.ts has 400 lines']);
    expect(checkHouseRules(new Map([['core/x.ts', long.slice(13)]]))).toEqual([]);
    expect(checkHouseRules(new Map([['core/x.test.ts', long]]))).toEqual([]);
  });
});
