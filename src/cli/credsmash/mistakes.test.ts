/** What is wrong with the words, the configuration or a source: told before anybody is asked, in the old programs' exit codes. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { call, temporaryHome } from '../cli.fixture.ts';

const home = temporaryHome();
const env = { HOME: home, AWS_REGION: 'eu-central-1' };
const file = (name: string, text: string): string => {
  const path = join(home, name);
  writeFileSync(path, text);
  return path;
};

describe('coffer credsmash', () => {
  it.each([
    [[], 0, ''],
    [['get', '-h'], 0, ''],
    [['gett'], 2, 'did you mean get?'],
    [['get'], 2, 'SECRET_NAME'],
    [['get', 'a', '-', 'more'], 2, 'too many'],
    [['get', 'a', '-v', '-3'], 2, 'whole number'],
    [['get', 'a', '-v', '9007199254740993'], 2, 'whole number'],
    [['put', 'a', join(home, 'nowhere')], 2, "Invalid value for 'SOURCE'"],
    [['--context', 'a', '', 'list'], 2, 'KEY VALUE'],
    [['--context', 'aws:x', 'y', 'list'], 2, 'aws:'],
    [['-t', 'a/b', 'list'], 2, 'a table is named'],
    [['-k', 'no key!', 'list'], 2, 'key is a key of KMS'],
    [['-r', 'Nowhere', 'list'], 2, 'region'],
    [['setup-dynamodb', '--read-capacity', '0'], 2, 'from 1 on'],
    [['render-template', file('t', 'x'), '-', '--obj-name', '1x'], 2, '--obj-name'],
  ])('%j ends with %i', async (words, code, message) => {
    const outcome = await call(['credsmash', ...words], { env });
    expect(outcome).toMatchObject({ code });
    expect(outcome.stderr).toContain(message);
    if (code !== 0) expect(outcome.stdout).toBe('');
  });

  it.each([
    ['[credsmash]\ntabel_name = x', '[credsmash] has no option tabel_name'],
    ['[credsmash]\nalgorithm = rot13', 'Unsupported algo: rot13'],
    ['[credsmash]\nlog_level = loud', 'log_level is one of'],
    ['[credsmash]\nkey_service = other', 'Not found EntryPoint(group=credsmash.key_service,name=other)'],
    ['[credsmash]\nstorage_service = s3', 'Not found EntryPoint(group=credsmash.storage_service,name=s3)'],
    ['[credsmash:aes-ctr]\nkey_length = 33', 'key_length is one of 32, 48, 64'],
    ['[credsmash:aes-ctr]\ndigest_method = MD5', 'digest_method is one of'],
    [
      '[credsmash]\nalgorithm = aes-ctr-legacy\n[credsmash:aes-ctr-legacy]\nkey_length = 64',
      'no option key_length',
    ],
    ['[credsmash]\nalgorithm = aes-gcm\n[credsmash:aes-gcm]\niv_length = 16', 'iv_length is 12'],
    ['[credsmash:key_service:kms]\nencryption_context =\n  nothing', 'KEY = VALUE'],
    ['nonsense', 'line 1'],
  ])('%j is no configuration', async (text, message) => {
    const outcome = await call(['credsmash', '-c', file('bad.cfg', text), 'list'], { env });
    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toContain(message);
  });

  it('warns of a configuration that was named and is not there', async () => {
    const named = { ...env, CREDSMASH_CONFIG: join(home, 'no.cfg') };
    const outcome = await call(['credsmash', 'get', 'a', '-v', 'x'], { env: named });
    expect(outcome.code).toBe(2);
    const late = await call(['credsmash', 'list', '-t', 'a/b'], { env: named });
    expect(late.stderr).toContain('there is no configuration file');
  });

  it.each([
    ['many.json', '{"a": "s3cr3t-x", "b": 7}', 'the value of b must be text'],
    ['many.json', '{"a": "s3cr3t-x"', 'this is not JSON'],
    ['many.json', '["s3cr3t-x"]', 'Unsupported type'],
    ['many.csv', 's3cr3t-x\n', 'line 1'],
    ['many.csv', 'a,"s3cr3t-x', 'line 1'],
    ['many.yml', 'a: [s3cr3t-x]', 'the value of a must be text'],
    ['many.yml', 'a: "s3cr3t-x', 'not YAML'],
    ['many.json', '', 'this is not JSON'],
  ])('threat 16: %s with %j is told without a value', async (name, text, message) => {
    const outcome = await call(['credsmash', 'put-many', file(name, text)], { env });
    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toContain(message);
    expect(outcome.stderr).not.toContain('s3cr3t');
  });

  it('renders from a file of secrets without asking anybody', async () => {
    const template = file('t.j2', '{{ secrets["a", "b"] }} {{ secrets.c_d | sh }}');
    const secrets = file('s.csv', 'p.a.b,one\n');
    const words = ['render-template', template, '-', '--secrets-file', secrets, '--key-fmt', 'p.{0}.{1}'];
    const outcome = await call(['credsmash', ...words], { env });
    // One key has no second part.
    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    file('t.j2', '{{ secrets["a", "b"] }}');
    expect(await call(['credsmash', ...words], { env })).toMatchObject({ code: 0, stdout: 'one' });
  });
});

describe('coffer credstash', () => {
  it.each([
    [[], 0, ''],
    [['put', '-h'], 0, ''],
    [['-p', 'a', '-n', 'b', 'list'], 2, 'not allowed with'],
    [['put', 'a', 's3cr3t', 's3cr3t'], 2, 'key=value'],
    [['put', 'a', '@nowhere'], 2, 'Unable to read file nowhere'],
    [['put', '-d', 'MD5', 'a', 's3cr3t'], 2, 'SHA256'],
    [['put', '--s3cr3t!', 'a'], 2, 'no such option'],
    [['putall', '{"a": "s3cr3t"'], 1, 'not JSON'],
    [['putall', '"s3cr3t"'], 1, 'must be a JSON object'],
    [['get', 'a', '-f', 'xml'], 2, 'choose from'],
    [['list', 'more'], 2, 'unrecognized arguments'],
    [['-n', 'no-role', 'list'], 2, 'role_arn'],
  ])('threat 16: %j ends with %i and repeats no value', async (words, code, message) => {
    const outcome = await call(['credstash', ...words], { env });
    expect(outcome).toMatchObject({ code });
    expect(outcome.stderr).toContain(message);
    expect(outcome.stderr).not.toContain('s3cr3t');
  });
});
