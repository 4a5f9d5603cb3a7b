import { describe, expect, it } from 'vitest';
import { type Manner, type OptionRules, readWords } from './words.ts';

const rules = {
  noline: { names: ['-n', '--noline'], takes: 0, help: '' },
  version: { names: ['-v', '--version'], takes: 1, help: '' },
  verbose: { names: ['--verbose'], takes: 0, help: '' },
  context: { names: ['--context'], takes: 2, help: '' },
  tags: { names: ['--tags'], takes: 'rest', help: '' },
} as const satisfies OptionRules;

const read = (words: readonly string[], manner: Manner = { kind: 'argparse' }) => {
  const { given, operands } = readWords(rules, words, manner);
  return { ...Object.fromEntries(given), operands };
};

describe('words of an old program', () => {
  it.each([
    [['a', '-v', '3', 'b'], { version: [['3']], operands: ['a', 'b'] }],
    [['-v3', '-n'], { version: [['3']], noline: [[]], operands: [] }],
    [['-nv=3'], { version: [['3']], noline: [[]], operands: [] }],
    [['--version=', 'x'], { version: [['']], operands: ['x'] }],
    [['--noli', 'x'], { noline: [[]], operands: ['x'] }],
    [['--', '-n'], { operands: ['-n'] }],
    [['-5', '-.5', '-', '-two words'], { operands: ['-5', '-.5', '-', '-two words'] }],
    [['--tags', 'a=b', 'c=d', '-n', 'x'], { tags: [['a=b', 'c=d']], noline: [[]], operands: ['x'] }],
    [['--tags'], { tags: [[]], operands: [] }],
  ])('%j', (words, wanted) => expect(read(words)).toEqual(wanted));

  it('click takes whatever comes next for a value, and no beginning of a name', () => {
    const click = { kind: 'click' } as const;
    expect(read(['-v', '-n', '--context', 'env', '-x'], click)).toEqual({
      version: [['-n']],
      context: [['env', '-x']],
      operands: [],
    });
    expect(() => read(['--noli'], click)).toThrow('no such option: --noli');
    expect(() => read(['-v=3'], click)).not.toThrow();
    expect(() => read(['-5'], click)).toThrow('no such option');
  });

  it('ends at the first operand where a command follows', () => {
    const manner = { kind: 'argparse', untilOperand: true } as const;
    expect(read(['-n', 'get', '-v', '--'], manner)).toEqual({ noline: [[]], operands: ['get', '-v', '--'] });
  });

  it.each([
    [['-v'], 'expected one argument'],
    [['-v', '-n'], 'expected one argument'],
    [['--ver'], 'ambiguous'],
    [['--noline=x'], 'takes no value'],
    [['--context', 'one'], 'expected 2 arguments'],
    [['-x'], 'no such option: -x'],
  ])('%j is refused', (words, message) => expect(() => read(words)).toThrow(message));

  it('threat 16: a value that begins with a dash is not repeated', () => {
    expect(() => read(['--s3cr3t!value'])).toThrow(/^no such option \(-- ends options\)$/);
  });
});
