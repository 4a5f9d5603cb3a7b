import { expect, test } from 'vitest';
import { suggest } from '../suggest.ts';
import { parseInput } from './args.ts';
import { defineCommand } from './command.ts';
import { helpText } from './help.ts';
import { ourWord } from './other-words.ts';

const command = defineCommand({
  summary: 'Try things',
  operands: { NAME: 'one', VALUE: 'many' },
  options: {
    field: { type: 'text', short: 'f', help: 'a text' },
    all: { type: 'flag', short: 'a', help: 'a flag' },
    cas: { type: 'integer', value: 'N', help: 'a number' },
    policy: { type: 'list', help: 'a list' },
  },
  async run() {},
});
const single = defineCommand({ summary: 'One', operands: { NAME: 'one' }, options: {}, async run() {} });
const parse = (...words: string[]) => parseInput(command, 'try', words);

test('absent options have their empty value', () => {
  expect(parse('x')).toEqual({
    options: { format: undefined, help: false, field: undefined, all: false, cas: undefined, policy: [] },
    operands: { NAME: 'x', VALUE: [] },
  });
});

test('options may stand anywhere, and "--" ends them', () => {
  const input = parse(
    '--cas=0',
    'x',
    '-f',
    '-',
    '--policy',
    'a',
    'y',
    '--policy=b',
    '-a',
    '--',
    '--all',
    '-',
  );
  expect(input.options).toMatchObject({ cas: 0, field: '-', policy: ['a', 'b'], all: true });
  expect(input.operands).toEqual({ NAME: 'x', VALUE: ['y', '--all', '-'] });
});

test.each([
  [[], 'NAME is missing'],
  [['x', '--fild', 'v'], 'unknown option --fild (did you mean --field?)'],
  [['x', '--constructor'], 'unknown option --constructor'],
  [['x', '-z'], 'unknown option -z'],
  [['x', '--field'], '--field needs a value'],
  [['x', '--field', '--all'], '--field needs a value (one that starts with "-" is written --field=VALUE)'],
  [['x', '--field', 'a', '--field', 'b'], '--field is given twice'],
  [['x', '--all=yes'], '--all takes no value'],
  [['x', '--cas', 'one'], '--cas needs a whole number'],
  [['x', '--cas=-1'], '--cas needs a whole number'],
  [['x', '--cas', '99999999999999999999'], '--cas needs a whole number'],
  [['x', '--format', 'yaml'], '--format must be one of: text, json'],
])('%j: %s', (words, problem) => {
  expect(() => parse(...words)).toThrow(
    expect.objectContaining({ code: 'usage', message: `${problem}; see \`coffer try --help\`` }),
  );
});

test('threat 16: a surplus argument is counted, not shown', () => {
  const surplus = () => parseInput(single, 'one', ['x', 'hunter2']);
  expect(surplus).toThrow('takes at most 1 argument, 2 given');
  expect(surplus).not.toThrow(/hunter2/);
});

test('a flag may have a second form, written as a value of the first', () => {
  const flag = { type: 'flag', help: 'a flag' } as const;
  const init = defineCommand({
    summary: 'I',
    operands: {},
    options: { init: flag, 'init-by-api': flag },
    async run() {},
  });
  expect(parseInput(init, 'i', ['--init=api']).options).toMatchObject({ init: false, 'init-by-api': true });
  expect(parseInput(init, 'i', ['--init']).options).toMatchObject({ init: true, 'init-by-api': false });
  expect(() => parseInput(init, 'i', ['--init=other'])).toThrow('--init takes no value');
});

test('--help needs no operands', () => {
  expect(parse('--help').options['help']).toBe(true);
});

test('the help names what the declaration has', () => {
  const text = helpText('try', command);
  expect(text).toContain('Usage: coffer try [options] NAME [VALUE...]\n');
  expect(text).toContain('  -f, --field TEXT');
  expect(text).toContain('  --cas N ');
  expect(text).toContain('  -h, --help ');
});

test('a near word is suggested, a far one is not', () => {
  const known = ['put', 'get', 'history', 'status'];
  expect(suggest('histroy', known)).toBe('history');
  expect(suggest('stat', known)).toBe('status');
  expect(suggest('gte', known)).toBe('get');
  expect(suggest('xyz', known)).toBeUndefined();
  expect(suggest('', known)).toBeUndefined();
});

test('words of other programs are told what they are called here', () => {
  expect(ourWord('rm', ['delete', 'list'])).toBe('delete');
  expect(ourWord('unseal', ['operator'])).toBe('operator unseal');
  expect(ourWord('mount rm', ['mount list', 'mount disable'])).toBe('mount disable');
  expect(ourWord('policy cat', ['policy delete'])).toBeUndefined();
  expect(ourWord('toString', ['list'])).toBeUndefined();
});
