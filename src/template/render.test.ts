import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CofferError } from '../errors.ts';
import { compileTemplate } from './render.ts';
import { refusal, rendered, rendering } from './template.fixture.ts';
import { Bytes, Dict } from './value.ts';

describe('secrets', () => {
  it('are looked up by name, by key, by several keys and by method', async () => {
    const secrets = { a: '1', 'app/db': '2', 'prod/web': '3' };
    expect(
      await rendered("{{ secrets.a }}{{ secrets['app/db'] }}{{ secrets.get_str('a') }}", {}, secrets),
    ).toBe('121');
    expect(await rendered("{{ secrets['prod', 'web'] }}", {}, secrets, { nameFormat: '{0}/{1}' })).toBe('3');
    expect(
      await rendered('{{ vault.web }}', {}, secrets, { secretsName: 'vault', nameFormat: 'prod/{0}' }),
    ).toBe('3');
    expect(await rendered("{{ secrets.get_bytes('a') | b64encode }}", {}, secrets)).toBe('MQ==');
  });

  it('are read once, and only where the template comes by', async () => {
    const template = `{% for name in names %}{{ secrets[name] }}{% endfor %}{{ secrets.a }}{% if no %}{{ secrets.z }}{% endif %}`;
    const { text, reads } = await rendering(
      template,
      { names: ['a', 'b', 'c'], no: false },
      { a: '1', b: '2', c: '3' },
    );
    expect(text).toBe('1231');
    expect(reads).toEqual(['a', 'b', 'c']);
  });

  it('may decide which others are read', async () => {
    const template =
      "{% if secrets.mode == 'tls' %}{{ secrets[secrets.which] }}{% else %}{{ secrets.plain }}{% endif %}";
    const { text, reads } = await rendering(template, {}, { mode: 'tls', which: 'key', key: 'K' });
    expect([text, ...reads]).toEqual(['K', 'mode', 'which', 'key']);
  });

  it('that are missing are an error with name and place, unless that is asked for', async () => {
    expect(await refusal('a\n b {{ secrets.gone }}')).toBe('not_found: page:2:4: there is no secret gone');
    expect(await refusal('{% if secrets.gone %}x{% endif %}')).toContain('page:1:7: there is no secret gone');
    expect(await refusal('{{ secrets.gone == "x" }}')).toContain('there is no secret gone');
    expect(await refusal('{{ secrets.gone | upper }}')).toContain('there is no secret gone');
    expect(await refusal('{% for x in secrets.gone %}{% endfor %}')).toContain('there is no secret gone');
    const asked =
      "{{ secrets.gone is defined }} {{ 'gone' in secrets }} {{ 'a' not in secrets }} {{ secrets.gone | d('x') }}";
    expect(await rendered(asked, {}, { a: '1' })).toBe('False False False x');
  });

  it('of several fields are named field by field', async () => {
    const secrets = {
      db: new Dict(
        [
          ['user', 'u'],
          ['pass word', 'p'],
        ],
        { secret: 'db' },
      ),
    };
    expect(await rendered("{{ secrets.db.user }}{{ secrets.db['pass word'] }}", {}, secrets)).toBe('up');
    expect(await refusal('{{ secrets.db }}', {}, secrets)).toBe(
      'invalid_request: page:1:1: the secret db has several fields, so name one of them: user, pass word',
    );
    expect(await refusal('{{ secrets.db.host }}', {}, secrets)).toContain(
      'not_found: page:1:1: the secret db has no field "host"',
    );
  });

  it('that are no text are refused where text is wanted', async () => {
    const secrets = { key: new Bytes(Buffer.of(0xff, 0)) };
    expect(await rendered('{{ secrets.key | b64encode }}', {}, secrets)).toBe('/wA=');
    expect(await refusal('{{ secrets.key }}', {}, secrets)).toContain('bytes that are no text');
  });

  it('win over a variable of their name, and pass on what keeps them from being read', async () => {
    expect(await rendered('{{ secrets.a }}', { secrets: { a: 'variable' } }, { a: 'secret' })).toBe('secret');
    const failing = { read: () => Promise.reject(new CofferError('permission_denied', 'a: no')) };
    expect(await refusal('{{ secrets.a }}', {}, {}, { secrets: failing })).toBe('permission_denied: a: no');
  });
});

describe('names', () => {
  it('that are missing may be asked for and given a default, and are an error when printed', async () => {
    expect(
      await rendered('{% if x %}a{% else %}b{% endif %}{{ x is undefined }}{{ x | default("d") }}'),
    ).toBe('bTrued');
    expect(await refusal('{{ x }}')).toBe('invalid_request: page:1:1: there is no variable "x"');
    expect(await refusal('{{ x.y }}')).toBe('invalid_request: page:1:4: there is no variable "x"');
  });

  it('of loops and macros end with them', async () => {
    expect(await rendered('{% set x = 1 %}{% for i in [1, 2] %}{% set x = i %}{% endfor %}{{ x }}')).toBe(
      '1',
    );
    expect(
      await rendered(
        '{% set n = namespace(x=0) %}{% for i in [1, 2] %}{% set n.x = n.x + i %}{% endfor %}{{ n.x }}',
      ),
    ).toBe('3');
    expect(await refusal('{% set d.x = 1 %}', { d: {} })).toContain(
      'only what namespace() made can be changed',
    );
  });
});

describe('problems', () => {
  it.each([
    ['{{ a', '1:1: {{ is not closed by }}'],
    ['x\n{% if a %}', 'page:2:11: "endif" is missing before the end of the template'],
    ['{% endif %}', '1:1: {% endif %} ends nothing here'],
    ['{% nonsense %}', '1:1: there is no tag {% nonsense %}'],
    ['{{ "abc }}', 'the string is not closed by "'],
    ['{{ 1 + }}', 'an expression is missing before'],
    ['{{ a | nope }}', 'there is no filter "nope"'],
    ['{{ 1 is nope }}', 'there is no test "nope"'],
    ['{{ 1 / 0 }}', 'nothing is divided by 0'],
    ['{{ "a" + 1 }}', '"~" puts anything together'],
    ['{{ "x" | sh(1) }}', 'the filter "sh" takes no arguments'],
    ['{# open', 'the remark {# is not closed by #}'],
    ['{% raw %}x', '{% raw %} is not closed'],
    ['{{ a ] }}', '"]" closes nothing'],
    ['{{ a ? b }}', '"?" means nothing here'],
  ])('in %s are told with their place', async (template, message) => {
    expect(await refusal(template, { a: 1 })).toContain(message);
  });

  it.each([
    'include "a"',
    'extends "a"',
    'import "a" as b',
    'from "a" import b',
    'call f()',
    'do x',
    'autoescape true',
  ])('{%% %s %%} is refused by name', async (tag) => {
    expect(await refusal(`{% ${tag} %}`)).toContain(`{% ${tag.split(' ')[0]} %} is not supported`);
  });
});

it('any text is a template or an error that says where', () => {
  const piece = fc.constantFrom(
    '{{',
    '}}',
    '{%',
    '%}',
    '{#',
    '#}',
    '-',
    '+',
    'if',
    'for',
    'in',
    'endif',
    'raw',
    '"',
    "'",
    '(',
    ')',
    '[',
    ':',
    ' ',
    '\n',
    'a',
    '1.',
    '|',
    '\\',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.array(piece).map((parts) => parts.join('')),
      ),
      (text) => {
        try {
          compileTemplate('page', text);
        } catch (error) {
          expect(error).toBeInstanceOf(CofferError);
          expect(String(error)).toMatch(/page:\d+:\d+: /);
        }
      },
    ),
    { numRuns: 2_000 },
  );
});

it('text without openings is rendered as it is, but for the last newline', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string().map((text) => text.replace(/[{\r]/g, '')),
      async (text) => {
        expect(await rendered(text)).toBe(text.replace(/\n$/, ''));
      },
    ),
  );
});
