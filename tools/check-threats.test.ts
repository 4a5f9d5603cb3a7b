import { describe, expect, it } from 'vitest';
import { checkThreats, parseThreatTable, threatClasses } from './check-threats.ts';
import { readDocument, readSources } from './source-tree.ts';

/** Every test and contract of the checkout, by its path. */
function tests(): ReadonlyMap<string, string> {
  const all = ['src', 'test', 'tools'].flatMap((folder) =>
    [...readSources(folder)].map(([path, source]) => [`${folder}/${path}`, source] as const),
  );
  return new Map(all.filter(([path]) => /\.(test|contract)\.ts$/.test(path)));
}

/** A whole table in which no class applies, but for the rows given. */
function table(rows: Readonly<Record<string, string>>): string {
  return Array.from({ length: threatClasses }, (_, index) => {
    const number = String(index + 1).padStart(2, '0');
    return `| ${number} | class | ${rows[number] ?? 'not yet | no such thing'} |`;
  }).join('\n');
}

describe('the table of threats in SECURITY.md', () => {
  it('says what is tested', () => {
    expect(checkThreats(readDocument('SECURITY.md'), tests())).toEqual([]);
  });
});

describe('checkThreats', () => {
  /** Put together, so that this file does not count as a test of it. */
  const name = `${'threat'} 07: one counter`;
  const named = new Map([['src/a.test.ts', `it('${name}', () => {});`]]);

  it('agrees with a table that agrees', () => {
    expect(checkThreats(table({ '07': 'tested | `src/a.test.ts`' }), named)).toEqual([]);
    expect(parseThreatTable(table({}))).toHaveLength(threatClasses);
  });

  it('finds a class that is called tested and is not', () => {
    expect(checkThreats(table({ '08': 'tested | `src/a.test.ts`' }), new Map())).toEqual([
      'threat 08 is called tested, and no test is named for it',
      'threat 08: src/a.test.ts has no test named for it',
    ]);
    expect(checkThreats(table({ '07': 'tested | anywhere' }), named)).toEqual([]);
  });

  it('finds a class that is tested and not called so', () => {
    expect(checkThreats(table({}), named)).toEqual(['threat 07 has a test, and the table does not say so']);
  });

  it('counts names of tests only', () => {
    const comment = new Map([['src/a.test.ts', `// ${name}`]]);
    expect(checkThreats(table({ '07': 'tested | `src/a.test.ts`' }), comment)).toHaveLength(2);
  });

  it('finds rows that are missing or doubled', () => {
    const rows = table({}).split('\n');
    expect(checkThreats(rows.slice(1).join('\n'), new Map())).toEqual(['threat 01 is not in the table']);
    expect(checkThreats([...rows, ...rows.slice(-1)].join('\n'), new Map())).toEqual([
      'threat 30 is in the table twice',
    ]);
  });
});
