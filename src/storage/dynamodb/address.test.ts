import { describe, expect, it } from 'vitest';
import { parseDynamoAddress } from './address.ts';

describe('the address of a store in DynamoDB', () => {
  it('names a table, where it is, and what it is made with', () => {
    const text =
      'dynamodb:my.table-1?region=eu-central-1&profile=work&kms_key=alias/store&tag=team=blue&tag=note=a%20b%3Dc&recovery=off&deletion_protection=off';
    expect(parseDynamoAddress(text)).toMatchObject({
      table: 'my.table-1',
      account: { region: 'eu-central-1', profile: 'work' },
      wishes: {
        kmsKey: 'alias/store',
        tags: [
          { Key: 'team', Value: 'blue' },
          { Key: 'note', Value: 'a b=c' },
        ],
        recovery: false,
        deletionProtection: false,
      },
      place: 'dynamodb:my.table-1?region=eu-central-1',
    });
  });

  it('is safe where nothing is said', () => {
    expect(parseDynamoAddress('dynamodb:table')).toMatchObject({
      wishes: { kmsKey: undefined, tags: [], recovery: true, deletionProtection: true },
      place: 'dynamodb:table',
    });
  });

  it('has one name for a place, whoever asks and however it was made', () => {
    const place = (query: string) => parseDynamoAddress(`dynamodb:table?${query}`).place;
    const named = place('region=eu-west-1&endpoint=http://127.0.0.1:8000');
    expect(named).toBe('dynamodb:table?region=eu-west-1&endpoint=http://127.0.0.1:8000');
    expect(place('endpoint=http://127.0.0.1:8000&region=eu-west-1&profile=other&recovery=off')).toBe(named);
  });

  it.each([
    'dynamodb:',
    'dynamodb:ab',
    `dynamodb:${'t'.repeat(256)}`,
    'dynamodb:ta/ble',
    'dynamodb://table',
    'dynamodb:table#part',
    'dynamodb:table?region=',
    'dynamodb:table?region=x.example/',
    'dynamodb:table?region=eu-west-1&region=eu-west-2',
    'dynamodb:table?endpoint=http://user:word@localhost',
    'dynamodb:table?role_arn=admin',
    'dynamodb:table?recovery=maybe',
    'dynamodb:table?kms_key=a%20b',
    'dynamodb:table?tag=alone',
    'dynamodb:table?tag=aws:x=1',
    'dynamodb:table?tag=a=1&tag=a=2',
    `dynamodb:table?${Array.from({ length: 51 }, (_, index) => `tag=t${index}=1`).join('&')}`,
    'dynamodb:table?unknown=1',
  ])('is refused before anything is asked: %s', (text) => {
    expect(() => parseDynamoAddress(text)).toThrowError(expect.objectContaining({ code: 'invalid_request' }));
  });

  it('guesses what was meant, and repeats nothing that may be a key', () => {
    expect(() => parseDynamoAddress('dynamodb:table?recover=off')).toThrowError(/did you mean recovery/);
    expect(() => parseDynamoAddress('dynamodb:table?AKIAIOSFODNN7EXAMPLE=1')).toThrowError(
      /^((?!AKIA).)*no option of that name((?!AKIA).)*$/,
    );
  });
});
