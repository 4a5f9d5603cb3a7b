/** What the room of `coffer vault` makes of words: flags, data, values, tables. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../json.ts';
import { call } from '../cli.fixture.ts';
import { banner, underlined } from './columns.ts';
import { type FlagSpecs, parseFlags } from './flags.ts';
import { goDuration, goValue, quotedList, sorted } from './go-text.ts';
import { canonicalWords, families, verbNames } from './table.ts';

const specs = {
  field: { type: 'text', help: '' },
  force: { type: 'bool', help: '' },
  'num-uses': { type: 'int', help: '' },
  ttl: { type: 'duration', help: '' },
  policy: { type: 'list', help: '' },
  metadata: { type: 'pairs', help: '' },
} as const satisfies FlagSpecs;

describe('flags', () => {
  it.each([
    [['-field=a', 'x']],
    [['--field=a', 'x']],
    [['-field', 'a', 'x']],
    [['-field=z', '-field=a', 'x']],
    [['-field=a', '--', 'x']],
  ])('are read as Go reads them: %j', (words) => {
    const { flags, args } = parseFlags(specs, words);
    expect([flags.text('field'), args]).toEqual(['a', ['x']]);
  });

  it('end at the first word that is none, and a dash alone is a word', () => {
    const { flags, args, late } = parseFlags(specs, ['-force', '-', '-field=a', '-5', 'k=-v']);
    expect(flags.bool('force')).toBe(true);
    expect(flags.has('field')).toBe(false);
    expect(args).toEqual(['-', '-field=a', '-5', 'k=-v']);
    expect(late).toEqual(['-field']);
  });

  it('may be given several times, as lists and as pairs', () => {
    const words = ['-policy=a', '-policy', 'b', '-metadata=x=1=2', '-metadata=__proto__=y'];
    const { flags } = parseFlags(specs, words);
    expect(flags.list('policy')).toEqual(['a', 'b']);
    expect(Object.entries(flags.pairs('metadata'))).toEqual([
      ['x', '1=2'],
      ['__proto__', 'y'],
    ]);
  });

  it.each(['true', 'T', '1'])('take %s for true and its opposite for false', (text) => {
    expect(parseFlags(specs, [`-force=${text}`]).flags.bool('force')).toBe(true);
    expect(parseFlags(specs, ['-force=false']).flags.bool('force')).toBe(false);
  });

  it.each([
    [['-nope'], 'flag provided but not defined: -nope'],
    [['-polcy=a'], 'did you mean -policy?'],
    [['-field'], 'flag needs an argument: -field'],
    [['-force=perhaps'], '-force: must be true or false'],
    [['-num-uses=four'], '-num-uses: must be a whole number'],
    [['-num-uses=-1'], '-num-uses: must be a whole number'],
    [['-ttl=soon'], '-ttl: must be a duration'],
    [['-metadata=x'], '-metadata: must be name=value'],
    [['-__proto__=x'], 'flag provided but not defined'],
  ])('that are wrong are refused: %j', (words, message) => {
    expect(() => parseFlags(specs, words)).toThrow(message);
  });

  it('threat 16: never repeats a value or what may be one', () => {
    for (const words of [
      ['-num-uses=hvs.secret'],
      ['-hvs.secret-token-with-a-dash'],
      ['-ttl', 'hvs.secret'],
      ['-metadata', 'hvs.secret'],
    ]) {
      let message = '';
      try {
        parseFlags(specs, words);
      } catch (error) {
        message = String(error);
      }
      expect(message).toContain('flag');
      expect(message).not.toContain('secret');
    }
  });
});

describe('values', () => {
  it.each([
    [null, '<nil>'],
    [['a', 1, true], '[a 1 true]'],
    [{ b: [1], a: { c: null } }, 'map[a:map[c:<nil>] b:[1]]'],
    ['text', 'text'],
    [{}, 'map[]'],
  ] as const)('%j is %s', (value, text) => {
    expect(goValue(value)).toBe(text);
  });

  it.each([
    [0, '0s'],
    [59, '59s'],
    [90, '1m30s'],
    [3_600, '1h'],
    [3_601, '1h1s'],
    [5_400, '1h30m'],
    [2_764_800, '768h'],
    [-5, '-5s'],
    [0.4, '0s'],
  ])('%d seconds are %s', (seconds, text) => {
    expect(goDuration(seconds)).toBe(text);
  });

  it('lists of policies are quoted', () => {
    expect(quotedList(['a', 'b"c'])).toBe('["a" "b\\"c"]');
    expect(quotedList(null)).toBe('[]');
  });

  it('sorting changes the order of members and nothing else', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const read = JSON.parse(JSON.stringify(value)) as JsonValue;
        expect(JSON.parse(JSON.stringify(sorted(read)))).toEqual(read);
      }),
    );
  });
});

describe('tables', () => {
  it('are aligned below an underlined heading, four blanks apart', () => {
    expect(
      underlined([
        ['Key', 'Value'],
        ['a', ''],
        ['longer', 'x y'],
      ]),
    ).toEqual(['Key       Value', '---       -----', 'a         n/a', 'longer    x y']);
  });

  it('have banners as wide as what stands below', () => {
    expect(banner('Metadata', 'custom_metadata'.length + 9)).toBe('======= Metadata =======');
    expect(banner('Secret Path', 'secret/data/creds'.length)).toBe('== Secret Path ==');
  });
});

describe('names', () => {
  it('of the first releases are today’s verbs, and every name finds its verb', async () => {
    for (const name of verbNames) {
      const today = canonicalWords(name.split(' ')).join(' ');
      const load = families[today];
      expect(load, name).toBeDefined();
      expect((await load?.())?.verbs[today], name).toBeDefined();
    }
    expect(canonicalWords(['policies', 'web'])).toEqual(['policy', 'read', 'web']);
    expect(canonicalWords(['-version'])).toEqual(['version']);
  });

  it.each([
    [['constructor'], 127, 'there is no such command'],
    [['raed', 'x'], 127, 'did you mean `vault read`?'],
    [['kv'], 1, 'needs one of: delete, destroy'],
    [['kv', 'gte', 'x'], 1, 'did you mean `vault kv get`?'],
    [['ssh', 'host'], 1, 'there is no SSH engine'],
    [['namespace', 'list'], 1, 'there are no namespaces'],
    [['operator', 'raft', 'list-peers'], 1, 'every node is equal'],
    [['read'], 1, 'Not enough arguments (expected at least 1, got 0)'],
    [['status', 'x'], 1, 'Too many arguments (expected 0, got 1)'],
    [['read', '-namespace=team', 'x'], 1, 'no namespaces'],
    [['read', '-mfa=a b', 'y'], 1, '-mfa must be METHOD:CODE'],
    [['read', '-format=xml', 'x'], 1, 'Invalid output format'],
    [['read', '-header=X-Vault-Token=t', 'x'], 1, 'reserved'],
    [['read', '-header=a=b\r\nc: d', 'x'], 1, 'HTTP can carry'],
    [['read', '-client-cert=x', 'y'], 1, 'go together'],
    [['read', '-ca-cert=/nowhere', 'y'], 1, 'cannot read /nowhere: no such file'],
    [['read', '-address=nonsense', 'y'], 1, 'must look like https://host:8200'],
    [['write', 'x'], 1, 'Must supply data or use -force'],
    [['write', 'x', 'a-secret-without-key'], 1, 'format must be key=value'],
    [['write', 'x', 'a=@/nowhere'], 1, 'error reading file: /nowhere: no such file'],
    [['kv', 'undelete', 'x'], 1, 'No versions provided'],
    [['kv', 'destroy', '-versions=1,x', 'x'], 1, 'whole numbers'],
    [['token', 'revoke'], 1, 'Not enough arguments (expected 1, got 0)'],
    [['lease', 'revoke', '-force', 'x'], 1, 'requires also specifying -prefix'],
    [['login', '-method=ldap'], 1, 'Unknown auth method'],
    [['login', '-method=approle'], 1, "'role_id' must be specified"],
    [['operator', 'generate-root', '-decode=abc', '-otp=x'], 1, 'not as long as the otp'],
    [['server', '-dev-tls'], 1, 'no `vault server`'],
  ])('and mistakes are told: %j', async (words, code, message) => {
    const outcome = await call(['vault', ...words], { env: { HOME: '/nowhere' } });
    expect([outcome.code, outcome.stdout]).toEqual([code, '']);
    expect(outcome.stderr).toContain(message);
    expect(outcome.stderr).not.toContain('a-secret');
  });

  it('help is there for each, and on our side of it', async () => {
    expect((await call(['vault', '-help'])).stdout).toContain('token-create');
    expect((await call(['vault', 'help', 'kv', 'get'])).stdout).toContain('vault kv get [options] PATH');
    expect((await call(['vault', 'kv', 'get', '-h'])).stdout).toContain('-version');
    expect((await call(['vault', '--help'])).stdout).toContain('Usage: coffer vault');
    expect(await call(['vault', '-version'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Vault v\d+\.\d+\.\d+ /),
    });
  });
});

describe('an offline root token', () => {
  it('comes out of what is encoded and its one-time password', async () => {
    const token = 'hvs.0123456789abcdefghijklmn';
    const otp = 'AAAAAAAAAAAAAAAAAAAAAAAAAAAA';
    const encoded = Buffer.from(Buffer.from(token).map((byte, at) => byte ^ (Buffer.from(otp)[at] ?? 0)))
      .toString('base64')
      .replace(/=+$/, '');
    const words = ['vault', 'generate-root', `-decode=${encoded}`, `-otp=${otp}`];
    expect(await call(words)).toMatchObject({ code: 0, stdout: `${token}\n` });
  });
});

describe('policy fmt', () => {
  it('indents, and changes nothing else', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'coffer-fmt-')), 'p.hcl');
    writeFileSync(
      file,
      '# one {\npath "a/{{x}}" {\ncapabilities = [\n"read", # [\n      "list"\n]\n\n\n/* as it\n     is { */\n}\npath "b" { policy = "read" }\n',
    );
    expect((await call(['vault', 'policy', 'fmt', file])).code).toBe(0);
    const { readFileSync } = await import('node:fs');
    expect(readFileSync(file, 'utf8')).toBe(
      '# one {\npath "a/{{x}}" {\n  capabilities = [\n    "read", # [\n    "list"\n  ]\n\n  /* as it\n     is { */\n}\npath "b" { policy = "read" }\n',
    );
    expect((await call(['vault', 'policy', 'fmt', file])).code).toBe(0);
  });

  it.each(['path "a" {\n', '}\n', 'path "a" {\n/* \n}\n'])('leaves %j alone', async (text) => {
    const file = join(mkdtempSync(join(tmpdir(), 'coffer-fmt-')), 'p.hcl');
    writeFileSync(file, text);
    const { readFileSync } = await import('node:fs');
    expect((await call(['vault', 'policy', 'fmt', file])).code).toBe(1);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });
});
