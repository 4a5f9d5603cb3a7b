import { describe, expect, it } from 'vitest';
import { systemRandom } from '../../crypto/random.ts';
import { mysql } from './mysql/mysql.ts';
import { postgresql } from './postgresql/postgresql.ts';
import { checkUsernameTemplate, renderUsername } from './username-template.ts';

const input = {
  displayName: 'token-somebody',
  roleName: 'readonly-role',
  now: 1_700_000_000_000,
  random: systemRandom,
};
const refusal = expect.objectContaining({ code: 'invalid_request' });

describe('a template of user names', () => {
  it.each([
    [postgresql.usernames('postgresql-database-plugin'), /^v-token-so-readonly-[\dA-Za-z]{20}-1700000000$/],
    [mysql.usernames('mysql-database-plugin'), /^v-token-some-readonly-r-[\dA-Za-z]{8}$/],
    [mysql.usernames('mysql-legacy-database-plugin'), /^v-read-[\dA-Za-z]{9}$/],
  ])('of a plug-in gives the names that Vault gives', ({ template, longest }, shape) => {
    checkUsernameTemplate(template, longest);
    expect(renderUsername(template, input)).toMatch(shape);
  });

  it.each([
    ['a{{ "b" }}c', 'abc'],
    ['{{ .RoleName | uppercase | truncate 4 }}', 'READ'],
    ['{{ printf "%s-%d%%" .RoleName (unix_time) }}', 'readonly-role-1700000000%'],
    ['{{ printf "%s" (printf "%s" (.DisplayName | truncate 3)) }}', 'tok'],
    ['{{ "quo\\"te" }}', 'quo"te'],
    ['{{unix_time_millis}}', '1700000000000'],
  ])('%s is %s', (template, text) => {
    expect(renderUsername(template, input)).toBe(text);
  });

  it.each([
    '{{',
    '{{ }}',
    '{{ | }}',
    '{{ .Other }}',
    '{{ ( }}',
    '{{ "a }}',
    '{{ random }}',
    '{{ random 0 }}',
    '{{ 1 2 }}',
  ])('that cannot be read is refused: %s', (template) => {
    expect(() => renderUsername(template, input)).toThrow(refusal);
  });

  it('threat 20: has these few functions, which reach for nothing', () => {
    for (const name of [
      'env',
      'getenv',
      'call',
      'html',
      'index',
      'constructor',
      'toString',
      '__proto__',
      'lookup',
      'sha256',
    ]) {
      expect(() => renderUsername(`{{ ${name} "HOME" }}`, input)).toThrow(refusal);
    }
    expect(() => renderUsername('{{ .constructor }}', input)).toThrow(refusal);
  });

  it('threat 15: makes no more than a little, however it is nested', () => {
    const twice =
      '{{ printf "%s%s%s%s%s%s%s%s%s%s%s%s" (random 100) (random 100) (random 100) (random 100) (random 100) (random 100) (random 100) (random 100) (random 100) (random 100) (random 100) (random 100) }}';
    expect(() => renderUsername(twice, input)).toThrow(refusal);
    expect(() => renderUsername(`{{ ${'('.repeat(50)}random 3${')'.repeat(50)} }}`, input)).toThrow(refusal);
    expect(() => renderUsername('x'.repeat(2_000), input)).toThrow(refusal);
  });

  it.each([
    'fixed',
    '{{ .RoleName }}',
    '{{ unix_time }}',
    '{{ random 20 | truncate 4 }}',
    '{{ printf "%s-%s" .RoleName (random 20) | truncate 12 }}',
    '{{ random 70 }}',
  ])('whose names would meet, or be too long, is refused: %s', (template) => {
    expect(() => checkUsernameTemplate(template, 63)).toThrow(refusal);
  });

  it('makes harmless letters of what callers bring', () => {
    const hostile = { ...input, displayName: `a'"\\;\0\`$ü🗝 --`, roleName: 'r' };
    expect(renderUsername('{{ .DisplayName }}', hostile)).toMatch(/^[\w.-]+$/);
  });
});
