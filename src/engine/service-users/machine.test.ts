import { describe, expect, it } from 'vitest';
import { RotationPlace } from '../../../test/fakes/rotation-place.ts';
import type { CredentialKind } from '../../service-user/provider.ts';

const addresses = ['fake:one/a', 'fake:two/a'];

function secretsAt(place: RotationPlace, address: string, id = 'pear') {
  const { user, client } = place.targets.shelf(address, id);
  return {
    user: user === undefined ? undefined : (JSON.parse(user) as Record<string, string>),
    client: client === undefined ? undefined : (JSON.parse(client) as Record<string, string | null>),
  };
}

/** Whether all targets hold what the provider accepts, and it accepts nothing else. */
async function isWell(place: RotationPlace, id = 'pear'): Promise<void> {
  const state = await place.state(id);
  for (const kind of ['password', 'client'] as const satisfies CredentialKind[]) {
    const { current, staged, old, step, stray } = state.kinds[kind];
    expect([step, staged, old, stray], kind).toEqual(['idle', null, [], 0]);
    expect(place.provider.held(`stups_${id}`, kind), kind).toEqual([current]);
  }
  for (const address of addresses) {
    const { user, client } = secretsAt(place, address, id);
    expect(
      place.provider.accepts(
        'password',
        user?.['application_username'] ?? '',
        user?.['application_password'] ?? '',
      ),
    ).toBe(true);
    expect(
      place.provider.accepts('client', client?.['client_id'] ?? '', client?.['client_secret'] ?? null),
    ).toBe(true);
  }
  expect(state.problems).toEqual([]);
}

describe('the rotation machine', () => {
  it('gives a registered application a user, a password and a client, in each of its targets', async () => {
    const place = await RotationPlace.make();
    const node = place.node();
    await place.want('pear');
    await place.pass(node);
    const first = secretsAt(place, 'fake:one/a');
    expect(Object.keys(first.user ?? {})).toEqual(['application_username', 'application_password']);
    expect(first.user?.['application_username']).toBe('stups_pear');
    expect(secretsAt(place, 'fake:two/a')).toEqual(first);
    await place.goOn(node, 1_000);
    await isWell(place);
  });

  it('rotates a password every two hours, a little earlier, and a client every thirty days', async () => {
    const place = await RotationPlace.make();
    const node = place.node();
    await place.want('pear');
    await place.goOn(node, 1_000);
    const before = secretsAt(place, 'fake:one/a');
    await place.goOn(node, 7_200 * 0.9 - 1_001);
    expect(secretsAt(place, 'fake:one/a')).toEqual(before);
    await place.goOn(node, 7_200 * 0.1 + 1_001);
    const after = secretsAt(place, 'fake:one/a');
    expect(after.user).not.toEqual(before.user);
    expect(after.client).toEqual(before.client);
    await place.goOn(node, 30 * 86_400);
    expect(secretsAt(place, 'fake:one/a').client).not.toEqual(before.client);
    const { kinds } = await place.state('pear');
    expect(kinds.client.generation).toBe(2);
    expect(kinds.password.generation).toBeGreaterThan(360);
    expect((await place.history('pear')).length).toBeLessThan(230);
  });
});
