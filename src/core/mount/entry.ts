/** A mount at rest: what is enabled, and where. */
import { parseStorageKey, type StorageKey } from '../../storage/storage.ts';
import type { MountLockout } from '../lockout/lock-state.ts';
import { decodeStored, encodeStored } from '../stored-json.ts';

export type MountKind = 'secret' | 'auth';

/** What logins at an auth method get: a kind, or the kind where the method's role names none. */
export const mountTokenTypes = ['default-service', 'default-batch', 'service', 'batch'] as const;
export type MountTokenType = (typeof mountTokenTypes)[number];

export interface MountConfig {
  /** Seconds; 0 is the system's. */
  readonly defaultLeaseTtl: number;
  readonly maxLeaseTtl: number;
  readonly listingVisibility: '' | 'unauth' | 'hidden';
  readonly forceNoCache?: boolean | undefined;
  /** Names whose values the audit log shows although no declaration says that they may be shown. */
  readonly clearRequestKeys?: readonly string[] | undefined;
  readonly clearAnswerKeys?: readonly string[] | undefined;
  readonly passthroughRequestHeaders?: readonly string[] | undefined;
  readonly allowedResponseHeaders?: readonly string[] | undefined;
  /** What tokens a login makes; `default-service` where nothing is said. Of auth methods only. */
  readonly tokenType?: MountTokenType | undefined;
  /** How names are locked after failed logins; the method's own rules where nothing is said. */
  readonly lockout?: MountLockout | undefined;
}

export interface MountEntry {
  readonly uuid: string;
  readonly kind: MountKind;
  /** Below `/v1/`, with a trailing `/`; for auth methods it begins with `auth/`. */
  readonly path: string;
  readonly type: string;
  readonly accessor: string;
  readonly description: string;
  readonly options: Readonly<Record<string, string>> | null;
  readonly config: MountConfig;
  readonly createdAt: number;
  /** Said when it was enabled, and shown again: there is one store, and every record of it is sealed. */
  readonly local?: boolean | undefined;
  readonly sealWrap?: boolean | undefined;
  /** Where it was before it was moved: leases made there keep their names, and are still its own. */
  readonly formerPaths?: readonly FormerPath[] | undefined;
  /** The server's own settings, which an entry in memory carries along; never stored. */
  readonly system?: SystemTtls | undefined;
}

export interface FormerPath {
  readonly path: string;
  /** Milliseconds. */
  readonly leftAt: number;
}

/** The TTLs that hold where a mount names none, in seconds. */
export interface SystemTtls {
  readonly default: number;
  readonly max: number;
}

/** The system's TTLs where no setting says otherwise, in seconds: 768 hours. */
export const systemTtl = 2_764_800;

export const standardTtls: SystemTtls = { default: systemTtl, max: systemTtl };

export const noMountConfig: MountConfig = { defaultLeaseTtl: 0, maxLeaseTtl: 0, listingVisibility: '' };

export const mountPrefix = 'core/mount/';

export function mountKey(uuid: string): StorageKey {
  return parseStorageKey(mountPrefix + uuid);
}

/** Where a disabled mount's entry waits until its leases and data are gone. */
export function goneKey(uuid: string): StorageKey {
  return parseStorageKey(`core/mount-gone/${uuid}`);
}

/** Where a mount's own records lie. */
export function mountDataPrefix(uuid: string): string {
  return `mount/${uuid}/`;
}

export function encodeMount({ system: _, ...entry }: MountEntry): Buffer {
  return encodeStored(entry);
}

export function decodeMount(bytes: Buffer, system: SystemTtls = standardTtls): MountEntry {
  return { ...decodeStored<MountEntry>(bytes), system };
}

/** Seconds in force: the mount's own, else the server's. */
export function defaultTtl({ config, system = standardTtls }: MountEntry): number {
  return config.defaultLeaseTtl || Math.min(system.default, config.maxLeaseTtl || system.max);
}

export function maxTtl({ config, system = standardTtls }: MountEntry): number {
  return config.maxLeaseTtl || system.max;
}

/** Every path below which leases of this mount may be listed. */
export function leasePaths({ path, formerPaths = [] }: MountEntry): readonly string[] {
  return [path, ...formerPaths.map((former) => former.path)];
}

/** Throws nothing: what is not a usable mount path answers undefined. Takes text with or without slashes at the ends. */
export function parseMountPath(text: string): string | undefined {
  const path = text.replace(/^\/+|\/+$/g, '');
  if (path.length === 0 || path.length > 200) return undefined;
  const segments = path.split('/');
  const usable = segments.every((segment) => /^[\p{L}\p{N}_.~@-]+$/u.test(segment) && !/^\.+$/.test(segment));
  return usable ? `${path}/` : undefined;
}
