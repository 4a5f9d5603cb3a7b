/**
 * PostgreSQL 13 is the oldest that a store is kept in, and the tests have one server, a newer one. So what came later, by the release notes of 14
 * to 18 (appendix E), is looked for in what is sent.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { statementsFor } from './statements.ts';

const later: readonly (readonly [version: number, words: RegExp])[] = [
  [14, /\b(date_bin|bit_count|trim_array|string_to_table|unistr|pg_xact_commit_timestamp_origin)\s*\(/i],
  [
    14,
    /\bmultirange\b|\bGROUP BY DISTINCT\b|\bSEARCH (BREADTH|DEPTH) FIRST\b|\bCYCLE \w+ SET\b|\bDETACH PARTITION\b.*\bCONCURRENTLY\b/i,
  ],
  [14, /\bCOMPRESSION (lz4|pglz|default)\b|\bCREATE OR REPLACE TRIGGER\b|\bREINDEX\b.*\bTABLESPACE\b/i],
  [
    15,
    /\bMERGE INTO\b|\bNULLS (NOT )?DISTINCT\b|\bsecurity_invoker\b|\bregexp_(count|instr|like|substr)\s*\(/i,
  ],
  [
    16,
    /\bany_value\s*\(|\b(array_shuffle|array_sample|random_normal|erfc?|pg_input_is_valid)\s*\(|(?<!SET )\bSTORAGE (plain|external|extended|main|default)\b/i,
  ],
  [16, /\bIS JSON\b|\bJSON_(ARRAY|OBJECT|ARRAYAGG|OBJECTAGG)\s*\(|\b0[xob][0-9a-f]+\b/i],
  [
    17,
    /\bJSON_(TABLE|EXISTS|QUERY|VALUE)\s*\(|\bmerge_action\b|\btransaction_timeout\b|\bto_(bin|oct)\s*\(|\buuid_extract_\w+/i,
  ],
  [
    18,
    /\buuidv[47]\s*\(|\bVIRTUAL\b|\bRETURNING\b.*\b(OLD|NEW)\.|\bWITHOUT OVERLAPS\b|\bcasefold\s*\(|\barray_reverse\s*\(|\bcrc32c?\s*\(/i,
  ],
];

/** The text literals of each file, where statements are; comments are left out, which may speak of anything. */
function sources(): readonly (readonly [name: string, text: string])[] {
  const here = new URL('.', import.meta.url);
  return readdirSync(here)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => {
      const text = readFileSync(new URL(name, here), 'utf8');
      const literals = text.replace(/\/\*[\s\S]*?\*\//g, '').match(/'[^'\n]*'|"[^"\n]*"|`[^`]*`/g) ?? [];
      return [name, literals.join('\n')] as const;
    });
}

function found(text: string): readonly number[] {
  return later.filter(([, words]) => words.test(text)).map(([version]) => version);
}

it('nothing that is sent needs more than version 13', () => {
  const texts = sources();
  expect(texts.find(([name]) => name === 'statements.ts')?.[1]).toContain('ON CONFLICT');
  expect(texts.flatMap(([name, text]) => found(text).map((version) => `${name}: ${version}`))).toEqual([]);
  for (const locks of [true, false]) {
    const tables = { database: 'd', schema: 's', store: 'a', records: 'b', commits: 'c' };
    for (const { text } of Object.values(statementsFor(tables, locks))) expect(found(text)).toEqual([]);
  }
});

it.each([
  [14, "SELECT date_bin('1 day', at, at)"],
  [15, 'MERGE INTO a USING b'],
  [15, 'CREATE UNIQUE INDEX ON a (b) NULLS NOT DISTINCT'],
  [16, 'SELECT any_value(a) FROM b'],
  [17, "SET transaction_timeout = '1s'"],
  [18, 'SELECT uuidv7()'],
])('what came with version %i is seen: %s', (version, text) => {
  expect(found(text)).toEqual([version]);
});
