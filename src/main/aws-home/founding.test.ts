import { expect, it } from 'vitest';
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import { homeNames } from '../../config/aws-home.ts';
import { createRootlessStore } from '../../core/create-store.ts';
import { parsePolicy } from '../../core/policy/policy.ts';
import { systemRandom } from '../../crypto/random.ts';
import { MemoryStorage } from '../../storage/memory/memory.ts';
import { administratorPolicy, administratorText, distinguishedRoles, foundingOf } from './founding.ts';

const caller = {
  arn: 'arn:aws:sts::123456789012:assumed-role/coffer/i',
  partition: 'aws',
  account: '123456789012',
};

it('has a policy that can be written, and has no word of any secret', () => {
  const policy = parsePolicy(administratorPolicy, administratorText);
  expect(policy.rules).toHaveLength(4);
  expect(administratorText).not.toMatch(/secret\/(?!config)/);
});

it('takes names of roles, each once, however they are spelled', () => {
  expect(distinguishedRoles([])).toEqual(['dssssadmin']);
  expect(distinguishedRoles(['Ops', 'ops', 'dssssadmin'])).toEqual(['dssssadmin', 'ops']);
  for (const wrong of [
    '',
    'a/b',
    'team/ops',
    'a b',
    'ä',
    '*',
    'a*',
    '_ops',
    'a,b',
    'Account',
    'x'.repeat(65),
  ])
    expect(() => distinguishedRoles([wrong]), wrong).toThrow(expect.objectContaining({ code: 'usage' }));
  const many = Array.from({ length: 16 }, (_, number) => `role-${number}`);
  expect(distinguishedRoles(many.slice(1))).toHaveLength(16);
  expect(() => distinguishedRoles(many)).toThrow(expect.objectContaining({ code: 'usage' }));
});

it('is one commit, also with as many roles as there may be', async () => {
  const storage = new MemoryStorage();
  const clock = new HandClock();
  const more = Array.from({ length: 15 }, (_, number) => `role-${number}`);
  const wish = { names: homeNames('test'), caller, clock, random: systemRandom };
  await createRootlessStore({
    storage,
    clock,
    random: systemRandom,
    withSecretMount: false,
    makeSlots: async () => [
      { id: '7a3cfb0e-3c1f-4c50-8f3e-0a8b7c1d2e3f', kind: 'keyfile', body: { a: 'b' } },
    ],
    founding: foundingOf({ ...wish, distinguished: distinguishedRoles(more) }),
  });
  const { items } = await storage.range('mount/', { limit: 100 });
  expect(items.filter(({ key }) => key.includes('/role/'))).toHaveLength(17);
});
