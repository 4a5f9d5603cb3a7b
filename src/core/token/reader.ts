/**
 * Reads what authenticates a request: the epoch, the token, the token's ancestors, and its entity with the groups above it, as one
 * snapshot: one multi-get when the decoded token is at hand, two when it is not. What is cached is re-validated by the revision read
 * in this request.
 */
import type { BarrierStore, SealedRecord } from '../../barrier/store.ts';
import type { Revision, StorageKey } from '../../storage/storage.ts';
import { epochKey } from '../epoch.ts';
import { effectivePolicies, type Identity } from '../identity/identity.ts';
import { type IdentityReader, readKeys } from '../identity/reader.ts';
import { TwoGenerationCache } from '../two-generation-cache.ts';
import { type BatchTokens, isBatchText } from './batch.ts';
import { decodeToken, type TokenId, type TokenRecord, tokenKey } from './record.ts';

/** A token as read in one request. */
export interface ReadToken {
  readonly record: TokenRecord;
  /** A batch token has no record: its revision is one that none ever has. */
  readonly revision: Revision;
  /** Parent first; undefined where one is missing. */
  readonly ancestors: readonly (TokenRecord | undefined)[];
  /** As read: what is made for this token in the store expects them to be there yet. Undefined where one is missing. */
  readonly ancestorRevisions: readonly (Revision | undefined)[];
  /** Undefined for a token without entity, and for one whose entity is gone: that one is refused. */
  readonly identity: Identity | undefined;
  /** The token's own and those of its identity, sorted: by these it is decided. */
  readonly policies: readonly string[];
}

export interface Snapshot {
  readonly epoch: SealedRecord | undefined;
  readonly token: ReadToken | undefined;
}

interface Cached {
  readonly record: TokenRecord;
  readonly revision: Revision;
  /** Epoch, the token, its ancestors: the multi-get that re-validates all of them. */
  readonly keys: readonly StorageKey[];
}

const cachedTokens = 8_192;
const epochOnly: readonly StorageKey[] = [epochKey];
const noRevision = -1 as Revision;
const none: readonly StorageKey[] = [];

export interface TokenReaderParts {
  readonly idOf: (text: string) => TokenId;
  readonly batch: Pick<BatchTokens, 'open'>;
  readonly identities: IdentityReader;
}

export class TokenReader {
  readonly #store: BarrierStore;
  readonly #idOf: (text: string) => TokenId;
  readonly #batch: Pick<BatchTokens, 'open'>;
  readonly #identities: IdentityReader;
  readonly #cache = new TwoGenerationCache<Cached>(cachedTokens);

  constructor(store: BarrierStore, { idOf, batch, identities }: TokenReaderParts) {
    this.#store = store;
    this.#idOf = idOf;
    this.#batch = batch;
    this.#identities = identities;
  }

  /** The token that a caller presents; undefined is none. */
  present(text: string | undefined): Promise<Snapshot> {
    if (text === undefined) return this.read(undefined);
    return isBatchText(text) ? this.#readBatch(text) : this.read(this.#idOf(text));
  }

  /** Its ancestors and its entity are all that a batch token has in the store: one multi-get, as long as they stay the same. */
  async #readBatch(text: string): Promise<Snapshot> {
    const batch = await this.#batch.open(text);
    if (batch === undefined) return this.read(undefined);
    const { record, lineage } = batch;
    const { entityId } = record;
    const keys = [epochKey, ...record.ancestors.map(tokenKey)];
    let more = entityId === undefined ? none : this.#identities.keysOf(entityId);
    for (;;) {
      const read = await readKeys(this.#store, more.length === 0 ? keys : [...keys, ...more]);
      const resolution =
        entityId === undefined
          ? ({ kind: 'known', identity: undefined } as const)
          : this.#identities.resolve(entityId, more, read.slice(keys.length));
      if (resolution.kind === 'more') {
        more = resolution.keys;
        continue;
      }
      const found = record.ancestors.map((id, at) => {
        const one = read[at + 1];
        const ancestor = one === undefined ? undefined : this.#decode(id, one);
        return ancestor?.record.accessor === lineage[at] ? ancestor : undefined;
      });
      const token: ReadToken = {
        record,
        revision: noRevision,
        ancestors: found.map((ancestor) => ancestor?.record),
        ancestorRevisions: found.map((ancestor) => ancestor?.revision),
        identity: resolution.identity,
        policies: effectivePolicies(record.policies, resolution.identity),
      };
      return { epoch: read[0], token };
    }
  }

  async read(id: TokenId | undefined): Promise<Snapshot> {
    if (id === undefined) {
      const [epoch] = await this.#store.readMany(epochOnly);
      return { epoch, token: undefined };
    }
    const known = this.#cache.get(id);
    let keys = known?.keys ?? [epochKey, tokenKey(id)];
    let entityId = known?.record.entityId;
    let more = entityId === undefined ? none : this.#identities.keysOf(entityId);
    for (;;) {
      const found = await readKeys(this.#store, more.length === 0 ? keys : [...keys, ...more]);
      const [epoch, token] = found;
      if (token === undefined) {
        this.#cache.delete(id);
        return { epoch, token: undefined };
      }
      const { keys: wanted, record } = this.#decode(id, token);
      // A text given by its maker can name another token by now, with other ancestors: then what was read is not theirs.
      if (!areSame(keys, wanted) || entityId !== record.entityId) {
        keys = wanted;
        entityId = record.entityId;
        more = entityId === undefined ? none : this.#identities.keysOf(entityId);
        continue;
      }
      if (entityId === undefined) return { epoch, token: this.#resolve(id, token, found, undefined) };
      const resolution = this.#identities.resolve(entityId, more, found.slice(keys.length));
      if (resolution.kind === 'known') {
        return { epoch, token: this.#resolve(id, token, found, resolution.identity) };
      }
      more = resolution.keys;
    }
  }

  /** `found` begins with the epoch, the token and its ancestors. */
  #resolve(
    id: TokenId,
    token: SealedRecord,
    found: readonly (SealedRecord | undefined)[],
    identity: Identity | undefined,
  ): ReadToken {
    const { record, revision } = this.#decode(id, token);
    return {
      record,
      revision,
      ancestors: record.ancestors.map((ancestor, index) => {
        const sealed = found[index + 2];
        return sealed === undefined ? undefined : this.#decode(ancestor, sealed).record;
      }),
      ancestorRevisions: record.ancestors.map((_, index) => found[index + 2]?.revision),
      identity,
      policies: effectivePolicies(record.policies, identity),
    };
  }

  #decode(id: TokenId, sealed: SealedRecord): Cached {
    const cached = this.#cache.get(id);
    if (cached !== undefined && cached.revision === sealed.revision) return cached;
    const bytes = sealed.open();
    const record = decodeToken(bytes);
    const decoded = { record, revision: sealed.revision, keys: keysOf(record) };
    this.#cache.set(id, decoded, bytes.length);
    return decoded;
  }
}

function keysOf(record: TokenRecord): readonly StorageKey[] {
  return [epochKey, tokenKey(record.id), ...record.ancestors.map(tokenKey)];
}

function areSame(keys: readonly StorageKey[], others: readonly StorageKey[]): boolean {
  return keys === others || (keys.length === others.length && keys.every((key, at) => key === others[at]));
}

/** Whether there is a mount of this uuid now. */
export type IsMounted = (uuid: string) => boolean;

/**
 * Why a token is refused, for the audit line; undefined when it is alive: it and all its ancestors are in time, the mounts
 * that issued them are there, and its entity is there and not disabled. The caller is told the same in every case.
 */
export function tokenProblem(token: ReadToken, now: number, isMounted: IsMounted): string | undefined {
  const own = recordProblem(token.record, now, isMounted) ?? identityProblem(token);
  if (own !== undefined) return own;
  for (let at = 0; at < token.ancestors.length; at++) {
    const ancestor = token.ancestors[at];
    // What was revoked without its children ends the line above them. Batch tokens are no children that anybody could list:
    // theirs end with their parent.
    if (ancestor?.orphanedAt !== undefined && (at > 0 || token.record.type !== 'batch')) return undefined;
    const problem = ancestor === undefined ? 'revoked' : recordProblem(ancestor, now, isMounted);
    if (problem !== undefined) return `ancestor ${problem}`;
  }
  return undefined;
}

/** The ancestors that a token lives and dies with, as read: up to one that was revoked without its children. */
export function lineOf(token: ReadToken): readonly (TokenRecord & { readonly revision: Revision })[] {
  const line = [];
  for (const [at, ancestor] of token.ancestors.entries()) {
    const revision = token.ancestorRevisions[at];
    if (ancestor === undefined || revision === undefined || ancestor.orphanedAt !== undefined) break;
    line.push({ ...ancestor, revision });
  }
  return line;
}

/** Whether it depends on no other token, or on none any more. */
export function isOrphan({ record, ancestors: [parent] }: ReadToken): boolean {
  return record.orphan || parent?.orphanedAt !== undefined;
}

function recordProblem(record: TokenRecord, now: number, isMounted: IsMounted): string | undefined {
  if (record.orphanedAt !== undefined) return 'revoked';
  if (record.expiresAt !== null && record.expiresAt <= now) return 'expired';
  if (record.usesLeft === 0) return 'used up';
  return record.mount === null || isMounted(record.mount) ? undefined : 'issued by a mount that is gone';
}

function identityProblem({ record, identity }: ReadToken): string | undefined {
  if (record.entityId === undefined) return undefined;
  if (identity === undefined) return 'of an entity that is gone';
  return identity.entity.disabled ? 'of a disabled entity' : undefined;
}
