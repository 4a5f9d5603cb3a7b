/** The completion scripts, sourced by the shells they are for. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, type TestContext, test } from 'vitest';
import { need } from '../setup/need.ts';
import { cleanUp, cli, freshPlace, type Place, program, startServer } from './server-process.ts';

let place: Place;
let env: Record<string, string>;
let folder: string;
const injected = 'x$(touch stolen)';

beforeAll(async () => {
  place = freshPlace();
  folder = join(place.home, 'shells');
  mkdirSync(join(folder, 'bin'), { recursive: true });
  symlinkSync(program, join(folder, 'bin', 'coffer'));
  const server = await startServer(place, { words: ['--dev', '--dev-root-token-id', 'e2e-root'] });
  env = { COFFER_ADDR: server.address, COFFER_TOKEN: 'e2e-root' };
  for (const name of ['team/db', 'team/deep/key', 'top', injected]) {
    expect(await cli(place, ['put', name, '-'], { stdin: 'v', env })).toMatchObject({ code: 0 });
  }
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { stdout } = await cli(place, ['completion', shell], { env });
    writeFileSync(join(folder, `coffer.${shell}`), stdout);
  }
});
afterAll(cleanUp);

/** What each command line may go on with; the last word is the one being typed. */
const lines: readonly (readonly [line: string, includes: readonly string[], excludes: readonly string[]])[] =
  [
    ['coffer po', ['policy'], ['put']],
    ['coffer policy ', ['show', 'explain', 'who-can'], ['get']],
    ['coffer policy explain --op', ['--operation'], ['--policy']],
    ['coffer policy explain --operation ', ['read', 'update'], ['--operation']],
    ['coffer get --format j', ['json'], ['text']],
    ['coffer operator ', ['unseal', 'restore'], []],
    ['coffer help lea', ['lease'], []],
    ['coffer get t', ['team/', 'top'], [injected]],
    ['coffer get team/', ['team/db', 'team/deep/'], ['top']],
    ['coffer mv top team/d', ['team/db', 'team/deep/'], []],
    ['coffer policy show ', ['default'], []],
    ['coffer mount disable ', ['secret/'], []],
    // Names of one server would be wrong for another.
    ['coffer get --address http://127.0.0.1:1 t', [], ['team/']],
    ['coffer get x', [], [injected]],
  ];

function complete(shell: string, flags: readonly string[], script: string): Map<string, readonly string[]> {
  const file = join(folder, `try.${script.length}`);
  writeFileSync(file, script);
  const out = execFileSync(shell, [...flags, file], {
    cwd: folder,
    encoding: 'utf8',
    env: {
      ...env,
      HOME: place.home,
      PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`,
      LD_LIBRARY_PATH: process.env['LD_LIBRARY_PATH'] ?? '',
    },
  });
  const parts = out.split(/^LINE (.*)$/m).slice(1);
  const found = new Map<string, readonly string[]>();
  for (let index = 0; index < parts.length; index += 2) {
    found.set(
      parts[index] ?? '',
      (parts[index + 1] ?? '').split('\n').filter((word) => word !== ''),
    );
  }
  return found;
}

function check(found: Map<string, readonly string[]>): void {
  for (const [line, includes, excludes] of lines) {
    const words = found.get(line);
    expect(words, line).toEqual(expect.arrayContaining([...includes]));
    for (const word of excludes) expect(words, line).not.toContain(word);
  }
}

function wordsOf(line: string): string {
  return line
    .split(' ')
    .map((word) => `'${word}'`)
    .join(' ');
}

test('threat 22: bash completes from the script, and nothing that it would expand', () => {
  const tries = lines.map(
    ([line]) =>
      `echo 'LINE ${line}'; COMP_WORDS=(${wordsOf(line)}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _coffer; printf '%s\\n' "\${COMPREPLY[@]}"`,
  );
  check(complete('bash', ['--norc'], `source ./coffer.bash\n${tries.join('\n')}\n`));
});

test('zsh', (context: TestContext) => {
  const zsh = need(context, 'zsh');
  // The builtins of the line editor work only inside of it: here they print what they are given.
  const stubs = `
compdef() { : }
compset() { : }
_files() { : }
compadd() {
  while [[ $1 == -S ]]; do shift 2; done
  shift
  print -rl -- \${(M)@:#\${words[CURRENT]##*=}*}
}
source ./coffer.zsh
`;
  const tries = lines.map(
    ([line]) => `print -r -- 'LINE ${line}'; words=(${wordsOf(line)}); CURRENT=$#words; _coffer`,
  );
  check(complete(zsh, ['-f'], `${stubs}${tries.join('\n')}\n`));
});

test('fish', (context: TestContext) => {
  const fish = need(context, 'fish');
  const tries = lines.map(([line]) => `echo 'LINE ${line}'; complete -C '${line}'`);
  check(complete(fish, ['--no-config'], `source ./coffer.fish\n${tries.join('\n')}\n`));
});

test('threat 16: without a server, a token or sense, __complete prints nothing and ends well', async () => {
  const nowhere = { COFFER_ADDR: 'http://127.0.0.1:1' };
  for (const [words, more] of [
    [['__complete', 'secret', 't'], nowhere],
    [['__complete', 'secret', 't'], { ...env, COFFER_TOKEN: 'wrong' }],
    [['__complete', 'secret', '../'], env],
    [['__complete', 'value', 'top'], env],
    [['__complete'], env],
  ] as const) {
    expect(await cli(place, words, { env: more })).toMatchObject({ code: 0, stdout: '', stderr: '' });
  }
});
