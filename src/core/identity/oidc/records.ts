/** Keys and roles of identity tokens, in the records of the mount `identity/`. */
import type { SigningAlgorithm, SigningKey } from '../../../crypto/jwt/sign.ts';
import { CofferError } from '../../../errors.ts';
import type { JsonObject } from '../../../json.ts';
import type { Revision } from '../../../storage/storage.ts';
import { allItems } from '../../pages.ts';
import { decodeStored, encodeStored } from '../../stored-json.ts';
import type { View, ViewWrite } from '../../view.ts';

/** A key that signs no more, and by which tokens are verified until it ends. */
export interface RetiredKey {
  readonly publicJwk: JsonObject;
  /** Milliseconds. */
  readonly endsAt: number;
}

export interface KeyRecord {
  readonly name: string;
  readonly algorithm: SigningAlgorithm;
  /** Seconds. */
  readonly rotationPeriod: number;
  readonly verificationTtl: number;
  /** `*` is any. */
  readonly allowedClientIds: readonly string[];
  readonly current: SigningKey;
  readonly retired: readonly RetiredKey[];
  /** Milliseconds. */
  readonly rotatesAt: number;
}

export interface RoleRecord {
  readonly name: string;
  readonly key: string;
  readonly template: string;
  readonly clientId: string;
  /** Seconds. */
  readonly ttl: number;
}

export interface OidcConfig {
  /** Scheme, host and port; empty where none is set. */
  readonly issuer: string;
}

export const keyFolder = 'oidc/key/';
export const roleFolder = 'oidc/role/';
const configPath = 'oidc/config';

export const mostKeys = 100;
export const mostRoles = 1_000;

export interface Kept<T> {
  readonly record: T;
  readonly revision: Revision;
}

/** Throws `invalid_request`. */
export function parseOidcName(name: string): string {
  if (/^\w[\w.-]{0,127}$/.test(name)) return name;
  throw new CofferError('invalid_request', 'a name has 1 to 128 letters, digits, ".", "_" and "-"');
}

export async function readKept<T>(view: View, path: string): Promise<Kept<T> | undefined> {
  const sealed = await view.read(path);
  return sealed === undefined
    ? undefined
    : { record: decodeStored<T>(sealed.open()), revision: sealed.revision };
}

export function keptWrite(path: string, record: object): ViewWrite {
  return { path, value: encodeStored(record) };
}

/** All of a folder: both are few. */
export async function readAllKept<T>(view: View, folder: string): Promise<readonly T[]> {
  const records = await allItems((page) => view.range(folder, page));
  return records.map((record) => decodeStored<T>(record.open()));
}

export async function readConfig(view: View): Promise<OidcConfig> {
  return (await readKept<OidcConfig>(view, configPath))?.record ?? { issuer: '' };
}

export function configWrite(config: OidcConfig): ViewWrite {
  return keptWrite(configPath, config);
}

/** What tokens name as their issuer: without one that is set, the path alone. */
export function issuerOf({ issuer }: OidcConfig): string {
  return `${issuer}/v1/identity/oidc`;
}

/** Public keys by which tokens are verified now. */
export function publicKeys(keys: readonly KeyRecord[], now: number): readonly JsonObject[] {
  return keys.flatMap(({ current, retired }) => [
    current.publicJwk,
    ...retired.filter(({ endsAt }) => endsAt > now).map(({ publicJwk }) => publicJwk),
  ]);
}
