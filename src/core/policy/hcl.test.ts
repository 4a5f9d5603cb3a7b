import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CofferError } from '../../errors.ts';
import { type HclValue, hclLimits, parseHcl } from './hcl.ts';

/** Values without positions; objects as lists of pairs, so that order and duplicates show. */
function plain(value: HclValue): unknown {
  switch (value.kind) {
    case 'text':
      return value.text;
    case 'null':
      return null;
    case 'list':
      return value.items.map(plain);
    case 'object':
      return { of: value.members.map((member) => [member.key, plain(member.value)]) };
    default:
      return value.value;
  }
}

function read(text: string): unknown {
  return plain(parseHcl(text));
}

function refusal(text: string): string {
  try {
    parseHcl(text);
  } catch (error) {
    if (error instanceof CofferError && error.code === 'invalid_request') return error.message;
    throw error;
  }
  throw new Error('was accepted');
}

describe('HCL', () => {
  test('reads blocks with labels, assignments, lists and objects', () => {
    const text = 'name = "x"\npath "a/b" {\n  l = ["1", 2, true, false, [], ]\n  m { "k" = {} }\n}';
    expect(read(text)).toEqual({
      of: [
        ['name', 'x'],
        [
          'path',
          {
            of: [
              [
                'a/b',
                {
                  of: [
                    ['l', ['1', 2, true, false, []]],
                    ['m', { of: [['k', { of: [] }]] }],
                  ],
                },
              ],
            ],
          },
        ],
      ],
    });
  });

  test('takes the same block in every spelling HCL 1 has for it', () => {
    const block = { of: [['path', { of: [['p', { of: [['a', 1]] }]] }]] };
    for (const text of [
      'path "p" { a = 1 }',
      'path p { a = 1 }',
      '"path" "p" { a = 1 }',
      'path "p" = { a = 1 }',
      'path = { "p" = { a = 1 } }',
      'path { p { a = 1, } }',
      '{"path": {"p": {"a": 1}}}',
    ]) {
      expect(read(text), text).toEqual(block);
    }
  });

  test('keeps members that are written twice, in HCL and in JSON', () => {
    const twice = {
      of: [
        ['a', 1],
        ['a', 2],
      ],
    };
    expect(read('a = 1\na = 2')).toEqual(twice);
    expect(read('{"a": 1, "a": 2}')).toEqual(twice);
  });

  test('passes over comments of all three kinds, and line breaks of both', () => {
    expect(read('# one\r\n// two\r\na = 1 # three\r\n/* four\r\n five */ b /* six */ = 2 // seven')).toEqual({
      of: [
        ['a', 1],
        ['b', 2],
      ],
    });
    expect(read('a = "# // /* is text"')).toEqual({ of: [['a', '# // /* is text']] });
    expect(read('\ufeffa = 1')).toEqual({ of: [['a', 1]] });
    expect(read('/* only a comment */')).toEqual({ of: [] });
  });

  test('reads escapes: Go’s in HCL, JSON’s in JSON', () => {
    expect(read('a = "\\a\\b\\f\\n\\r\\t\\v\\\\\\"\\x41\\101\\u00e9\\U0001F511 é🔑"')).toEqual({
      of: [['a', '\u0007\b\f\n\r\t\v\\"AA\u00e9\u{1f511} é🔑']],
    });
    expect(read('{"a": "\\b\\f\\n\\r\\t\\\\\\"\\/\\u00e9\\ud83d\\udd11"}')).toEqual({
      of: [['a', '\b\f\n\r\t\\"/é🔑']],
    });
    for (const text of [
      'a = "\\q"',
      'a = "\\x4"',
      'a = "\\U00110000"',
      'a = "\\u12"',
      'a = "\\9"',
      '{"a": "\\x41"}',
    ]) {
      expect(refusal(text), text).toContain('unknown escape');
    }
  });

  test('reads heredocs, indented ones without the indent of their mark', () => {
    expect(read('a = <<EOF\n one\n"two"\nEOF\nb = 1')).toEqual({
      of: [
        ['a', ' one\n"two"\n'],
        ['b', 1],
      ],
    });
    expect(read('a = <<-EOF\r\n    one\r\n      two\r\n    EOF\r\n')).toEqual({
      of: [['a', 'one\r\n  two\r\n']],
    });
    expect(read('a = <<-EOF\n one\n  two\n   EOF')).toEqual({ of: [['a', ' one\n  two\n']] });
    expect(read('a = [<<X\nX\n, "y"]')).toEqual({ of: [['a', ['', 'y']]] });
    expect(parseHcl('a = <<X\n1\n2\nX\nb = 1').members[1]?.at).toEqual({ line: 5, column: 1 });
  });

  test('reads numbers exactly or not at all', () => {
    expect(read('a = [0, -1, 1.5, 1e3, -2.5E-1, 0x1F, 9007199254740991]')).toEqual({
      of: [['a', [0, -1, 1.5, 1000, -0.25, 31, 9007199254740991]]],
    });
    for (const huge of ['9007199254740993', '1e400', `1${'0'.repeat(100_000)}`]) {
      expect(refusal(`a = ${huge}`)).toBe(
        'line 1, column 5: this number is too large to be compared exactly',
      );
    }
    for (const wrong of ['010', '1.', '.5', '--1', '1e', '12abc', '0x', '1_000', '+1', '-']) {
      expect(refusal(`a = ${wrong}`), wrong).toMatch(/^line 1, column 5: /);
    }
    expect(refusal('{"a": 0x1F}')).toContain('not a number');
  });

  test('says line and column of the first thing it cannot read', () => {
    expect(refusal('path "a" {\n  b = ,\n}')).toBe(
      'line 2, column 7: expected a value (text is written in double quotes), but there is ","',
    );
    expect(refusal('path "a" {\n  b = read\n}')).toContain('line 2, column 7: expected a value');
    expect(refusal('path "a"')).toBe('line 1, column 9: expected "=" or "{", but the text ends');
    expect(refusal('path "a" {')).toBe('line 1, column 11: expected a key or "}", but the text ends');
    expect(refusal('a = [1 2]')).toContain('line 1, column 8: expected "," or "]"');
    expect(refusal('a = [,]')).toContain('line 1, column 6');
    expect(refusal('a = 1\n}')).toContain('line 2, column 1: expected the end of the text');
    expect(refusal('a = 1 ;')).toBe('line 1, column 7: unexpected character ";"');
    expect(refusal('<<X\n1\nX\n = 1')).toContain('line 1, column 1: expected the end of the text');
    expect(refusal('🔑 = 1')).toBe('line 1, column 1: unexpected character "🔑"');
  });

  test('says where something unterminated began', () => {
    expect(refusal('a = 1\nb = "text\n"')).toContain('line 2, column 5: this string is never closed');
    expect(refusal('a = "text')).toContain('line 1, column 5: this string is never closed');
    expect(refusal('a = "text\\')).toContain('unknown escape');
    expect(refusal('a = 1\n\n  /* text\n')).toContain('line 3, column 3: this comment is never closed');
    expect(refusal('a = 1 /*/')).toContain('never closed');
    expect(refusal('a = <<EOF\ntext\n EOF\n')).toContain('line 1, column 5: this heredoc is never closed');
    expect(refusal('a = <<EOF')).toContain('a heredoc needs lines');
    expect(refusal('a = <<E F\nE F\n')).toContain('a heredoc begins with');
  });

  test('refuses text that is not text', () => {
    expect(refusal('a = 1\n b = "\0"')).toBe('line 2, column 7: the text holds a NUL character');
    expect(refusal('a = "\ud800"')).toContain('half of a surrogate pair');
    expect(refusal('a = "\\ud800"')).toBe('line 1, column 5: this string escapes half of a surrogate pair');
    expect(refusal('a = 1 \ufeff')).toContain('unexpected character');
    expect(refusal('a = "x" \u009b')).toContain('unexpected character "\\u009b"');
  });

  test('threat 15: parser DoS — depth, length and shape have limits', () => {
    const deep = 10_000;
    for (const text of [
      'a { '.repeat(deep),
      `a = ${'['.repeat(deep)}`,
      'a '.repeat(deep),
      '{"a": '.repeat(deep),
      `{"a": ${'['.repeat(deep)}`,
    ]) {
      expect(refusal(text)).toMatch(/nested deeper than 32 levels|so many labels/);
    }
    expect(read(`a = ${'['.repeat(32)}${']'.repeat(32)}`)).toBeDefined();
    expect(refusal('#'.repeat(300 * 1024))).toBe(`the text is longer than ${hclLimits.textBytes} bytes`);
    expect(refusal(`#${'é'.repeat(hclLimits.textBytes / 2)}`)).toContain('is longer than');
    expect(read('#'.repeat(hclLimits.textBytes))).toEqual({ of: [] });
  });

  test('threat 15: parser DoS — texts made of nothing but openings are read once', () => {
    const length = hclLimits.textBytes - 10;
    for (const piece of [
      '"\\"',
      '/*',
      '//\n',
      '<<A\n',
      '[',
      '{',
      '"a"',
      'a=1 ',
      '\\',
      '0',
      '-',
      '\n',
      '$',
      '<',
    ]) {
      const text = piece.repeat(Math.floor(length / piece.length));
      for (const whole of [text, `a = ${text}`, `{"a": ${text}`]) {
        try {
          parseHcl(whole);
        } catch (error) {
          expect(error).toBeInstanceOf(CofferError);
        }
      }
    }
  });

  test('whatever the text, it is read or refused with a position', () => {
    const piece = fc.constantFrom(
      ...[
        '{',
        '}',
        '[',
        ']',
        ',',
        '=',
        ':',
        '"',
        '\\',
        '\n',
        ' ',
        '#',
        '//',
        '/*',
        '*/',
        '<<A',
        'A',
        'path',
        '1',
        'é',
        '\r',
      ],
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        try {
          expect(parseHcl(pieces.join('')).kind).toBe('object');
        } catch (error) {
          expect(error).toBeInstanceOf(CofferError);
          expect((error as CofferError).message).toMatch(/^line \d+, column \d+: /);
        }
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('JSON', () => {
  test('reads what JSON.parse reads, to the same values', () => {
    const safe = fc.jsonValue().filter((value) => !JSON.stringify(value).match(/[0-9]{15}|e[+-]?[0-9]/));
    fc.assert(
      fc.property(safe, (value) => {
        const text = JSON.stringify({ value }, undefined, 1);
        // -0 is written as 0, and a value nested too deep is the other test's matter.
        expect(toJs(parseHcl(text))).toEqual(JSON.parse(text));
      }),
      { numRuns: 2_000 },
    );
  });

  test('is stricter than HCL: commas, colons, quotes, and nothing behind', () => {
    for (const text of [
      '{"a": 1,}',
      '{"a": 1 "b": 2}',
      '{"a" = 1}',
      '{a: 1}',
      '{"a": [1,]}',
      '{"a": 1} {"b": 2}',
      '{"a": 1} # text',
      '{"a": "\n"}',
      '{"a": "\t"}',
      '{"a": undefined}',
      '{',
    ]) {
      expect(refusal(text), text).toMatch(/^line \d+, column \d+: /);
    }
    expect(read(' \n {"a": null} \n')).toEqual({ of: [['a', null]] });
  });
});

function toJs(value: HclValue): unknown {
  if (value.kind === 'object')
    return Object.fromEntries(value.members.map((member) => [member.key, toJs(member.value)]));
  return value.kind === 'list' ? value.items.map(toJs) : plain(value);
}
