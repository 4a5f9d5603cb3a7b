import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mysql } from './mysql/mysql.ts';
import { postgresql } from './postgresql/postgresql.ts';
import { fillStatements, type Quoting } from './statement.ts';

const { escapeIdentifier, escapeLiteral } = await import('pg');
const { escape: mysqlText, escapeId: mysqlName } = await import('mysql2/promise');

const postgresqlQuoting: Quoting = {
  text: escapeLiteral,
  name: escapeIdentifier,
  bareName: escapeIdentifier,
};
const mysqlQuoting: Quoting = {
  text: (value) => mysqlText(value),
  name: (value) => mysqlName(value, true),
  bareName: (value) => mysqlText(value),
};
const refusal = expect.objectContaining({ code: 'invalid_request' });

const inPostgresql = (statement: string, values = {}) =>
  fillStatements(
    [statement],
    { name: 'n', username: 'n', password: "p'w", ...values },
    postgresql.syntax,
    postgresqlQuoting,
  );
const inMysql = (statement: string, values = {}) =>
  fillStatements(
    [statement],
    { name: 'n', username: 'n', password: "p'w", ...values },
    mysql.syntax,
    mysqlQuoting,
  );

describe('a statement of PostgreSQL', () => {
  it.each([
    [`CREATE ROLE "{{name}}" PASSWORD '{{password}}'`, [`CREATE ROLE "n" PASSWORD 'p''w'`]],
    [`A "x""{{name}}"`, ['A "x""n"']],
    [`A '{{name}}''s; B'; C`, [`A 'n''s; B'`, 'C']],
    [`ALTER ROLE {{name}} PASSWORD {{password}}`, [`ALTER ROLE "n" PASSWORD 'p''w'`]],
    ['-- it\'s {{name}}\nA; /* "; */ B', ["-- it's n\nA", '/* "; */ B']],
    ["DO $x$ BEGIN '{{name}}'; END $x$; B", ["DO $x$ BEGIN 'n'; END $x$", 'B']],
    ["A E'\\'{{name}}'; B", ["A E'\\'n'", 'B']],
    [' ; ;; ', []],
  ])('%j is filled', (statement, filled) => {
    expect(inPostgresql(statement)).toEqual(filled);
  });

  it.each([
    ["A '{{name}}", {}],
    ['A "{{name}}', {}],
    ['A /* {{name}}', {}],
    ['A $$ {{name}}', {}],
    ['A {{expiration}}', {}],
    ["$$ '{{password}}' $$", {}],
    ["E'{{password}}'", {}],
    ['/* {{password}} */', {}],
    ["A '{{name}}'", { name: 'a\0b' }],
    ["A '{{name}}'", { name: '\udc00' }],
  ])('%j is refused', (statement, values) => {
    expect(() => inPostgresql(statement, values)).toThrow(refusal);
  });
});

describe('a statement of MySQL', () => {
  it.each([
    [
      `CREATE USER '{{name}}'@'%' IDENTIFIED BY "{{password}}"`,
      [`CREATE USER 'n'@'%' IDENTIFIED BY 'p\\'w'`],
    ],
    ['GRANT ALL ON `{{name}}`.* TO {{name}}', ["GRANT ALL ON `n`.* TO 'n'"]],
    ["A 'it\\'s; {{name}}'; B", ["A 'it\\'s; n'", 'B']],
    ["# it's\nA {{name}} -- it's; x\n; B", ["# it's\nA 'n' -- it's; x", 'B']],
    ['A 5--1; B', ['A 5--1', 'B']],
  ])('%j is filled', (statement, filled) => {
    expect(inMysql(statement)).toEqual(filled);
  });
});

describe('threat 22: whatever a value is', () => {
  const values = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => !text.includes('\0'));
  const tricky = fc.oneof(
    values,
    fc.string({
      unit: fc.constantFrom("'", '"', '`', '\\', ';', '-', '$', '{', '}', 'a', '\n'),
      maxLength: 20,
    }),
  );

  it('the statement around it stays as it is', () => {
    fc.assert(
      fc.property(tricky, tricky, (name, password) => {
        const one = inPostgresql(`CREATE ROLE "{{name}}" PASSWORD '{{password}}'; NEXT`, { name, password });
        expect(one).toEqual([
          `CREATE ROLE ${escapeIdentifier(name)} PASSWORD ${escapeLiteral(password)}`,
          'NEXT',
        ]);
        const other = inMysql("CREATE USER '{{name}}'@'%' IDENTIFIED BY '{{password}}'; NEXT", {
          name,
          password,
        });
        expect(other).toEqual([
          `CREATE USER ${mysqlText(name)}@'%' IDENTIFIED BY ${mysqlText(password)}`,
          'NEXT',
        ]);
      }),
    );
  });

  it('reading any text ends, and without places it is taken as it stands', () => {
    fc.assert(
      fc.property(tricky, (text) => {
        for (const fill of [inPostgresql, inMysql]) {
          let filled: readonly string[] | undefined;
          try {
            filled = fill(text);
          } catch (error) {
            expect(error).toEqual(refusal);
          }
          if (filled !== undefined) {
            expect(filled.join('').replace(/[;\s]/g, '')).toBe(text.replace(/[;\s]/g, ''));
          }
        }
      }),
    );
  });
});
