/** What the engine or auth method of one mount is handed: its own place, and what of the node it may ask. */
import { hmacSha256 } from '../../crypto/digest.ts';
import type { AuthMount, EngineEnvironment } from '../../engine/engine.ts';
import { defaultTtl, type MountEntry, maxTtl } from './entry.ts';
import { shownPath } from './mount-path.ts';
import type { MountsOptions } from './mounts.ts';
import type { Mount, MountTable } from './table.ts';

/** @param table the mounts that there are, as of now */
export function environmentOf(
  entry: MountEntry,
  options: MountsOptions,
  table: () => MountTable,
): EngineEnvironment {
  const { digestKey, clock, random, generatePassword, formatVersion, serverAddress, entityOf } = options;
  const { nobodies, notices, askAs, tally } = options;
  return {
    mountPath: entry.path,
    mountAccessor: entry.accessor,
    options: entry.options ?? {},
    defaultTtl: defaultTtl(entry),
    maxTtl: maxTtl(entry),
    ...(entry.config.lockout === undefined ? {} : { lockout: entry.config.lockout }),
    clock,
    random,
    generatePassword,
    ...(nobodies === undefined ? {} : { nobodies }),
    ...(notices === undefined ? {} : { notices }),
    ...(tally === undefined ? {} : { tally }),
    formatVersion,
    serverAddress,
    entityOf: (alias) => entityOf(entry.uuid, alias),
    ...(askAs === undefined ? {} : { askAs: (...wish) => askAs(entry.path, ...wish) }),
    authMounts: {
      at: (path) => authMount(table().at(`auth/${path}`)),
      of: (uuid) => authMount(table().byUuid(uuid)),
    },
    digest: (text) => hmacSha256(digestKey, `${entry.uuid}/${text}`).toString('base64url'),
  };
}

function authMount(mount: Mount | undefined): AuthMount | undefined {
  if (mount?.entry.kind !== 'auth') return undefined;
  const { uuid, type } = mount.entry;
  return { uuid, type, path: shownPath(mount.entry) };
}
