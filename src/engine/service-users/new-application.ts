/** An application as it begins. */
import type { Application } from './application.ts';
import type { MountSettings } from './mount-config.ts';

/** Registered and active, with nothing said of it. @param now milliseconds */
export function newApplication(id: string, settings: MountSettings, now: number): Application {
  return {
    id,
    username: settings.usernamePrefix + id,
    team: '',
    name: '',
    subtitle: '',
    active: true,
    inactiveSince: null,
    deleted: false,
    provider: settings.defaultProvider,
    confidential: true,
    redirectUrl: null,
    scopes: [],
    targets: [],
    kubernetesClusters: [],
    passwordPeriod: null,
    clientPeriod: null,
    overlap: null,
    paused: false,
    request: { count: 0, kinds: [], emergency: false },
    createdAt: now,
    modifiedAt: now,
  };
}
