import { expect, it } from 'vitest';
import { openTableSafe } from './open-table-safe.ts';
import type { Environment } from './shell.ts';

const identity = (env: Environment, text = 'credstash://secrets', context: readonly string[] = []) => {
  using safe = openTableSafe({ env, now: () => 0 }, text, context);
  return safe.identity;
};

it('a table of another account or region is another safe, so that no copy of the one is taken for the other', () => {
  const user = { AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE' };
  const others = [
    identity({}),
    identity({}, 'credstash://secrets?region=eu-west-1'),
    identity({}, 'credstash://secrets', ['env=prod']),
    identity({ AWS_REGION: 'eu-west-1' }),
    identity({ AWS_REGION: 'eu-west-2' }),
    identity({ AWS_PROFILE: 'prod' }),
    identity({ AWS_PROFILE: 'staging' }),
    identity({ AWS_DEFAULT_PROFILE: 'staging' }),
    identity({ AWS_ROLE_ARN: 'arn:aws:iam::111122223333:role/a' }),
    identity({ AWS_ENDPOINT_URL: 'http://127.0.0.1:1' }),
    identity(user),
  ];
  expect(new Set(others).size).toBe(others.length);
  expect(identity({ AWS_ACCESS_KEY_ID: 'ASIAONESESSION', HOME: '/a' })).toBe(
    identity({ AWS_ACCESS_KEY_ID: 'ASIAANOTHERONE', HOME: '/b' }),
  );
});
