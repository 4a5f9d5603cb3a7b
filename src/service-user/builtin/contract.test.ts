import { BuiltinPlace, passwordGrant } from '../../../test/fakes/builtin-place.ts';
import { ask } from '../../../test/fakes/client.ts';
import { systemRandom } from '../../crypto/random.ts';
import { describeProvider, type ProviderPlace } from '../provider.contract.ts';
import type { Credential, ServiceUser } from '../provider.ts';
import { builtin } from './builtin.ts';

async function open(): Promise<ProviderPlace> {
  const at = await BuiltinPlace.open();
  const grants = async (user: ServiceUser, credential: Credential): Promise<boolean> => {
    if (credential.kind === 'client') {
      const shown = { client_id: credential.id, client_secret: credential.secret ?? '' };
      return good(at, { grant_type: 'client_credentials', ...shown });
    }
    // A password is shown by a client of the same application; this one is there for that alone.
    const client = await at.rotate(user, 'client', 900).catch(() => undefined);
    return client !== undefined && good(at, passwordGrant({ user, password: credential, client }));
  };
  const surroundings = {
    clock: at.place.clock,
    random: systemRandom,
    mountPath: 'service-users/',
    digest: at.digest,
  };
  return {
    open: () => builtin.open({ options: {}, secret: '' }, surroundings),
    turn: at.turn,
    works: grants,
    close: () => at[Symbol.asyncDispose](),
  };
}

async function good(at: BuiltinPlace, data: Readonly<Record<string, string>>): Promise<boolean> {
  return (await ask(at.node, 'update', 'service-users/oauth2/access_token', data, null)).status === 200;
}

describeProvider('builtin', open, {
  kinds: { password: { oldEndsAt: 'retire' }, client: { oldEndsAt: 'retire' } },
  most: 10,
});
