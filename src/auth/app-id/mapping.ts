/** App-ID's mappings at rest: which policies an app id has, and which app ids a user id may log in as. */
import { decodeStored } from '../../core/stored-json.ts';
import type { View } from '../../core/view.ts';
import type { EngineEnvironment } from '../../engine/engine.ts';
import type { JsonObject } from '../../json.ts';
import type { Revision } from '../../storage/storage.ts';

export const mappingKinds = ['app-id', 'user-id'] as const;
export type MappingKind = (typeof mappingKinds)[number];

export interface Mapping {
  /** What was written, as it is shown. */
  readonly fields: JsonObject;
  /** Of an app id its policies, folded and validated; of a user id the app ids, exactly as they were written. */
  readonly names: readonly string[];
  /** Networks a login may come from; none is any. */
  readonly networks: readonly string[];
}

export interface ReadMapping {
  readonly mapping: Mapping;
  readonly revision: Revision;
}

/** What a view answers for a path. */
type Sealed = Awaited<ReturnType<View['read']>>;

/** The mapping whose policies every app id has besides its own. */
export const sharedAppId = 'default';

/** Longest id, in characters: a path has room for it wherever the method is mounted. */
const longestId = 400;

/**
 * The canonical id: ids are compared without regard to case, and consist of ASCII letters, digits, `_` and `-`, so folding is
 * unambiguous. Undefined for what cannot be an id.
 */
export function canonicalId(text: string): string | undefined {
  return text.length <= longestId && /^[-\w]+$/.test(text) ? text.toLowerCase() : undefined;
}

/**
 * What a mapping is stored under and listed as: `s` and 64 hexadecimal digits of a keyed digest, which is the wire's form. Ids are
 * what logs in, so neither storage nor lists show them.
 */
export function mappingKey(
  environment: Pick<EngineEnvironment, 'digest'>,
  kind: MappingKind,
  id: string,
): string {
  return `s${Buffer.from(environment.digest(`${kind}/${id}`), 'base64url').toString('hex')}`;
}

export function isMappingKey(text: string): boolean {
  return /^s[0-9a-f]{64}$/.test(text);
}

export function mappingFolder(kind: MappingKind): string {
  return `${kind}/`;
}

export function mappingPath(kind: MappingKind, key: string): string {
  return mappingFolder(kind) + key;
}

export function decodeMapping(sealed: Sealed): ReadMapping | undefined {
  return sealed === undefined
    ? undefined
    : { mapping: decodeStored<Mapping>(sealed.open()), revision: sealed.revision };
}

/**
 * The policies of an app id with those that all share; each once, sorted. `default` is every token's: whether a mapping names it
 * makes no difference, not even to a renewal.
 */
export function policiesOf(own: readonly string[], shared: readonly string[] = []): readonly string[] {
  return [...new Set([...own, ...shared])].filter((name) => name !== 'default').toSorted();
}
