/** The provider `builtin`: Coffer itself holds applications' users and clients, and makes access tokens for them by OAuth 2.0. */
import { Lockout } from '../../core/lockout/lockout.ts';
import { CofferError } from '../../errors.ts';
import type { AttendedMount, ProviderPresence, ProviderType } from '../provider.ts';
import { Holder } from './holder.ts';
import { introspectionEndpoint } from './introspection-endpoint.ts';
import { lockNameOf } from './judge.ts';
import { publishedEndpoints } from './published-endpoints.ts';
import { onRevokedDue, revocationEndpoint, revokedDue } from './revocation-endpoint.ts';
import { keysDue, SigningKeys } from './signing-keys.ts';
import { tokenEndpoint } from './token-endpoint.ts';
import type { Digest } from './user.ts';

export const builtin: ProviderType = {
  type: 'builtin',
  summary: 'Coffer itself: users, clients and OAuth 2.0 access tokens',
  open({ options, secret }, { clock, random, digest }) {
    const [name] = Object.keys(options);
    if (name !== undefined) {
      throw new CofferError(
        'invalid_request',
        `the provider builtin has no option ${JSON.stringify(name.slice(0, 40))}`,
      );
    }
    if (secret !== '') throw new CofferError('invalid_request', 'the provider builtin takes no secret');
    const lockout = new Lockout({ clock, digest });
    const lockPath = (kind: 'user' | 'client', id: string) => lockout.pathOf(lockNameOf(kind, id));
    return new Holder({ clock, random, digest: (text) => digest(text), lockPath });
  },
  attend,
};

function attend({ environment, settings }: AttendedMount): ProviderPresence {
  const { clock, lockout: told, nobodies, random } = environment;
  const digest: Digest = (text) => environment.digest(text);
  const lockout = new Lockout({ clock, digest, told, nobodies });
  const keys = new SigningKeys({ clock, random });
  const rooms = { environment, settings, lockout, keys, digest };
  return {
    endpoints: [
      tokenEndpoint(rooms),
      introspectionEndpoint(rooms),
      revocationEndpoint(rooms),
      ...publishedEndpoints(rooms),
    ],
    locks: {
      lockedNames: (view, after) => lockout.lockedNames(view, after),
      unlock: (view, name) => lockout.unlock(view, name),
    },
    duePrefix: 'oauth2/',
    async onDue(name, view) {
      if (name === keysDue) await keys.onDue(view);
      if (name.startsWith(revokedDue)) await onRevokedDue(name, view);
    },
    close: () => keys.close(),
  };
}
