import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startWire } from '../../client/wire.fixture.ts';
import { call, type Outcome, output } from '../cli.fixture.ts';
import { run } from '../run.ts';
import { parseManifest } from './manifest.ts';
import { checkMode, parseMode } from './mode.ts';
import { parseCommand, parseSignal } from './notice.ts';

let env: Record<string, string>;
let folder: string;

beforeAll(async () => {
  const home = mkdtempSync(join(tmpdir(), 'coffer-render-'));
  env = { HOME: home, COFFER_SAFE: `file:${home}/safe`, PATH: process.env['PATH'] ?? '' };
  expect((await call(['safe', 'init', `file:${home}/safe`], { env })).code).toBe(0);
  await put('token', 'v1-hidden');
  await put('db', 'user=app', 'password=pw-hidden');
  expect((await call(['put', 'key'], { env, stdin: Buffer.of(0xff, 0, 1) })).code).toBe(0);
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coffer-render-out-'));
});

async function put(...words: readonly string[]): Promise<void> {
  expect((await call(['put', ...words], { env })).code).toBe(0);
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const render = (...words: readonly string[]): Promise<Outcome> => call(['render', ...words], { env });
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
const modeOf = (name: string): number => statSync(join(folder, name)).mode & 0o7777;

describe('one template', () => {
  it('is printed, or written for its owner alone', async () => {
    const template = file('t', 'token={{ secrets.token }}\nuser={{ secrets.db.user }}\n');
    expect((await render(template)).stdout).toBe('token=v1-hidden\nuser=app');
    expect(await render(template, '-o', join(folder, 'out'))).toMatchObject({ code: 0, stdout: '' });
    expect(read('out')).toBe('token=v1-hidden\nuser=app');
    expect(modeOf('out')).toBe(0o600);
  });

  it('has variables, another word for secrets, and names by a format', async () => {
    const vars = file('vars.yml', 'hosts: [a, b]\nport: 8080\n');
    const template = file('t', "{% for h in hosts %}{{ h }}:{{ port }} {% endfor %}{{ vault['en'] }}");
    const outcome = await render(
      template,
      '--vars',
      vars,
      '--secrets-name',
      'vault',
      '--name-format',
      'tok{0}',
    );
    expect(outcome.stdout).toBe('a:8080 b:8080 v1-hidden');
    expect((await render(template, '--vars', file('v.json', '[1]'))).stderr).toContain(
      'variables must be a map',
    );
    expect((await render(template, '--vars', file('v.json', '{'))).stderr).toContain(
      'v.json: this is not JSON',
    );
  });

  it('keeps what was there when a secret is missing, or anything else is wrong', async () => {
    file('out', 'old');
    for (const [text, message] of [
      ['{{ secrets.token }} {{ secrets.gone }}', 'there is no secret gone'],
      ['{{ secrets.token', 'is not closed'],
      ['{{ secrets.key }}', 'bytes that are no text'],
      ['{{ secrets.db }}', 'has several fields'],
      ["{{ secrets['a//b'] }}", 'empty'],
    ] as const) {
      const outcome = await render(file('t', text), '-o', join(folder, 'out'));
      expect(outcome.code).not.toBe(0);
      expect(outcome.stderr).toContain(message);
      // What was rendered so far is in no message.
      expect(outcome.stderr + outcome.stdout).not.toContain('hidden');
      expect(read('out')).toBe('old');
    }
    expect(readdirSync(folder).toSorted()).toEqual(['out', 't']);
  });

  it('tells a missing secret with its exit code and place', async () => {
    const outcome = await render(file('t', '\n  {{ secrets.gone }}'));
    expect(outcome).toMatchObject({ code: 3, stdout: '' });
    expect(outcome.stderr).toBe(`error: ${join(folder, 't')}:2:3: there is no secret gone\n`);
  });
});

describe('threat 26: rendered files', () => {
  it('have their mode before their content, and keep that of a file that is there', async () => {
    const template = file('t', '{{ secrets.token }}');
    await render(template, '-o', join(folder, 'a'), '--mode', '0640');
    expect(modeOf('a')).toBe(0o640);
    file('b', 'old');
    chmodSync(join(folder, 'b'), 0o444);
    await render(template, '-o', join(folder, 'b'));
    expect([modeOf('b'), read('b')]).toEqual([0o444, 'v1-hidden']);
    await render(template, '-o', join(folder, 'b'), '--mode', '600');
    expect(modeOf('b')).toBe(0o600);
  });

  it('go to no folder where everybody may put another file in their place', async () => {
    mkdirSync(join(folder, 'open'));
    chmodSync(join(folder, 'open'), 0o777);
    const template = file('t', 'x');
    expect((await render(template, '-o', join(folder, 'open/x'))).stderr).toContain(
      'every user may change the folder',
    );
    chmodSync(join(folder, 'open'), 0o1777);
    expect((await render(template, '-o', join(folder, 'open/x'))).code).toBe(0);
  });

  it('are given to users and groups that there are', async () => {
    const template = file('t', 'x');
    const { uid, gid } = statSync(folder);
    const own = ['--owner', String(uid), '--group', String(gid)];
    expect((await render(template, '-o', join(folder, 'a'), ...own)).code).toBe(0);
    expect(statSync(join(folder, 'a'))).toMatchObject({ uid, gid });
    const nobody = await render(template, '-o', join(folder, 'a'), '--owner', 'no-such-user');
    expect(nobody).toMatchObject({ code: 2 });
    expect(nobody.stderr).toContain('there is no user no-such-user');
  });
});

describe('threat 12: a destination', () => {
  it('whose name is as long as names can be is written', async () => {
    const template = file('t', 'x');
    for (const name of ['a'.repeat(255), '漢'.repeat(85)]) {
      expect((await render(template, '-o', join(folder, name))).code).toBe(0);
      expect(read(name)).toBe('x');
    }
  });

  it('that is a link is refused, and followed only when that is asked for', async () => {
    const target = file('target', 'old');
    symlinkSync(target, join(folder, 'link'));
    symlinkSync(join(folder, 'nowhere'), join(folder, 'dangling'));
    const template = file('t', 'new');
    expect((await render(template, '-o', join(folder, 'link'))).stderr).toContain('is a link');
    expect(read('target')).toBe('old');
    expect((await render(template, '-o', join(folder, 'dangling'), '--follow')).stderr).toContain(
      'a link to nothing',
    );
    expect((await render(template, '-o', join(folder, 'link'), '--follow')).code).toBe(0);
    expect(read('target')).toBe('new');
    expect(statSync(join(folder, 'link')).isFile()).toBe(true);
  });

  it('that is no file, has no folder, or no name is refused', async () => {
    const template = file('t', 'x');
    mkdirSync(join(folder, 'sub'));
    expect((await render(template, '-o', join(folder, 'sub'))).stderr).toContain('is no file');
    expect((await render(template, '-o', join(folder, 'none/x'))).stderr).toContain('there is no folder');
    expect((await render(template, '-o', `${folder}/`)).stderr).toContain('must be the name of a file');
    expect((await render(template, '-o', '/dev/null')).stderr).toContain('is no file');
  });
});

describe('a manifest', () => {
  it.each(['json', 'yml'])('in %s writes templates and secrets, with modes', async (kind) => {
    const template = file('t', '{{ secrets.token }}');
    const entries = [
      { source: template, destination: join(folder, 'one'), mode: 384 },
      { secret: 'key', destination: join(folder, 'two'), mode: '0640' },
      { secret: 'db', field: 'password', destination: join(folder, 'three') },
    ];
    const yaml = entries.map(
      ({ mode, ...rest }) =>
        `- ${JSON.stringify(rest).slice(0, -1)}${mode === 384 ? ', "mode": 0600' : mode ? ', "mode": "0640"' : ''}}\n`,
    );
    const manifest = file(`m.${kind}`, kind === 'json' ? JSON.stringify(entries) : yaml.join(''));
    const outcome = await render('--manifest', manifest);
    expect(outcome.stderr).toContain('one: written from');
    expect([modeOf('one'), modeOf('two'), modeOf('three')]).toEqual([0o600, 0o640, 0o600]);
    expect(readFileSync(join(folder, 'two')).equals(Buffer.of(0xff, 0, 1))).toBe(true);
    expect(read('three')).toBe('pw-hidden');
  });

  it('writes nothing at all when one entry cannot be rendered', async () => {
    const good = file('good', '{{ secrets.token }}');
    const bad = file('bad', '{{ secrets.gone }}');
    const entries = [
      { source: good, destination: join(folder, 'one') },
      { source: bad, destination: join(folder, 'two') },
    ];
    expect((await render('--manifest', file('m.json', JSON.stringify(entries)))).code).toBe(3);
    expect(existsSync(join(folder, 'one'))).toBe(false);
  });

  it.each([
    [[], 'must be a list'],
    [{}, 'must be a list'],
    [[1], 'entry 1: an entry must be a map'],
    [[{ destination: 'x' }], 'must have "source"'],
    [[{ source: 'a', secret: 'b', destination: 'x' }], 'and not both'],
    [[{ source: 'a' }], '"destination" must be the name of a file'],
    [[{ source: 'a', destination: '-' }], '"destination" must be the name of a file'],
    [[{ source: 'a', destination: 'x', mod: 1 }], 'did you mean "mode"?'],
    [[{ source: 'a', destination: 'x', mode: 600 }], 'write it as text'],
    [[{ source: 'a', destination: 'x', mode: 440 }], 'write it as text'],
    [[{ source: 'a', destination: 'x', mode: 500 }], 'write it as text'],
    [[{ source: 'a', destination: 'x', mode: '4755' }], 'three octal digits'],
    [[{ source: 'a', destination: 'x', mode: true }], '"mode" must be text'],
    [[{ source: 'a', destination: 'x', field: 'y' }], '"field" goes with "secret"'],
    [
      [
        { source: 'a', destination: 'x' },
        { source: 'b', destination: './x' },
      ],
      "is another entry's destination too",
    ],
    [[{ source: 'a', destination: 'x', owner: 'no-such-user' }], 'there is no user'],
  ])('%j is refused', (document, message) => {
    expect(() => parseManifest(document as Parameters<typeof parseManifest>[0], false)).toThrow(message);
  });

  it('knows modes as people write them', () => {
    expect(['0600', '600', '0o755'].map(parseMode)).toEqual([0o600, 0o600, 0o755]);
    expect([384, 416, 420, 0].map(checkMode)).toEqual([0o600, 0o640, 0o644, 0]);
  });
});

describe('--check', () => {
  it('says what would change without a secret, and by its exit code whether anything would', async () => {
    const template = file('t', '{{ secrets.token }}');
    const out = join(folder, 'out');
    expect(await render(template, '-o', out, '--check')).toMatchObject({
      code: 1,
      stdout: `create\t${out}\tmode 0600\n`,
    });
    expect(existsSync(out)).toBe(false);
    await render(template, '-o', out);
    expect(await render(template, '-o', out, '--check')).toMatchObject({
      code: 0,
      stdout: `same\t${out}\t\n`,
    });
    writeFileSync(out, 'other');
    const changed = await render(template, '-o', out, '--check', '--mode', '0640', '--format', 'json');
    expect(changed.code).toBe(1);
    expect(JSON.parse(changed.stdout)).toEqual([
      { path: out, would: 'change', changes: ['content', 'mode 0600 to 0640'] },
    ]);
    expect(read('out')).toBe('other');
  });
});

describe('--watch', () => {
  /** Looks again as often as there are steps, which are taken between the looks; then somebody ends it. */
  async function watching(
    words: readonly string[],
    steps: readonly (() => Promise<void>)[],
  ): Promise<string> {
    const stdout = output();
    const stderr = output();
    const rest = [...steps];
    await run(['render', '--watch', ...words], {
      env,
      stdin: Object.assign(output().stream, {}),
      stdout: stdout.stream,
      stderr: stderr.stream,
      interrupt() {},
      async pause() {
        const step = rest.shift();
        if (step === undefined) throw new Error('ended');
        await step();
      },
    });
    return stderr.bytes().toString('utf8');
  }

  it('writes again what changed and nothing else, and lives through what fails', async () => {
    let turning: string | undefined = 'one';
    await using server = await startWire(({ url }) => {
      if (!url.startsWith('/v1/secret/data/turning')) return { status: 404, body: { errors: [] } };
      if (turning === undefined) return { status: 503, body: { errors: ['away for a moment'] } };
      return { body: { data: { data: { value: turning }, metadata: { version: 1 } } } };
    });
    const template = file(
      't',
      '{{ secrets.turning }}{% if false %}{{ secrets.other }}{% endif %}{{ secrets.turning }}',
    );
    const log = join(folder, 'log');
    const out = join(folder, 'out');
    const tell = file('tell.sh', `echo told >> ${log}\n`);
    const words = [template, '-o', out, '--exec', `sh ${tell}`, '--safe', `${server.address}/secret`];
    const told = await watching(words, [
      async () => expect([read('out'), server.seen.length]).toEqual(['oneone', 1]),
      async () => {
        turning = 'two';
      },
      async () => {
        expect(read('out')).toBe('twotwo');
        turning = undefined;
      },
      async () => {
        expect(read('out')).toBe('twotwo');
        turning = 'three';
      },
      async () => expect(read('out')).toBe('threethree'),
    ]);
    expect(told).toContain('warning: turning: ');
    expect(read('log')).toBe('told\ntold\ntold\n');
  });

  it('sends a signal to the process that a file names', async () => {
    const got = new Promise((resolve) => process.once('SIGUSR2', resolve));
    const pid = file('pid', `${process.pid}\n`);
    const template = file('t', '{{ secrets.token }}');
    const outcome = await render(template, '-o', join(folder, 'out'), '--signal', 'USR2', '--pid-file', pid);
    expect(outcome.code).toBe(0);
    await got;
    for (const text of ['', '0', '-1', '1', 'x', '999999999']) {
      const wrong = await render(
        file('t', `{{ secrets.token }}${text}.`),
        ...['-o', join(folder, 'out'), '--signal', 'HUP', '--pid-file', file('pid', text)],
      );
      expect(wrong).toMatchObject({ code: 9 });
      expect(wrong.stderr).toContain('the files were written, but');
    }
  });
});

describe('threat 22: a command to run', () => {
  it('is words, which no shell reads', () => {
    expect(parseCommand(`systemctl reload 'my app' "a \\"b\\" $HOME" c\\ d`)).toEqual([
      'systemctl',
      'reload',
      'my app',
      'a "b" $HOME',
      'c d',
    ]);
    expect(parseCommand('a;b|c $(d)')).toEqual(['a;b|c', '$(d)']);
    for (const text of ['', '  ', "a 'b", 'a "b', 'a\\'])
      expect(() => parseCommand(text)).toThrow('--exec must be');
  });

  it('gets no token of ours, and its end is told', async () => {
    const template = file('t', '{{ secrets.token }}');
    const script = file('s.sh', `env > ${join(folder, 'env')}; exit 7\n`);
    const outcome = await call(['render', template, '-o', join(folder, 'out'), '--exec', `sh ${script}`], {
      env: { ...env, COFFER_TOKEN: 'own-token' },
    });
    expect(outcome.stderr).toContain('sh ended with 7');
    expect(read('env')).not.toContain('own-token');
  });

  it('signals are known by name', () => {
    expect([parseSignal('HUP'), parseSignal('sigterm')]).toEqual(['SIGHUP', 'SIGTERM']);
    expect(() => parseSignal('NOPE')).toThrow('--signal must be');
  });
});

it.each([
  [[], 'give one TEMPLATE'],
  [['t', '--manifest', 'm'], 'give one TEMPLATE'],
  [['t', '--mode', '600'], '--mode goes with --output'],
  [['--manifest', 'm', '-o', 'x'], '--output is said in the manifest'],
  [['t', '--watch'], '--watch goes with'],
  [['t', '--check'], '--check goes with'],
  [['t', '-o', '-', '--check'], '--check goes with'],
  [['t', '-o', 'x', '--check', '--watch'], 'nothing to watch'],
  [['-', '-o', 'x', '--watch'], 'must be a file'],
  [['t', '-o', 'x', '--interval', '5s'], '--interval goes with --watch'],
  [['t', '-o', 'x', '--signal', 'HUP'], 'go together'],
  [['t', '--secrets-name', 'a-b'], '--secrets-name must be'],
  [['t', '-o', 'x', '--watch', '--interval', '0'], '1s or more'],
  [['nothing-here'], 'cannot read nothing-here'],
])('%j is refused', async (words, message) => {
  const outcome = await render(...words);
  expect(outcome.code).toBe(2);
  expect(outcome.stderr).toContain(message);
});
