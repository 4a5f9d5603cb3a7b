import { expect, test } from 'vitest';
import { CofferError } from '../errors.ts';
import { output } from './cli.fixture.ts';
import { layTable } from './table-layout.ts';
import { fitText, textWidth } from './text-width.ts';
import { type Format, openUi } from './ui.ts';

function screen(format: Format, columns?: number, env: Record<string, string> = {}) {
  const stdout = output(columns);
  const stderr = output(columns);
  const ui = openUi({ stdout: stdout.stream, stderr: stderr.stream, env }, format);
  return { ui, out: () => stdout.bytes().toString('utf8'), err: () => stderr.bytes().toString('utf8') };
}

const hostile = 'a\u001b]0;x\u0007b\u009b31m\u202ec\r';

test('a table on a pipe is rows of tab-separated cells without heading', () => {
  const { ui, out } = screen('text');
  ui.table(['NAME', 'TYPE'], [['secret/', 'kv\tx']], {});
  expect(out()).toBe('secret/\tkv\\tx\n');
});

test('a table on a terminal has a heading and fits its width', () => {
  const { ui, out } = screen('text', 24, { NO_COLOR: '1' });
  ui.table(
    ['NAME', 'DESCRIPTION'],
    [
      ['a', 'short'],
      ['b', 'something that is far too long'],
    ],
    {},
  );
  expect(out()).toBe('NAME  DESCRIPTION\na     short\nb     something that is…\n');
});

test('a record is never cut', () => {
  const { ui, out } = screen('text', 10, {});
  ui.record([['password', 'x'.repeat(30)]], {});
  expect(out()).toBe(`password  ${'x'.repeat(30)}\n`);
});

test('what is said to a terminal is broken between words', () => {
  const { ui, err } = screen('text', 16, { NO_COLOR: '1' });
  ui.fail(new CofferError('usage', 'there is no such thing'));
  ui.warn('mind the gap');
  ui.talk('one two three four five\n  laid out as it is already');
  expect(err()).toBe(
    'error: there is\nno such thing\nwarning: mind\nthe gap\none two three\nfour five\n  laid out as it is already\n',
  );
});

test('on a pipe it is one line', () => {
  const { ui, err } = screen('text');
  ui.fail(new CofferError('usage', 'long '.repeat(50).trim()));
  expect(err().match(/\n/g)).toHaveLength(1);
});

test('colour only on a terminal, and not against NO_COLOR or TERM=dumb', () => {
  const failed = (columns: number | undefined, env: Record<string, string>) => {
    const { ui, err } = screen('text', columns, env);
    ui.fail(new CofferError('usage', 'no'));
    return err();
  };
  expect(failed(80, {})).toBe('\u001b[31merror:\u001b[0m no\n');
  expect(failed(80, { NO_COLOR: '1' })).toBe('error: no\n');
  expect(failed(80, { TERM: 'dumb' })).toBe('error: no\n');
  expect(failed(undefined, {})).toBe('error: no\n');
});

test('with json the data is one document and talk is silent', () => {
  const { ui, out, err } = screen('json');
  ui.talk('stored');
  ui.lines(['a', 'b']);
  expect(JSON.parse(out())).toEqual(['a', 'b']);
  expect(err()).toBe('');
});

test('with json an error is a document with code and message', () => {
  const { ui, out, err } = screen('json');
  expect(ui.fail(new CofferError('sealed', 'closed'))).toBe('sealed');
  expect(JSON.parse(err())).toEqual({ error: { code: 'sealed', message: 'closed' } });
  expect(out()).toBe('');
});

test('threat 16: an unexpected error shows nothing of what it says', () => {
  const { ui, err } = screen('text');
  expect(ui.fail(new Error('hunter2'))).toBe('internal');
  expect(err()).toBe('error: internal error\n');
});

test('text from elsewhere cannot steer a terminal', () => {
  const { ui, out, err } = screen('text', 80, { NO_COLOR: '1' });
  ui.text(hostile);
  ui.lines([hostile]);
  ui.record([['k', hostile]], {});
  ui.warn(hostile);
  ui.fail(new CofferError('usage', hostile));
  expect(out() + err()).not.toMatch(/[\u001b\u0007\u009b\u202e\r]/);
  expect(out()).toContain('a\\u001b]0;x\\u0007b\\u009b31m\\u202ec\\r\n');
});

test('JSON cannot steer a terminal either, and means the same', () => {
  const { ui, out } = screen('json', 80);
  ui.json({ a: hostile });
  expect(out()).not.toMatch(/[\u001b\u0007\u009b\u202e\r]/);
  expect(JSON.parse(out())).toEqual({ a: hostile });
});

test('a pipe gets text exactly, a terminal gets a line end with it', () => {
  const piped = screen('text');
  piped.ui.text('x\u001b');
  expect(piped.out()).toBe('x\u001b');
  const shown = screen('text', 80);
  shown.ui.text('a\tb\nc');
  expect(shown.out()).toBe('a\tb\nc\n');
});

test.each([
  ['abc', 3],
  ['日本', 4],
  ['ｆｕｌｌ', 8],
  ['e\u0301', 1],
  ['👩‍👩‍👧', 2],
  ['🇩🇪', 2],
  ['\u200b', 0],
  ['é–ñ', 3],
])('%s takes %i cells', (text, cells) => {
  expect(textWidth(text)).toBe(cells);
});

test('what is cut is cut between characters, not through them', () => {
  expect(fitText('日本語', 4)).toBe('日…');
  expect(fitText('日本語', 5)).toBe('日本…');
  expect(fitText('日本語', 6)).toBe('日本語');
  expect(fitText('ae\u0301b', 2)).toBe('a…');
});

test('wide text is aligned, and no line is wider than the terminal', () => {
  const lines = layTable(
    [
      ['日本', 'x'],
      ['a', 'y'],
    ],
    80,
  );
  expect(lines).toEqual(['日本  x', 'a     y']);
  for (const width of [20, 30, 40]) {
    const rows = [['n'.repeat(30), '語'.repeat(20), 'd'.repeat(50)]];
    expect(Math.max(...layTable(rows, width).map(textWidth))).toBeLessThanOrEqual(Math.max(width, 22));
  }
});
