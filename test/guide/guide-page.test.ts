import { describe, expect, it } from 'vitest';
import { parseGuide } from './guide-page.ts';

const sh = (text: string) => `\`\`\`sh\n${text}\n\`\`\`\n`;

describe('a guide', () => {
  it('is read as its steps, with what stands before and after each', () => {
    const page = parseGuide(
      `# A guide\n<!-- needs: server, aws -->\n\n<!-- typed: a b -->\n<!-- typed: c -->\n<!-- exit code: 4 -->\n${sh('one')}\n\`\`\`output\nsaid\n\`\`\`\n\n<!-- stop: server -->\n\n<!-- not run: it takes a machine -->\n${sh('two')}`,
    );
    expect(page).toEqual({
      needs: ['server', 'aws'],
      steps: [
        { kind: 'shell', line: 7, text: 'one', typed: ['a b', 'c'], exitCode: 4, output: 'said' },
        { kind: 'stop', line: 15, name: 'server' },
        { kind: 'shell', line: 18, text: 'two', typed: [], exitCode: 0, notRun: 'it takes a machine' },
      ],
    });
  });

  it.each([
    ['a block without an end', '```sh\nx\n', 'has no end'],
    ['a block in no language', '```\nx\n```\n', 'the language of a block'],
    ['code by indentation', 'Say\n\n    coffer put x\n', 'between fences'],
    ['output of nothing', '```output\nx\n```\n', 'output follows'],
    ['a second output', `${sh('x')}\`\`\`output\ny\n\`\`\`\n\`\`\`output\ny\n\`\`\`\n`, 'output follows'],
    ['an unknown remark', '<!-- skip: it -->\n', 'there is no remark "skip"'],
    ['a comment that is no remark', '<!-- TODO -->\n', 'a comment is a remark'],
    ['a remark on nothing', '<!-- not run: it can not be -->\ntext\n', 'right before it'],
    ['a remark at the end', '<!-- not run: it can not be -->', 'right before it'],
    ['a value that the block does not set', `<!-- given: NAME -->\n${sh('x')}`, 'does not set NAME'],
  ])('is refused with %s', (_, text, problem) => {
    expect(() => parseGuide(text)).toThrow(problem);
  });

  it('may have text of a list at any depth', () => {
    expect(parseGuide('1.  One\n\n    more of it\n').steps).toEqual([]);
  });
});
