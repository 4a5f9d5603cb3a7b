import type { MountTypes } from '../mount/mounts.ts';

/** The kinds of mounts that a node can serve, as nodes tell each other. */
export function typesOf({ engines, authMethods }: MountTypes): readonly string[] {
  return [
    ...[...engines.keys()].map((name) => `secret/${name}`),
    ...[...authMethods.keys()].map((name) => `auth/${name}`),
  ];
}
