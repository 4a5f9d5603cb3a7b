import { expect, it } from 'vitest';
import { homeNames } from '../config/aws-home.ts';
import type { JsonObject } from '../json.ts';
import { serverPolicy } from './server-policy.ts';

const policy = serverPolicy(homeNames('billing'), { account: '111122223333', region: 'eu-central-1' });
const statements = policy['Statement'] as readonly JsonObject[];

it('allows nothing on all keys that is not held by a tag or an alias, but looking for them, and at who asks', () => {
  const wide = statements.filter(
    ({ Resource, Condition }) => /\*$/.test(String(Resource)) && Condition === undefined,
  );
  expect(wide.map(({ Action }) => Action)).toEqual([
    ['ssm:GetParameter', 'ssm:GetParametersByPath'],
    ['ssm:PutParameter'],
    ['kms:ListKeys', 'kms:ListResourceTags'],
    ['iam:GetRole', 'iam:GetUser'],
  ]);
  // Of its own account alone.
  expect(JSON.stringify(statements.find(({ Sid }) => Sid === 'KnowCallers'))).toContain(
    'arn:aws:iam::111122223333:role/*',
  );
});

it('names what bears the name', () => {
  const text = JSON.stringify(policy);
  for (const part of [
    'arn:aws:ssm:eu-central-1:111122223333:parameter/coffer/billing/*',
    'arn:aws:dynamodb:eu-central-1:111122223333:table/coffer-billing',
    'alias/coffer-billing',
    '"aws:RequestTag/coffer-server":"billing"',
  ]) {
    expect(text).toContain(part);
  }
});

it('is of the partition that the region is in', () => {
  expect(
    JSON.stringify(serverPolicy(homeNames('a'), { account: undefined, region: 'cn-north-1' })),
  ).toContain('arn:aws-cn:dynamodb:cn-north-1:*:table/coffer-a');
});
