/** A mount at rest: what is enabled, and where. */
import { parseStorageKey, type StorageKey } from '../../storage/storage.ts';
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
  /** Of auth methods; absent is `default-service`. */
  readonly tokenType?: MountTokenType;
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
}

/** The system's TTLs, in seconds: 768 hours. */
export const systemTtl = 2_764_800;

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

export function encodeMount(entry: MountEntry): Buffer {
  return encodeStored(entry);
}

export function decodeMount(bytes: Buffer): MountEntry {
  return decodeStored<MountEntry>(bytes);
}

export function defaultTtl(entry: MountEntry): number {
  return entry.config.defaultLeaseTtl || Math.min(systemTtl, maxTtl(entry));
}

export function maxTtl(entry: MountEntry): number {
  return entry.config.maxLeaseTtl || systemTtl;
}

/** Throws nothing: what is not a usable mount path answers undefined. Takes text with or without slashes at the ends. */
export function parseMountPath(text: string): string | undefined {
  const path = text.replace(/^\/+|\/+$/g, '');
  if (path.length === 0 || path.length > 200) return undefined;
  const segments = path.split('/');
  const usable = segments.every((segment) => /^[\p{L}\p{N}_.~@-]+$/u.test(segment) && !/^\.+$/.test(segment));
  return usable ? `${path}/` : undefined;
}
