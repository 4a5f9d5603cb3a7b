/** The mounts that every store has, and what a new mount's entry is made of. */
import { type Random, randomUuid } from '../../crypto/random.ts';
import { type MountEntry, noMountConfig } from './entry.ts';

/** Types of the mounts every store has. */
export const systemType = 'system';
export const tokenType = 'token';
export const cubbyholeType = 'cubbyhole';
export const identityType = 'identity';

/** Made by the core itself: always there, and handed the caller's token. */
export function isBuiltin(type: string): boolean {
  return type === systemType || type === tokenType || type === cubbyholeType || type === identityType;
}

/** An entry for a new mount; `path` is the full one. */
export function newEntry(
  mount: Pick<
    MountEntry,
    'kind' | 'path' | 'type' | 'description' | 'options' | 'config' | 'local' | 'sealWrap'
  >,
  random: Random,
  now: number,
): MountEntry {
  const suffix = random.bytes(4).toString('hex');
  return {
    uuid: randomUuid(random),
    kind: mount.kind,
    path: mount.path,
    type: mount.type,
    accessor: `${mount.kind === 'auth' ? 'auth_' : ''}${mount.type.replace(/-/g, '_')}_${suffix}`,
    description: mount.description,
    options: mount.options,
    config: mount.config,
    createdAt: now,
    ...(mount.local === true ? { local: true } : {}),
    ...(mount.sealWrap === true ? { sealWrap: true } : {}),
  };
}

/** The mounts of every store, before any of the owner's. */
export function builtinEntries(random: Random, now: number): readonly MountEntry[] {
  const common = { options: null, config: noMountConfig };
  return [
    newEntry(
      { kind: 'secret', path: 'sys/', type: systemType, description: 'system endpoints', ...common },
      random,
      now,
    ),
    newEntry(
      { kind: 'auth', path: 'auth/token/', type: tokenType, description: 'tokens', ...common },
      random,
      now,
    ),
    newEntry(
      {
        kind: 'secret',
        path: 'cubbyhole/',
        type: cubbyholeType,
        description: 'a place of each token’s own',
        ...common,
      },
      random,
      now,
    ),
    newEntry(
      {
        kind: 'secret',
        path: 'identity/',
        type: identityType,
        description: 'entities and groups',
        ...common,
      },
      random,
      now,
    ),
  ];
}
