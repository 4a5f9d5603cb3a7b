import type { MountTypes } from './mounts.ts';

/** What can be mounted, as nodes tell each other: `secret/kv`, `auth/approle`. */
export function typeWords({ engines, authMethods }: MountTypes): readonly string[] {
  return [
    ...[...engines.keys()].map((name) => `secret/${name}`),
    ...[...authMethods.keys()].map((name) => `auth/${name}`),
  ];
}
