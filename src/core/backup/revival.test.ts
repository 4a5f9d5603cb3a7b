import { expect, it } from 'vitest';
import type { Revision, StorageKey } from '../../storage/storage.ts';
import { deadKey, notifierKey, waitingKey } from '../notice/record.ts';
import { RevivalCount } from './revival.ts';

const keeps = (key: StorageKey, keepTokens: boolean) =>
  new RevivalCount(keepTokens).keeps({
    record: { key, value: Buffer.alloc(0), revision: 1 as Revision },
    plaintext: undefined,
  });

it('notices that waited are not told by a store that was restored, unless all of it is to go on', () => {
  const waiting = waitingKey('id', 1_000, 'letter');
  expect(keeps(waiting, false)).toBe(false);
  expect(keeps(waiting, true)).toBe(true);
  expect(keeps(notifierKey('ops'), false)).toBe(true);
  expect(keeps(deadKey('id', 'letter'), false)).toBe(true);
});
