/** Small rules of the house that the compiler and the linter do not know, or that must hold even where a lint is switched off. */
import { testFile } from './arrows.ts';

/** A product file of this length holds two concepts. */
const mostLines = 400;

const forbidden: readonly (readonly [string, RegExp])[] = [
  ['has a default export', /^export default\b/],
  ['has an enum', /^\s*(export\s+)?(const\s+)?enum\s+\w/],
  ['has a namespace', /^\s*(export\s+)?(declare\s+)?namespace\s+\w/],
  ['silences the compiler', /@ts-(ignore|nocheck|expect-error)/],
  ['silences the linter', /biome-ignore|eslint-disable/],
  ['uses any', /(:|\bas|<|\|)\s*any\b(?!['"(])/],
];

/** One line for each product file that breaks a rule. */
export function checkHouseRules(sources: ReadonlyMap<string, string>): readonly string[] {
  const problems: string[] = [];
  for (const [path, source] of sources) {
    if (testFile.test(path)) continue;
    const lines = source.trimEnd().split('\n');
    if (lines.length >= mostLines) problems.push(`${path} has ${lines.length} lines`);
    for (const [index, line] of lines.entries()) {
      if (/^\s*(\*|\/\*\*)/.test(line)) continue;
      for (const [what, pattern] of forbidden) {
        if (pattern.test(line)) problems.push(`${path}:${index + 1} ${what}`);
      }
    }
  }
  return problems;
}
