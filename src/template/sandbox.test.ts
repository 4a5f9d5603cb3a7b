import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { filters } from './filters.ts';
import { refusal, rendered } from './template.fixture.ts';

/** Ways out of a sandbox that worked in other template engines, in Python's words and in JavaScript's. */
const escapes = [
  "{{ ''.__class__.__mro__[1].__subclasses__() }}",
  "{{ ''['__class__'] }}",
  '{{ x.constructor }}',
  "{{ x['constructor']['constructor']('return process')() }}",
  '{{ x.__proto__ }}',
  "{{ x['__proto__'] }}",
  '{{ range.constructor("return 1")() }}',
  '{{ range.__globals__ }}',
  '{{ range.call }}',
  '{{ cycler.__init__.__globals__.os.popen("id").read() }}',
  '{{ self._TemplateReference__context }}',
  '{{ joiner }}',
  '{{ lipsum.__globals__ }}',
  '{{ process.env }}',
  '{{ globalThis }}',
  '{{ require("fs") }}',
  '{{ import("fs") }}',
  "{{ 'x'.constructor }}",
  "{{ 'x'.toString() }}",
  "{{ 'x'.format }}",
  "{{ 'x' | attr('__class__') }}",
  "{{ ['x'] | map(attribute='constructor') | first }}",
  "{{ ['x'] | map('constructor') | list }}",
  '{{ 1 | hasOwnProperty }}',
  '{{ 1 is constructor }}',
  '{{ [1].concat([2]) }}',
  '{{ x.hasOwnProperty("a") }}',
  '{{ loop }}',
  '{{ secrets }}',
  '{{ secrets.__class__ }}',
  '{% for name in secrets %}{{ name }}{% endfor %}',
  '{{ secrets | list }}',
  '{{ secrets | tojson }}',
  '{{ secrets | length }}',
  '{{ {}.update }}',
  "{{ ''.join }}",
  '{% set x.y = 1 %}',
  '{{ dict.fromkeys }}',
];

describe('threat 19: a template', () => {
  it.each(escapes)('reaches nothing outside by %s', async (template) => {
    expect(await refusal(template, { x: {} }, { a: 'secret' })).toMatch(
      /^(invalid_request|not_found): page:1:\d+: /,
    );
  });

  it('sees names of every object as its own entries, and no others', async () => {
    const names = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', 'then'];
    for (const name of names) {
      expect(await rendered(`{{ x['${name}'] is defined }} {{ '${name}' in x }}`, { x: {} })).toBe(
        'False False',
      );
      const x = JSON.parse(`{"${name}": "own"}`) as { readonly [name: string]: string };
      expect(await rendered(`{{ x['${name}'] }}`, { x })).toBe('own');
      expect(await rendered(`{{ {'${name}': 1}['${name}'] }} {{ ${name} is defined }}`)).toBe('1 False');
    }
  });
});

describe('threat 20: filters', () => {
  it('are these, and pure', () => {
    expect(Object.keys(filters).toSorted()).toMatchInlineSnapshot(`
      [
        "abs",
        "b64decode",
        "b64encode",
        "batch",
        "capitalize",
        "center",
        "count",
        "d",
        "default",
        "dictsort",
        "e",
        "env",
        "escape",
        "first",
        "float",
        "forceescape",
        "format",
        "indent",
        "int",
        "items",
        "join",
        "jsonify",
        "last",
        "length",
        "list",
        "lower",
        "map",
        "max",
        "min",
        "minjson",
        "reject",
        "rejectattr",
        "replace",
        "reverse",
        "round",
        "safe",
        "select",
        "selectattr",
        "sh",
        "sort",
        "string",
        "sum",
        "title",
        "tojson",
        "trim",
        "truncate",
        "unique",
        "upper",
        "urlencode",
        "wordcount",
      ]
    `);
  });

  it('and functions are told no secret that the template does not name', async () => {
    expect(await refusal('{{ secrets["a", "b"] }}', {}, { a: '1' })).toContain(
      'a secret is named by 1 parts here, not 2',
    );
    expect(await refusal('{{ secrets[x] }}', { x: { a: 1 } })).toContain('a secret is named by text');
  });
});

describe('threat 15: a template bomb', () => {
  it.each([
    [
      '{% set n = namespace(x="a") %}{% for i in range(64) %}{% set n.x = n.x ~ n.x %}{% endfor %}',
      'longer than',
    ],
    [
      '{% set n = namespace(x=[1]) %}{% for i in range(64) %}{% set n.x = n.x + n.x %}{% endfor %}',
      'does too much',
    ],
    [
      '{% set n = namespace(x=[1]) %}{% for i in range(64) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}',
      'too much',
    ],
    [
      '{% set n = namespace(x=[1]) %}{% for i in range(64) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x | tojson }}',
      'too much',
    ],
    [
      '{% set n = namespace(x=[1]) %}{% for i in range(64) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x == n.x | list }}',
      'too much',
    ],
    ['{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}', 'does too much'],
    ['{{ range(999999999) }}', 'does too much'],
    ['{{ "x" * 999999999 }}', 'longer than'],
    ['{{ "x" | center(999999999) }}', 'longer than'],
    ['{{ "x\nx" | indent(999999999) }}', 'longer than'],
    ['{{ ("x" * 9999999) | replace("x", "yy" * 99) }}', 'longer than'],
    ['{% for i in range(999) %}{{ "x" * 99999 }}{% endfor %}', 'bytes would be put out'],
    ['{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}', 'levels deep'],
    ['{% macro f(x) %}{{ f(x ~ x) ~ f(x) }}{% endmacro %}{{ f("x") }}', 'longer than'],
    [`{{ ${'('.repeat(200)}1${')'.repeat(200)} }}`, 'nested more than'],
    [`${'{% if a %}'.repeat(200)}${'{% endif %}'.repeat(200)}`, 'nested more than'],
    [`{{ ${'not '.repeat(100_000)}1 }}`, 'nested more than'],
    [`{{ 1${' + 1'.repeat(100_000)} }}`, 'levels deep'],
    [`{{ a${'.a'.repeat(100_000)} }}`, 'levels deep'],
    ['x'.repeat(2 * 1024 * 1024), 'a template has at most'],
    ['{% for i in range(20000) %}{{ secrets[i] }}{% endfor %}', 'names at most 10,000 secrets'],
    ['{% set s = "1" * 4000000 %}{% for i in range(9999) %}{{ s | int }}{% endfor %}', 'does too much'],
    ['{% set s = "1" * 4000000 %}{% for i in range(9999) %}{{ s | float }}{% endfor %}', 'does too much'],
    [
      '{% set s = "A" * 4000000 %}{% for i in range(99) %}{% if [s, s] | sort %}{% endif %}{% endfor %}',
      'too much',
    ],
    ['{% set s = "a" * 4000000 %}{% for i in range(9999) %}{{ s is lower }}{% endfor %}', 'does too much'],
    [
      '{% set s = "a" * 4000000 %}{% for i in range(9999) %}{% if s | center %}{% endif %}{% endfor %}',
      'too much',
    ],
    [
      '{% set s = "a" * 4000000 %}{% for i in range(9999) %}{% if s | format %}{% endif %}{% endfor %}',
      'too much',
    ],
    [
      '{% set s = "," * 9000000 %}{% for i in range(9) %}{{ s.split(",") | length }}{% endfor %}',
      'does too much',
    ],
    [
      '{% for i in range(7) %}{% set x = "a" * 16000000 %}{% endfor %}{% for i in range(9999) %}{% if i in secrets %}{% endif %}{% endfor %}',
      'does too much',
    ],
  ])('%.60s ends with an error', async (template, message) => {
    expect(await refusal(template, {}, { a: 'b' })).toContain(message);
  });

  it.each([
    `${' '.repeat(500_000)}x{%- if true %}{% endif %}`,
    `{{ 'x' }}${'{ '.repeat(500_000)}`,
    `{% raw %}${'{% '.repeat(150_000)}{% endraw %}`,
    `{#${'{#'.repeat(250_000)}#}`,
    `{{ "${'\\\\'.repeat(250_000)}" }}`,
    `{{ '["${'\\\\"'.repeat(20_000)}"]' | minjson }}`,
    `{{ '${'1'.repeat(400_000)}x' | float }}`,
    `{{ '${'1'.repeat(400_000)}x' | int }}`,
  ])('long but plain text %.40s is rendered', async (template) => {
    expect((await rendered(template)).length).toBeLessThan(1_100_000);
  });
});

describe('threat 16: problems repeat no value', () => {
  it.each([
    '{{ secrets.a | minjson }}',
    '{{ secrets.a | b64decode }}',
    '{{ secrets.a + 1 }}',
    '{{ secrets.a.field }}',
    '{{ secrets.a[70] }}',
    '{{ secrets.a > 1 }}',
    '{{ {}[secrets.a] }}',
    '{{ [1][secrets.a] }}',
    '{{ "x"[secrets.a] }}',
    '{{ 1[secrets.a] }}',
    '{{ [1] | map(secrets.a) | list }}',
    '{{ [1] | select(secrets.a) | list }}',
    '{{ [{}] | map(attribute=secrets.a) | join }}',
    '{{ "x" | int(base=secrets.a) }}',
    '{{ range(secrets.a) }}',
    '{{ {} | dictsort(by=secrets.a) }}',
    '{{ secrets.a | round }}',
    '{{ secrets.a() }}',
    '{{ [secrets.a] | sum }}',
    '{{ "%d" | format(secrets.a) }}',
    '{% for a, b in [secrets.a] %}{% endfor %}',
  ])('%s', async (template) => {
    const message = await refusal(template, {}, { a: 'plaintext!' });
    expect(message).not.toContain('plain');
  });
});

describe('threat 22: a word for a shell', () => {
  it('is read by a real one as it was', async () => {
    const awkward = fc.oneof(
      fc.string(),
      fc.string({ unit: fc.constantFrom(';', ' ', '$', '(', "'", '"', '\\', '`', '\n', 'a', '!') }),
    );
    const values = [';$(', "it's", '', '-n', '~', '*', ...fc.sample(awkward, 60)].map((value) =>
      value.replaceAll('\0', '').toWellFormed(),
    );
    const template = "{% for v in values %}printf '%s\\0' {{ v | sh }}\n{% endfor %}";
    const script = await rendered(template, { values });
    const { stdout } = spawnSync('sh', { input: script, encoding: 'utf8' });
    expect(stdout.split('\0').slice(0, -1)).toEqual(values);
  });

  it('of a line of variables expands nothing', async () => {
    const script = `X={{ v | env }}\nprintf %s "$X"`;
    const { stdout } = spawnSync('sh', {
      input: await rendered(script, { v: 'a$(id)`id`$HOME"\\x' }),
      encoding: 'utf8',
    });
    expect(stdout).toBe('a$(id)`id`$HOME"\\x');
    expect(await rendered('{{ v | env }}', { v: '' })).toBe('""');
    expect(await rendered('{{ v | env }}', { v: 'a\nb' })).toBe('"a\\n\\\nb"');
    expect(await refusal('{{ v | env }}', { v: 'a\0' })).toContain('NUL');
  });
});
