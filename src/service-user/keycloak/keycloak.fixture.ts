/** What tests of Keycloak do, whether it is the real one or a fake. */
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import { mountView } from '../../../test/fakes/mount-view.ts';
import { systemRandom } from '../../crypto/random.ts';
import type { ProviderPlace } from '../provider.contract.ts';
import type { Credential, OpenProvider, ProviderTraits } from '../provider.ts';
import { keycloak } from './keycloak.ts';

export interface RealmLogin {
  readonly url: string;
  readonly realm: string;
  readonly options: Readonly<Record<string, string>>;
  readonly secret: string;
}

export const keycloakTraits: ProviderTraits = {
  kinds: { password: { oldEndsAt: 'retire' }, client: { oldEndsAt: 'retire' } },
  most: 2,
};

export const clock = new HandClock();

export function opened(
  { url, realm, options, secret }: RealmLogin,
  more: Record<string, string> = {},
): OpenProvider {
  return keycloak.open(
    { options: { url, realm, ...options, ...more }, secret },
    { clock, random: systemRandom, mountPath: 'service-users/', digest: (text) => text },
  );
}

export async function realmPlace(login: RealmLogin, close: () => Promise<void>): Promise<ProviderPlace> {
  return {
    open: () => opened(login),
    turn: { view: await mountView(), signal: new AbortController().signal },
    works: (_user, credential) => getsIn(login, credential),
    close,
  };
}

/** As an application does it, by a request of its own. */
export async function getsIn({ url, realm }: RealmLogin, { kind, id, secret }: Credential): Promise<boolean> {
  if (secret === null) return true;
  const form =
    kind === 'password'
      ? { grant_type: 'password', client_id: 'admin-cli', username: id, password: secret }
      : { grant_type: 'client_credentials', client_id: id, client_secret: secret };
  const answer = await fetch(`${url}/realms/${realm}/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams(form),
  });
  await answer.arrayBuffer();
  if (answer.status !== 200 && answer.status !== 400 && answer.status !== 401)
    throw new Error(`Keycloak answered ${answer.status}`);
  return answer.status === 200;
}
