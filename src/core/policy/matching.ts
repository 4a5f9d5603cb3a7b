/**
 * All rules that match a path, not only the one that decides: for explaining. Slow and obvious; who decides is the compiled
 * matcher's to say.
 */

import type { MergedRule } from './merge.ts';
import { RuleMerger } from './merge.ts';
import { compareSpecificity, type Pattern } from './pattern.ts';
import type { Policy } from './policy.ts';

/** The most specific first. A `folder` (what a list asks for) is matched by rules for its name without `/` too. */
export function matchingRules(
  policies: readonly Policy[],
  path: string,
  folder: boolean,
): readonly MergedRule[] {
  const merger = new RuleMerger();
  for (const policy of policies) for (const rule of policy.rules) merger.add(rule, policy.name);
  const forms = folder && path.endsWith('/') ? [path, path.slice(0, -1)] : [path];
  return merger
    .rules()
    .filter(({ pattern }) => forms.some((form) => matchesPath(pattern, form)))
    .toSorted((one, other) => comparePatterns(other.pattern, one.pattern));
}

export function matchesPath(pattern: Pattern, path: string): boolean {
  const { kind, text, stem, open } = pattern;
  if (kind === 'exact') return text === path;
  if (kind === 'prefix') return path.startsWith(stem);
  const wanted = stem.split('/');
  const given = path.split('/');
  if (given.length < wanted.length || (!open && given.length > wanted.length)) return false;
  return wanted.every((segment, index) => {
    const other = given[index] ?? '';
    return (
      segment === '+' || (open && index === wanted.length - 1 ? other.startsWith(segment) : other === segment)
    );
  });
}

/** Why a rule that matches too does not decide. */
export function whyBehind(pattern: Pattern, winner: Pattern): string {
  if (comparePatterns(pattern, winner) > 0)
    return 'for a list, a rule for the folder itself or a denial comes first';
  if (winner.kind === 'exact') return 'a rule for exactly this path comes first';
  if (pattern.firstWildcard !== winner.firstWildcard) return 'its first wildcard comes earlier';
  if (pattern.open !== winner.open) return 'it ends in "*"';
  if (pattern.anySegments !== winner.anySegments) return 'it has more "+"';
  return Buffer.byteLength(pattern.stem) === Buffer.byteLength(winner.stem)
    ? 'it comes earlier in the order of bytes'
    : 'it is shorter';
}

function comparePatterns(one: Pattern, other: Pattern): number {
  if (one.kind !== 'exact' && other.kind !== 'exact') return compareSpecificity(one, other);
  return (
    Number(one.kind === 'exact') - Number(other.kind === 'exact') ||
    Buffer.byteLength(one.text) - Buffer.byteLength(other.text)
  );
}
