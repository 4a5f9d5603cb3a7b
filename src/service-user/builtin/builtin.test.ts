import { expect, it } from 'vitest';
import { BuiltinPlace } from '../../../test/fakes/builtin-place.ts';
import { builtin } from './builtin.ts';

it('takes no options and no secret, and says so', () => {
  const surroundings = { digest: String } as never;
  expect(() => builtin.open({ options: { realm: 'x' }, secret: '' }, surroundings)).toThrow('realm');
  expect(() => builtin.open({ options: {}, secret: 'x' }, surroundings)).toThrow('takes no secret');
});

it('threat 12: has no user whose name could be a path or look like another', async () => {
  await using at = await BuiltinPlace.open();
  for (const username of ['', '.', '..', 'a/b', '../a', 'a b', 'a\u0000', 'é', 'a'.repeat(128), '-a']) {
    await expect(at.register('x', { username })).rejects.toMatchObject({ code: 'invalid_request' });
    await at.provider.delete(username, at.turn);
  }
  expect((await at.provider.list('', undefined, at.turn)).users).toEqual([]);
});

it('threat 22: keeps scopes that can be asked for, and refuses others', async () => {
  await using at = await BuiltinPlace.open();
  for (const id of ['', 'a b', 'a"b', 'a\\b', 'a\nb', 'é', 'x'.repeat(201)]) {
    const scopes = [{ resourceType: '', id }];
    await expect(at.register('x', { scopes })).rejects.toMatchObject({ code: 'invalid_request' });
  }
});

it('stages one generation once, however often it is told to', async () => {
  await using at = await BuiltinPlace.open();
  const { user } = await at.register('x');
  const staging = { kind: 'client', generation: 7, proposed: 'the same again' } as const;
  const staged = await at.provider.stage(user, staging, at.turn);
  expect(await at.provider.stage(user, staging, at.turn)).toEqual(staged);
  expect(staged.id).toMatch(/^stups_x_[0-9a-f]{20}$/);
  const others = { ...staging, generation: 8 };
  expect((await at.provider.stage(user, others, at.turn)).id).not.toBe(staged.id);
});

it('is no place for credentials without end', async () => {
  await using at = await BuiltinPlace.open();
  const { user } = await at.register('x');
  for (let generation = 2; generation <= 10; generation++) await at.rotate(user, 'password', generation);
  await expect(at.rotate(user, 'password', 11)).rejects.toMatchObject({ code: 'invalid_request' });
});
