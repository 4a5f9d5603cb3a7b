/**
 * The App-ID method: an application logs in with the id of what it is and the id of where it runs, commonly the SHA-1 of a MAC
 * address. Each alone is worth nothing; who knows both is the application. For what was built on it; AppRole is its successor.
 */
import { defaultLockout } from '../../core/lockout/lock-state.ts';
import { Lockout } from '../../core/lockout/lockout.ts';
import type { ReadPage } from '../../core/pages.ts';
import { decodeStored } from '../../core/stored-json.ts';
import type { View } from '../../core/view.ts';
import type { AuthMethodType, EngineEnvironment, PolicyHolder } from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';
import { loginEndpoints, renewMapped } from './login.ts';
import {
  canonicalId,
  decodeMapping,
  isMappingKey,
  type Mapping,
  mappingFolder,
  mappingKey,
  mappingPath,
  policiesOf,
  sharedAppId,
} from './mapping.ts';
import { mappingEndpoints } from './mappings.ts';

export const appId: AuthMethodType = {
  type: 'app-id',
  summary: 'app ids and user ids, for applications built on them',
  create: (environment) => {
    // All hosts of an application share its app id: one with a wrong user id must not keep the others out for hours.
    const lockout = new Lockout({
      clock: environment.clock,
      digest: (name) => environment.digest(name),
      settings: { ...defaultLockout, longest: defaultLockout.duration },
      nobodies: environment.nobodies,
    });
    const rooms = { environment, lockout };
    return {
      endpoints: [...loginEndpoints(rooms), ...mappingEndpoints(rooms)],
      renewPrincipal: (internal, view, { remoteAddress }) =>
        renewMapped(environment, internal, view, remoteAddress),
      holders: (view) => holdersOf(environment, view),
      locks: {
        lockedNames: (view) => lockout.lockedNames(view),
        unlock: (view, name) => lockout.unlock(view, lockName(environment, name)),
      },
    };
  },
};

/** Locks are known by the app id's digest, as lists show it; whoever ends one may name the app id itself. */
function lockName(environment: EngineEnvironment, name: string): string {
  if (isMappingKey(name)) return name;
  const id = canonicalId(name);
  if (id === undefined)
    throw new CofferError('invalid_request', 'an app id has letters, digits, "_" and "-" only');
  return mappingKey(environment, 'app-id', id);
}

/** App ids by their digests, in that order: what logs in is not shown. */
function holdersOf(environment: EngineEnvironment, view: View): ReadPage<PolicyHolder> {
  const folder = mappingFolder('app-id');
  const sharedPath = mappingPath('app-id', mappingKey(environment, 'app-id', sharedAppId));
  return async ({ limit, after }) => {
    const from = after === undefined ? {} : { after: folder + after };
    const [shared, { items, next }] = await Promise.all([
      view.read(sharedPath),
      view.range(folder, { limit, ...from }),
    ]);
    const common = decodeMapping(shared)?.mapping.names ?? [];
    return {
      items: items.map((sealed): PolicyHolder => {
        const { names } = decodeStored<Mapping>(sealed.open());
        const name = sealed.path.slice(folder.length);
        return { name, policies: policiesOf(names, common), noDefaultPolicy: false };
      }),
      ...(next === undefined ? {} : { next: next.slice(folder.length) }),
    };
  };
}
