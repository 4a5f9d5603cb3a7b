/**
 * What a guide asks of its reader, in order. Besides its text a guide holds fenced blocks and, in comments that no reader sees,
 * what a reader knows without being told:
 *
 * - `<!-- needs: server -->` what has to be there before the first block; several words, parted by commas
 * - before a block of `sh`: `<!-- not run: why -->`; `<!-- typed: a line -->` for a question that it asks; `<!-- exit code: 4 -->`;
 *   `<!-- terminal: name -->` for a server, which stays; `<!-- given: NAME -->` where the reader's own value goes into a variable
 * - anywhere: `<!-- stop: name -->` Ctrl-C in that terminal, `<!-- kill: name -->` the machine lost its power,
 *   `<!-- machine: name -->` what follows happens in another home
 *
 * A block of `output` holds what the block of `sh` before it says; `…` stands for what differs each time.
 */

export interface ShellBlock {
  readonly kind: 'shell';
  readonly line: number;
  readonly text: string;
  /** Why it is not run here; undefined where it is. */
  readonly notRun?: string;
  /** The variable that the test sets in place of running the block. */
  readonly given?: string;
  readonly typed: readonly string[];
  readonly exitCode: number;
  readonly terminal?: string;
  readonly output?: string;
}

export interface Act {
  readonly kind: 'stop' | 'kill' | 'machine';
  readonly line: number;
  readonly name: string;
}

export type Step = ShellBlock | Act;

export interface GuidePage {
  readonly needs: readonly string[];
  readonly steps: readonly Step[];
}

const fence = /^```(\S*)\s*$/;
const comment = /^<!-- ([a-z ]+): (.+) -->$/;
/** What a shell would do is said with `sh`; the rest is to be read. */
const languages: ReadonlySet<string> = new Set([
  'sh',
  'output',
  'text',
  'hcl',
  'toml',
  'yaml',
  'json',
  'sql',
]);
const beforeBlocks: ReadonlySet<string> = new Set(['not run', 'given', 'typed', 'exit code', 'terminal']);

interface Remark {
  readonly word: string;
  readonly rest: string;
  readonly line: number;
}

/** Throws with the line of what it does not understand: a block that nobody runs must not look like one that is. */
export function parseGuide(text: string): GuidePage {
  const lines = text.split('\n');
  const needs: string[] = [];
  const steps: Step[] = [];
  let remarks: Remark[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    const fenced = fence.exec(line);
    if (fenced !== null) {
      const end = lines.indexOf('```', at + 1);
      if (end < 0) fail(at, 'the block has no end');
      const body = lines.slice(at + 1, end).join('\n');
      takeBlock(steps, fenced[1] ?? '', body, at, remarks);
      remarks = [];
      at = end;
    } else if (line.startsWith('<!--')) {
      const remark = remarkOf(line, at);
      if (remark.word === 'needs') needs.push(...remark.rest.split(', '));
      else if (beforeBlocks.has(remark.word)) remarks.push(remark);
      else steps.push(actOf(remark));
    } else if (isIndentedCode(lines, at)) {
      fail(at, 'code stands between fences, with its language');
    }
    if (remarks.length > 0 && line !== '' && !line.startsWith('<!--')) {
      fail(at, 'a remark on a block stands right before it');
    }
  }
  if (remarks.length > 0) fail(lines.length, 'a remark on a block stands right before it');
  return { needs, steps };
}

function takeBlock(
  steps: Step[],
  language: string,
  text: string,
  line: number,
  remarks: readonly Remark[],
): void {
  if (!languages.has(language)) fail(line, `the language of a block is one of ${[...languages].join(', ')}`);
  if (language === 'sh') {
    steps.push(shellBlock(text, line, remarks));
    return;
  }
  if (remarks.length > 0) fail(line, 'remarks are for blocks of sh');
  if (language !== 'output') return;
  const shell = steps.at(-1);
  if (shell?.kind !== 'shell' || shell.output !== undefined) fail(line, 'output follows a block of sh');
  else steps[steps.length - 1] = { ...shell, output: text };
}

function shellBlock(text: string, line: number, remarks: readonly Remark[]): ShellBlock {
  const said = (word: string) => remarks.filter((remark) => remark.word === word).map(({ rest }) => rest);
  const [notRun] = said('not run');
  const [given] = said('given');
  const [terminal] = said('terminal');
  if (given !== undefined && !text.includes(`${given}=`)) fail(line, `the block does not set ${given}`);
  return {
    kind: 'shell',
    line: line + 1,
    text,
    typed: said('typed'),
    exitCode: Number(said('exit code')[0] ?? 0),
    ...(notRun === undefined ? {} : { notRun }),
    ...(given === undefined ? {} : { given }),
    ...(terminal === undefined ? {} : { terminal }),
  };
}

function remarkOf(line: string, at: number): Remark {
  const [, word = '', rest = ''] = comment.exec(line) ?? [];
  if (word === '') fail(at, 'a comment is a remark, such as <!-- not run: why -->');
  return { word, rest, line: at };
}

function actOf({ word, rest, line }: Remark): Act {
  if (word === 'stop' || word === 'kill' || word === 'machine')
    return { kind: word, name: rest, line: line + 1 };
  return fail(line, `there is no remark "${word}"`);
}

/** Four blanks after an empty line, unless a list goes on. */
function isIndentedCode(lines: readonly string[], at: number): boolean {
  if (!/^ {4}\S/.test(lines[at] ?? '') || lines[at - 1] !== '') return false;
  const before = lines.slice(0, at).findLast((line) => /^\S/.test(line)) ?? '';
  return !/^(-|\d+\.)\s/.test(before);
}

function fail(at: number, problem: string): never {
  throw new Error(`line ${at + 1}: ${problem}`);
}
