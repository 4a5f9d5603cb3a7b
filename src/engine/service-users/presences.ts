/** What kinds of providers bring to the mount besides: the endpoints of those that answer for their users themselves. */
import type { Endpoint } from '../../core/endpoint.ts';
import type { View } from '../../core/view.ts';
import type { ProviderPresence } from '../../service-user/provider.ts';
import type { EngineEnvironment, NameLocks } from '../engine.ts';
import { decodeSettings, settingsPath } from './mount-config.ts';
import type { ServiceUsersKinds } from './parts.ts';

export interface Presences {
  readonly endpoints: readonly Endpoint[];
  readonly locks: NameLocks | undefined;
  /** Does nothing for a name that is none of theirs. */
  onDue(name: string, view: View): Promise<void>;
  close(): void;
}

export function presences(environment: EngineEnvironment, { providers }: ServiceUsersKinds): Presences {
  const settings = {
    path: settingsPath,
    issuer: (value: Buffer | undefined) => decodeSettings(value).issuer,
  };
  const all: readonly ProviderPresence[] = [...providers.values()].flatMap(
    (type) => type.attend?.({ environment, settings }) ?? [],
  );
  return {
    endpoints: all.flatMap(({ endpoints }) => endpoints),
    // A name is of one kind of users: there is one that has them here.
    locks: all.find(({ locks }) => locks !== undefined)?.locks,
    async onDue(name, view) {
      for (const each of all) if (name.startsWith(each.duePrefix)) await each.onDue(name, view);
    },
    close() {
      for (const each of all) each.close();
    },
  };
}
