/**
 * Reads what authenticates a request: the epoch, the token, and the token's ancestors, as one snapshot: one multi-get when
 * the decoded token is at hand, two when it is not. What is cached is re-validated by the revision read in this request.
 */
import type { BarrierStore, SealedRecord } from '../../barrier/store.ts';
import type { Revision, StorageKey } from '../../storage/storage.ts';
import { epochKey } from '../epoch.ts';
import { TwoGenerationCache } from '../two-generation-cache.ts';
import { decodeToken, type TokenId, type TokenRecord, tokenKey } from './record.ts';

/** A token as read in one request. */
export interface ReadToken {
  readonly record: TokenRecord;
  readonly revision: Revision;
  /** Parent first; undefined where one is missing. */
  readonly ancestors: readonly (TokenRecord | undefined)[];
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

export class TokenReader {
  readonly #store: BarrierStore;
  readonly #cache = new TwoGenerationCache<Cached>(cachedTokens);

  constructor(store: BarrierStore) {
    this.#store = store;
  }

  async read(id: TokenId | undefined): Promise<Snapshot> {
    if (id === undefined) {
      const [epoch] = await this.#store.readMany(epochOnly);
      return { epoch, token: undefined };
    }
    const cached = this.#cache.get(id);
    if (cached !== undefined) {
      const [epoch, token, ...ancestors] = await this.#store.readMany(cached.keys);
      if (token === undefined) {
        this.#cache.delete(id);
        return { epoch, token: undefined };
      }
      // Ancestors never change, so the keys read are right even where the record itself is newer.
      return { epoch, token: this.#resolve(id, token, ancestors) };
    }
    return this.#readCold(id);
  }

  async #readCold(id: TokenId): Promise<Snapshot> {
    const first = await this.#store.readMany([epochKey, tokenKey(id)]);
    const token = first[1];
    if (token === undefined) return { epoch: first[0], token: undefined };
    const { record } = this.#decode(id, token);
    if (record.ancestors.length === 0) return { epoch: first[0], token: this.#resolve(id, token, []) };
    const keys = this.#cache.get(id)?.keys ?? keysOf(record);
    const [epoch, again, ...ancestors] = await this.#store.readMany(keys);
    return { epoch, token: again === undefined ? undefined : this.#resolve(id, again, ancestors) };
  }

  #resolve(id: TokenId, token: SealedRecord, ancestors: readonly (SealedRecord | undefined)[]): ReadToken {
    const { record, revision } = this.#decode(id, token);
    return {
      record,
      revision,
      ancestors: record.ancestors.map((ancestor, index) => {
        const sealed = ancestors[index];
        return sealed === undefined ? undefined : this.#decode(ancestor, sealed).record;
      }),
    };
  }

  #decode(id: TokenId, sealed: SealedRecord): Cached {
    const cached = this.#cache.get(id);
    if (cached !== undefined && cached.revision === sealed.revision) return cached;
    const record = decodeToken(sealed.open());
    const decoded = { record, revision: sealed.revision, keys: keysOf(record) };
    this.#cache.set(id, decoded);
    return decoded;
  }
}

function keysOf(record: TokenRecord): readonly StorageKey[] {
  return [epochKey, tokenKey(record.id), ...record.ancestors.map(tokenKey)];
}

/** Whether there is a mount of this uuid now. */
export type IsMounted = (uuid: string) => boolean;

/**
 * Why a token is refused, for the audit line; undefined when it is alive: it and all its ancestors are in time, and the mounts
 * that issued them are there. The caller is told the same in every case.
 */
export function tokenProblem(token: ReadToken, now: number, isMounted: IsMounted): string | undefined {
  const own = recordProblem(token.record, now, isMounted);
  if (own !== undefined) return own;
  for (const ancestor of token.ancestors) {
    const problem = ancestor === undefined ? 'revoked' : recordProblem(ancestor, now, isMounted);
    if (problem !== undefined) return `ancestor ${problem}`;
  }
  return undefined;
}

function recordProblem(record: TokenRecord, now: number, isMounted: IsMounted): string | undefined {
  if (record.expiresAt !== null && record.expiresAt <= now) return 'expired';
  if (record.usesLeft === 0) return 'used up';
  return record.mount === null || isMounted(record.mount) ? undefined : 'issued by a mount that is gone';
}
