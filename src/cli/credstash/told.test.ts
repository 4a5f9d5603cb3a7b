import { expect, it } from 'vitest';
import { CofferError } from '../../errors.ts';
import { failed } from './failure.ts';
import { told } from './told.ts';

it('only what KMS said is told as KMS says it', () => {
  expect(told(failed("Item {'name': 'app-kms'} couldn't be found.", 'not_found'))).toBe(
    "Item {'name': 'app-kms'} couldn't be found.",
  );
  expect(told(new CofferError('not_found', 'KMS has no key alias/credstash'))).toBe(
    'KMS ERROR: KMS has no key alias/credstash',
  );
  expect(told(new CofferError('integrity', 'db version 1 was changed'))).toMatch(/^INTEGRITY ERROR: db/);
});
