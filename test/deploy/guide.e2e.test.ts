/**
 * The guide to deploying does what it says: its shell blocks, in order, as one script. Programs that have no engine or cluster here write
 * down how they were called; everything else is real, with /etc/coffer in a folder of its own.
 */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  cleanUp,
  cli,
  freshPlace,
  type Outcome,
  program,
  runProgram,
  startServer,
} from '../e2e/server-process.ts';
import { root } from './released-package.ts';

const guide = readFileSync(join(root, 'docs/guide/deploy.md'), 'utf8');
const blocks = (language: string) =>
  [...guide.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    ([, block = '']) => block,
  );

const temporary = mkdtempSync(join(tmpdir(), 'coffer-deploy-guide-'));
const work = join(temporary, 'work');
const system = join(temporary, 'system');
const calls = join(temporary, 'calls');
let outcome: Outcome;
let written = '';

const recorder = `#!/bin/sh
{ basename "$0"; for word; do printf '\\t%s' "$word"; done; echo; } | sed '1N;s/\\n//' >>"$CALLS"
`;
/** As root would do it, below a folder. */
const sudo = `#!/bin/sh
for word; do shift; set -- "$@" "$(printf %s "$word" | sed "s|/etc/coffer|$DESTDIR&|")"; done
exec "$@"
`;

function place(name: string, text: string): void {
  const path = join(temporary, 'bin', name);
  writeFileSync(path, text);
  chmodSync(path, 0o755);
}

beforeAll(async () => {
  for (const folder of [work, system, join(temporary, 'bin')]) mkdirSync(folder);
  cpSync(join(root, 'deploy'), join(work, 'deploy'), { recursive: true });
  for (const name of ['docker', 'helm', 'kubectl', 'systemctl']) place(name, recorder);
  place('sudo', sudo);
  place('coffer', `#!/bin/sh\nexec ${process.execPath} ${program} "$@"\n`);
  place('npx', '#!/bin/sh\nexec "$@"\n');
  const home = freshPlace();
  const server = await startServer(home, {
    listen: [],
    words: ['--init'],
    env: { COFFER_LISTEN: '127.0.0.1:0' },
  });
  const env = {
    ...home.env,
    PATH: `${join(temporary, 'bin')}:${home.env['PATH'] ?? ''}`,
    CALLS: calls,
    DESTDIR: system,
    COFFER_ADDR: server.address,
    COFFER_OWNER: `${process.getuid?.()}:${process.getgid?.()}`,
  };
  outcome = await runProgram(
    'bash',
    ['-euo', 'pipefail', '-c', blocks('sh').join('\n')],
    env,
    undefined,
    work,
  );
  written = (await cli(home, ['policy', 'show', 'build'], { env: { COFFER_ADDR: server.address } })).stdout;
  await server.stop();
});

afterAll(async () => {
  rmSync(temporary, { recursive: true, force: true });
  await cleanUp();
});

it('runs as it is written', () => {
  expect(blocks('sh').length).toBeGreaterThan(6);
  expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
  expect(written).toContain('secret/data/shop/*');
});

it('names files of the checkout that are there', () => {
  const called = readFileSync(calls, 'utf8').trimEnd().split('\n');
  const named = called.flatMap((line) => line.split('\t').filter((word) => word.startsWith('deploy/')));
  expect(named).toContain('deploy/container/Dockerfile');
  expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  expect(called.map((line) => line.split('\t')[0])).toEqual(
    expect.arrayContaining(['docker', 'helm', 'kubectl', 'systemctl']),
  );
});

it('the container is run with what the image promises', () => {
  const run = /^docker\trun\t.*$/m.exec(readFileSync(calls, 'utf8'))?.[0] ?? '';
  for (const words of [
    '--read-only',
    'coffer-data:/var/lib/coffer',
    'coffer-key:/var/lib/coffer-key',
    'coffer\tserver\t--init',
  ]) {
    expect(run).toContain(words);
  }
});

describe('what systemd is given', () => {
  const of = (path: string) => join(system, path);

  it('is the unit with the program’s own place', () => {
    const unit = readFileSync(of('etc/systemd/system/coffer.service'), 'utf8');
    expect(unit).toContain(
      `ExecStart=${join(temporary, 'bin/coffer')} server --config /etc/coffer/coffer.toml $COFFER_INIT`,
    );
    expect(existsSync(of('usr/lib/sysusers.d/coffer.conf'))).toBe(true);
  });

  it('threat 26: variables, which may hold a password, are for root alone, and a new store is not asked for any more', () => {
    expect(statSync(of('etc/coffer/environment')).mode & 0o777).toBe(0o600);
    expect(readFileSync(of('etc/coffer/environment'), 'utf8')).toMatch(/^#COFFER_INIT=--init$/m);
  });

  it('is a configuration that the server takes', async () => {
    const home = freshPlace();
    const checked = await cli(home, ['server', '--config', of('etc/coffer/coffer.toml'), '--check']);
    expect(checked, checked.stderr).toMatchObject({ code: 0 });
  });

  it('stays as somebody changed it', async () => {
    writeFileSync(of('etc/coffer/coffer.toml'), '# mine\n');
    const env = { PATH: process.env['PATH'] ?? '', DESTDIR: system, COFFER_PROGRAM: '/opt/coffer' };
    const again = await runProgram(join(root, 'deploy/systemd/install.sh'), [], env);
    expect(again).toMatchObject({ code: 0 });
    expect(readFileSync(of('etc/coffer/coffer.toml'), 'utf8')).toBe('# mine\n');
    const unit = readFileSync(of('etc/systemd/system/coffer.service'), 'utf8');
    expect(unit).toContain('ExecStart=/opt/coffer server ');
  });
});

it('the workflow asks for what the action knows', () => {
  const [workflow = ''] = blocks('yaml');
  const { steps } = parse(workflow) as {
    readonly steps: readonly { readonly uses?: string; readonly with?: Readonly<Record<string, string>> }[];
  };
  const used = steps.find(({ uses }) => uses === './deploy/github-action');
  const action = parse(readFileSync(join(root, 'deploy/github-action/action.yml'), 'utf8')) as {
    readonly inputs: Readonly<Record<string, { readonly required: boolean }>>;
  };
  const given = Object.keys(used?.with ?? {});
  expect(given.filter((name) => !(name in action.inputs))).toEqual([]);
  const needed = Object.entries(action.inputs).filter(([, { required }]) => required);
  expect(needed.map(([name]) => name).filter((name) => !given.includes(name))).toEqual([]);
});
