import { describe, expect, it } from 'vitest';
import { parseContext } from './encryption-context.ts';
import { iamPolicy } from './iam-policy.ts';
import { parseTableAddress } from './table-address.ts';

describe('the address of a table', () => {
  it('has defaults for all but the table', () => {
    expect(parseTableAddress('credstash://credential-store')).toEqual({
      table: 'credential-store',
      key: 'alias/credstash',
      account: {},
      kmsAccount: {},
      format: undefined,
      context: [],
    });
  });

  it('says where table and key are, and how items are written', () => {
    const text =
      'credstash://My_Table.1?region=eu-west-1&kms_region=us-east-1&key=alias/K&format=credsmash&profile=prod' +
      '&context=env=prod&context=tier=a%26b&endpoint=http://127.0.0.1:8000';
    expect(parseTableAddress(text)).toMatchObject({
      table: 'My_Table.1',
      key: 'alias/K',
      account: { region: 'eu-west-1', profile: 'prod', endpoint: 'http://127.0.0.1:8000' },
      kmsAccount: { region: 'us-east-1', profile: 'prod', endpoint: undefined },
      format: 'credsmash',
      context: ['env=prod', 'tier=a&b'],
    });
  });

  it.each([
    'credstash:',
    'credstash://',
    'credstash://a',
    'credstash://user:pw@table',
    'credstash://table/below',
    'credstash://table:8000',
    'credstash://table#x',
    'credstash://table?region=evil.example.com/',
    'credstash://table?region=a&region=b',
    'credstash://table?key=',
    'credstash://table?key=a b',
    'credstash://table?format=rot13',
    'credstash://table?endpoint=ftp://x',
    'credstash://table?color=red',
    `credstash://${'x'.repeat(256)}`,
  ])('%s is refused', (text) => {
    expect(() => parseTableAddress(text)).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});

describe('a context', () => {
  it('takes values with an equals sign, in any order', () => {
    expect(parseContext(['b=x=y', 'a=1'])).toEqual({ b: 'x=y', a: '1' });
  });

  it.each([
    [['a']],
    [['=b']],
    [['a=']],
    [['a=b', 'a=c']],
    [['coffer:name=x']],
    [['aws:x=y']],
    [['a=\ud800']],
    [[`a=${'x'.repeat(5_000)}`]],
  ])('%j is refused, without its value', (words) => {
    expect(() => parseContext(words)).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});

describe('a policy of IAM', () => {
  const policy = (role: 'reader' | 'writer' | 'admin', text: string, place = {}) =>
    JSON.stringify(iamPolicy(role, parseTableAddress(text), {}, place));

  it('names a key by its ARN or id where it is known', () => {
    const arn = 'arn:aws:kms:eu-west-1:111122223333:key/0d9c3c0e-93c5-4a55-8a57-3a1f36f5c2b2';
    expect(policy('reader', `credstash://t-1?key=${arn}`)).toContain(`"Resource":"${arn}"`);
    expect(
      policy('reader', 'credstash://t-1?key=0d9c', { region: 'cn-north-1', account: '111122223333' }),
    ).toContain('"arn:aws-cn:kms:cn-north-1:111122223333:key/0d9c"');
  });

  it('gives a writer no value to see, and only an admin the right to remove', () => {
    expect(policy('writer', 'credstash://t-1')).toContain('dynamodb:Scan');
    expect(policy('writer', 'credstash://t-1?format=coffer')).not.toMatch(/Scan|Decrypt|DeleteItem/);
    expect(policy('admin', 'credstash://t-1')).toMatch(/DeleteItem.*kms:DescribeKey/);
    for (const role of ['reader', 'writer', 'admin'] as const) {
      expect(policy(role, 'credstash://t-1')).not.toMatch(/"Action":"\*"|:\*"\]|"Resource":"\*"/);
    }
  });
});
