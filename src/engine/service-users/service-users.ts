/**
 * The engine `service-users`: applications, each with a user at a provider whose password and OAuth client are rotated all the time and delivered
 * to where the application looks. Requests change what is wanted, in the store and nowhere else; the duty's machine does what follows from it outside.
 */
import { CofferError } from '../../errors.ts';
import type { Engine, EngineEnvironment, EngineType } from '../engine.ts';
import { applicationEndpoints } from './application-endpoints.ts';
import { Machine } from './machine.ts';
import type { ServiceUsersKinds } from './parts.ts';
import { presences } from './presences.ts';
import { providerEndpoints } from './provider-endpoints.ts';
import { Providers } from './providers.ts';
import { forgetReader } from './reader-endpoints.ts';
import { Follower } from './registry/follower.ts';
import { registryDueName } from './registry/registry-state.ts';
import { sweep, sweptUntil } from './sweep.ts';

export function serviceUsers(kinds: ServiceUsersKinds): EngineType {
  return {
    type: 'service-users',
    summary: 'applications’ passwords and OAuth clients, rotated and delivered',
    parseOptions(options) {
      const [name] = Object.keys(options);
      if (name === undefined) return {};
      throw new CofferError(
        'invalid_request',
        `service-users has no option ${JSON.stringify(name.slice(0, 40))}`,
      );
    },
    create: (environment) => create(environment, kinds),
  };
}

function create(environment: EngineEnvironment, kinds: ServiceUsersKinds): Engine {
  const parts = { environment, clock: environment.clock, ...kinds };
  const providers = new Providers(parts);
  const machine = new Machine(parts, providers);
  const present = presences(environment, kinds);
  const follower = new Follower(parts);
  return {
    endpoints: [...applicationEndpoints(parts), ...providerEndpoints(parts), ...present.endpoints],
    ...(present.locks === undefined ? {} : { locks: present.locks }),
    async onDue(name, view) {
      await present.onDue(name, view);
      await forgetReader(name, view, parts.clock.now());
    },
    async onOutsideDue(name, view, turn) {
      if (name.startsWith('app/')) return machine.look(name.slice('app/'.length), view, turn);
      if (name === registryDueName) return follower.follow(view, turn);
      const after = sweptUntil(name);
      if (after !== undefined) await sweep(view, after, parts.clock.now());
    },
    close() {
      machine.close();
      providers.close();
      present.close();
    },
  };
}
