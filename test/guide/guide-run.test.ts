/** The runner itself, on guides of shell alone: what it hands on from block to block, and what it does not let pass. */
import { existsSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { parseGuide } from './guide-page.ts';
import { GuideRun } from './guide-run.ts';

const runs: GuideRun[] = [];
afterEach(async () => {
  await Promise.all(runs.splice(0).map((run) => run.close()));
});

async function follow(text: string, given: Readonly<Record<string, string>> = {}): Promise<void> {
  const run = new GuideRun(given);
  runs.push(run);
  for (const step of parseGuide(text).steps) await run.follow(step);
}

const sh = (text: string) => `\`\`\`sh\n${text}\n\`\`\`\n`;
const shows = (text: string) => `\`\`\`output\n${text}\n\`\`\`\n`;
/** A server to the runner, which says on its end whether that was Ctrl-C. */
const server = sh(
  `trap 'echo stopped > ~/how; exit' INT; echo 'Serving all'; while :; do read -t 9 _ <> <(:); done`,
);

describe('a guide is followed', () => {
  it('with variables, as they were exported or not, and folders from block to block', async () => {
    const first = sh(`ONE='a\nb'\nexport TWO=2\nmkdir "a b" && cd "a b"`);
    const second = sh(`echo "$ONE"; sh -c 'echo "\${ONE-none} $TWO"'; basename "$PWD"; echo last >&2`);
    await follow(first + second + shows('a\nb\nnone 2\na b\nlast'));
  });

  it('with what is typed, and with the exit code that is meant', async () => {
    await follow(
      `<!-- typed: one -->\n<!-- typed: two -->\n<!-- exit code: 3 -->\n${sh('cat; exit 3')}${shows('one\ntwo')}`,
    );
  });

  it('with values that the reader has, and without what can not be run', async () => {
    const text = `<!-- given: NAME -->\n${sh('NAME=theirs')}<!-- not run: it is too much -->\n${sh('exit 1')}${sh('echo "$NAME"')}`;
    await follow(text + shows('ours'), { NAME: 'ours' });
  });

  it('on several machines', async () => {
    await follow(
      `${sh('export A=1; touch ~/mine')}<!-- machine: other -->\n${sh('ls ~; printenv A || echo none')}${shows('tmp\nnone')}`,
    );
  });

  it('with servers that are stopped and killed', async () => {
    const stopped = `<!-- terminal: a -->\n${server}<!-- stop: a -->\n${sh('cat ~/how; rm ~/how')}${shows('stopped')}`;
    const killed = `<!-- terminal: a -->\n${server}<!-- kill: a -->\n${sh('ls ~')}${shows('tmp')}`;
    await follow(stopped + killed);
  });

  it('and leaves nothing behind', async () => {
    const run = new GuideRun();
    const [step] = parseGuide(sh('echo "$HOME"; exit 9')).steps;
    const failed = step === undefined ? undefined : run.follow(step);
    const problem = await failed?.then(String, String);
    const home = /^\/.*$/m.exec(problem ?? '')?.[0] ?? '';
    expect(existsSync(home)).toBe(true);
    await run.close();
    expect(existsSync(home)).toBe(false);
  });
});

describe('a guide is found out', () => {
  it.each([
    ['a command that fails', sh('true\nfalse\necho done'), 'it ended with 1, and should with 0'],
    ['one that fails in a pipe', sh('false | cat'), 'it ended with 1'],
    ['a variable that nobody set', sh('echo "$NOBODY"'), 'it ended with 1'],
    ['one that should fail', `<!-- exit code: 2 -->\n${sh('true')}`, 'it ended with 0, and should with 2'],
    ['other output', sh('echo a; echo b') + shows('a'), 'the guide shows\na\nand what came is\na\nb'],
    ['a value that nobody gives', `<!-- given: NAME -->\n${sh('NAME=x')}`, 'nobody gives NAME'],
    ['a terminal that is not there', '<!-- stop: a -->\n', 'there is no terminal a'],
    [
      'a server that does not serve',
      `<!-- terminal: a -->\n${sh('echo why >&2; exit 1')}`,
      'it does not serve\nwhy',
    ],
    [
      'two in one terminal',
      `<!-- terminal: a -->\n${server}<!-- terminal: a -->\n${server}`,
      'the terminal a is in use',
    ],
    ['another program of npx', sh('npx cowsay hello'), 'it ended with 127'],
  ])('with %s', async (_, text, problem) => {
    await expect(follow(text)).rejects.toThrow(problem);
  });
});
