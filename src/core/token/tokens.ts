/**
 * Making, renewing and ending tokens. A token dies with its record: whoever lists it as an ancestor is refused from that
 * commit on, and tidying up its children is left to the expiry duty.
 */

import type { KeyObject } from 'node:crypto';
import type { BarrierStore, PlainWrite, SealedRecord } from '../../barrier/store.ts';
import type { Clock } from '../../clock.ts';
import { type Random, randomBase62 } from '../../crypto/random.ts';
import { ShortMac } from '../../crypto/short-mac.ts';
import { CofferError } from '../../errors.ts';
import {
  type Expectation,
  type Page,
  type PageRequest,
  parseStorageKey,
  type Revision,
} from '../../storage/storage.ts';
import { type Due, dueWrite, moveDue, requeueDue, withoutDue } from '../due.ts';
import { leaseEndWrites } from '../lease/token-index.ts';
import { everyItem } from '../pages.ts';
import { retryOnConflict } from '../retry.ts';
import { decodeStored, encodeStored } from '../stored-json.ts';
import { accessorOf, idOfAccessor, randomAccessor, withoutAccessor } from './accessor.ts';
import { orphaningWrites, settleMark } from './orphaning.ts';
import { lineOf, type ReadToken } from './reader.ts';
import {
  accessorKey,
  childKey,
  childOfName,
  childrenPrefix,
  decodeToken,
  encodeToken,
  endingKey,
  idPrefix,
  isTokenId,
  ofIdentityKey,
  type TokenId,
  type TokenRecord,
  tokenKey,
} from './record.ts';

/** `hvs.` and 24 characters: one-time passwords of generate-root must have the root token's length. */
const tokenCharacters = 24;

/** A chain of parents may not be longer, since all of them are read with each request. */
export const deepestToken = 32;

/** Children of a dead token that end in one commit: with what else is in it, as many as storage's limit of writes allows. */
const childrenAPage = 4;

export type NewToken = Omit<
  TokenRecord,
  'id' | 'accessor' | 'given' | 'childByTime' | 'renewedAt' | 'queuedAt'
>;

export interface MintedToken {
  /** Shown once. */
  readonly text: string;
  readonly record: TokenRecord;
  /** What makes it real, once committed. */
  readonly writes: readonly PlainWrite[];
}

export interface StoredToken {
  readonly record: TokenRecord;
  readonly revision: Revision;
}

export interface TokensOptions {
  readonly store: BarrierStore;
  /** Key of the hash under which tokens are stored. */
  readonly hashKey: KeyObject;
  /** Key that makes accessors of ids: 32 bytes. */
  readonly accessorKey: KeyObject;
  readonly clock: Clock;
  readonly random: Random;
}

/** The keys of a store's tokens. */
export function tokenKeys(store: {
  purposeKey(purpose: string): KeyObject;
}): Pick<TokensOptions, 'hashKey' | 'accessorKey'> {
  return { hashKey: store.purposeKey('token-hash'), accessorKey: store.purposeKey('token-accessor') };
}

export class Tokens {
  readonly #store: BarrierStore;
  readonly #hash: ShortMac;
  readonly #accessorKey: KeyObject;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(options: TokensOptions) {
    this.#store = options.store;
    this.#hash = new ShortMac(options.hashKey);
    this.#accessorKey = options.accessorKey;
    this.#clock = options.clock;
    this.#random = options.random;
  }

  /** Whatever the text: an id of nothing is simply not found. */
  idOf(text: string): TokenId {
    return this.#hash.ofText(text, 'base64url') as TokenId;
  }

  /** Draws a token (or takes the text given) without writing anything. */
  mint(token: NewToken, givenText?: string): MintedToken {
    if (token.ancestors.length > deepestToken) {
      throw new CofferError('invalid_request', `a token has at most ${deepestToken} ancestors`);
    }
    const text = givenText ?? `hvs.${randomBase62(this.#random, tokenCharacters)}`;
    const id = this.idOf(text);
    const given = givenText === undefined ? undefined : true;
    const accessor = given ? randomAccessor(this.#random) : accessorOf(this.#accessorKey, id);
    const record = newRecord(token, id, accessor, given);
    const writes: PlainWrite[] = [{ key: tokenKey(id), value: encodeToken(record) }];
    if (record.given === true)
      writes.push({ key: accessorKey(record.accessor), value: encodeStored({ id }) });
    const child = childKey(record);
    if (child !== undefined) writes.push({ key: child, value: 'present' });
    if (record.expiresAt !== null) writes.push(dueWrite(record.expiresAt, 'token', id));
    if (record.identity !== undefined) {
      writes.push({ key: ofIdentityKey(record.identity, id), value: 'present' });
    }
    return { text, record, writes };
  }

  /** Undefined also for what is left of a token that was revoked without its children. */
  async read(id: TokenId): Promise<StoredToken | undefined> {
    const stored = await this.#readWhole(id);
    return stored?.record.orphanedAt === undefined ? stored : undefined;
  }

  async #readWhole(id: TokenId): Promise<StoredToken | undefined> {
    return decoded(await this.#store.read(tokenKey(id)));
  }

  /** Undefined for an accessor of nothing. */
  async readByAccessor(accessor: string): Promise<StoredToken | undefined> {
    const id = await this.#idOfAccessor(accessor);
    const token = id === undefined ? undefined : await this.read(id);
    return token?.record.accessor === accessor ? token : undefined;
  }

  async #idOfAccessor(accessor: string): Promise<TokenId | undefined> {
    const derived = idOfAccessor(this.#accessorKey, accessor);
    if (derived !== undefined || !/^[0-9A-Za-z]{1,64}$/.test(accessor)) return derived;
    const pointer = await this.#store.read(accessorKey(accessor));
    return pointer && decodeStored<{ id: TokenId }>(pointer.open()).id;
  }

  /**
   * Every token, page by page, in an order of no meaning. `after` is an accessor. Rejects with `invalid_request` for one that leads
   * to no place.
   */
  async page({ limit, after }: PageRequest): Promise<Page<TokenRecord>> {
    const id = after === undefined ? undefined : await this.#idOfAccessor(after);
    if (after !== undefined && id === undefined) {
      throw new CofferError('invalid_request', 'after is an accessor of a token');
    }
    const found = await this.#store.range(idPrefix, {
      limit,
      ...(id === undefined ? {} : { after: tokenKey(id) }),
    });
    const records = found.items.map((item) => decodeToken(item.open()));
    const items = records.filter(({ orphanedAt }) => orphanedAt === undefined);
    const last = records.at(-1);
    return found.next === undefined || last === undefined
      ? { items }
      : { items, next: accessorOf(this.#accessorKey, last.id) };
  }

  /** Every accessor, as `page` has the tokens. */
  async accessors(request: PageRequest): Promise<Page<string>> {
    const page = await this.page(request);
    return { ...page, items: page.items.map(({ accessor }) => accessor) };
  }

  /** Changes a living token; `change` gets the record as it is now. Undefined when there is none (any more). */
  async update(id: TokenId, change: (record: TokenRecord) => TokenRecord): Promise<TokenRecord | undefined> {
    return retryOnConflict(async () => {
      const stored = await this.read(id);
      if (stored === undefined) return undefined;
      const changed = change(stored.record);
      const { queuedAt, writes } =
        changed.expiresAt === null
          ? { queuedAt: undefined, writes: withoutDue('token', stored.record) }
          : moveDue('token', stored.record, changed.expiresAt);
      await this.#store.commit(
        [{ key: tokenKey(id), value: encodeToken({ ...changed, queuedAt }) }, ...writes],
        [{ key: tokenKey(id), revision: stored.revision }],
      );
      return changed;
    });
  }

  /** The writes that end a token and leave the rest of its tree to the duty. */
  endWrites(record: TokenRecord): readonly PlainWrite[] {
    return [...this.endAloneWrites(record), dueWrite(this.#clock.now(), 'token-tree', record.id)];
  }

  /** The writes that end a token which has neither children nor leases, and whose cubbyhole the caller empties. */
  endAloneWrites(record: TokenRecord): readonly PlainWrite[] {
    const writes: PlainWrite[] = [
      { key: tokenKey(record.id), value: null },
      ...withoutAccessor(record),
      ...withoutDue('token', record),
    ];
    const child = childKey(record);
    if (child !== undefined) writes.push({ key: child, value: null });
    if (record.given === true) writes.push({ key: endingKey(record.id), value: 'present' });
    if (record.identity !== undefined) {
      writes.push({ key: ofIdentityKey(record.identity, record.id), value: null });
    }
    return writes;
  }

  /** Ends the token and, from this commit on, everything below it. Ending what is not there is fine. */
  async revoke(id: TokenId): Promise<boolean> {
    return retryOnConflict(async () => {
      const stored = await this.read(id);
      if (stored === undefined) return false;
      await this.#store.commit(this.endWrites(stored.record), [
        { key: tokenKey(id), revision: stored.revision },
      ]);
      return true;
    });
  }

  /**
   * Ends a living token alone: its children go on as orphans. Rejects with `ConflictError` when it or one of its ancestors changed
   * since it was read: what has ended with an ancestor must not come back to life.
   */
  async revokeOrphaning(token: ReadToken): Promise<void> {
    const line = lineOf(token).map(({ id, revision }) => ({ key: tokenKey(id), revision }));
    await this.#store.commit(orphaningWrites(token.record, this.#clock.now()), [
      { key: tokenKey(token.record.id), revision: token.revision },
      ...line,
    ]);
  }

  /**
   * Duty: ends every token that a mount issued. Walks all tokens: nothing but the purge of an auth method asks for them by
   * mount, and they are refused already. Can be stopped anywhere and begun again.
   */
  async endIssuedBy(mount: string, fence: Expectation): Promise<void> {
    const tokens = everyItem((page) => this.#store.range(idPrefix, page), 100);
    for await (const item of tokens) {
      const record = decodeToken(item.open());
      if (record.mount !== mount) continue;
      const { key, revision } = item;
      await this.#store.commit(this.endWrites(record), [fence, { key, revision }]);
    }
  }

  /**
   * Duty: an entry of kind `token`. Ends the token if it has ended, else queues it again for when it will. `fence` is the
   * duty's lock.
   */
  async onDue(due: Due, fence: Expectation): Promise<void> {
    const stored = await this.#readWhole(due.id as TokenId);
    const done: PlainWrite = { key: due.key, value: null };
    if (stored === undefined) return void (await this.#store.commit([done], [fence]));
    const { record, revision } = stored;
    if (record.orphanedAt !== undefined) {
      const unchanged = { key: tokenKey(record.id), revision };
      return settleMark(this.#store, record, due, this.#clock.now(), [fence, unchanged]);
    }
    const writes = hasEnded(record, this.#clock.now()) ? this.endWrites(record) : this.#requeued(due, record);
    await this.#store.commit(
      [...writes.filter((write) => write.key !== due.key), done],
      [fence, { key: tokenKey(record.id), revision }],
    );
  }

  #requeued(due: Due, record: TokenRecord): readonly PlainWrite[] {
    const { queuedAt, writes } = requeueDue(due, record);
    if (record.queuedAt === undefined) return writes;
    return [{ key: tokenKey(record.id), value: encodeToken({ ...record, queuedAt }) }, ...writes];
  }

  /**
   * Duty: an entry of kind `token-tree`: what a dead token leaves goes, a page at a time. Its children end, its leases are due
   * now, and what lies below `own` (its cubbyhole) is removed. An entry of a token that lives was made up, and goes by itself: the
   * commit that ends a token is the one that makes the entry.
   */
  async onTreeDue(due: Due, fence: Expectation, own: string | undefined): Promise<void> {
    const id = due.id as TokenId;
    const done: PlainWrite = { key: due.key, value: null };
    // A longer id would name a part of what another token has.
    if (!isTokenId(due.id)) return void (await this.#store.commit([done], [fence]));
    for (;;) {
      const whole = await this.#readWhole(id);
      if (whole !== undefined && !hasEnded(whole.record, this.#clock.now())) {
        // Whoever ends it meanwhile may have put the same entry there.
        const unchanged = { key: tokenKey(id), revision: whole.revision };
        return void (await this.#store.commit([done], [fence, unchanged]));
      }
      const children = await this.#childEndings(id, whole?.record);
      const leases = await leaseEndWrites(this.#store, id, this.#clock.now());
      const records = own === undefined ? { items: [] } : await this.#store.range(own, { limit: 8 });
      const finished = !children.more && !leases.more && records.next === undefined;
      // At most 28, 24 and 8 writes; with the end's two and the fence that is less than the 64 of a commit.
      const writes: PlainWrite[] = [
        ...children.writes,
        ...leases.writes,
        ...records.items.map(({ key }) => ({ key, value: null })),
      ];
      if (finished) writes.push(done, { key: endingKey(id), value: null });
      await this.#store.commit(writes, [fence, ...leases.expectations]);
      if (finished) return;
    }
  }

  /** None of one that was revoked alone. */
  async #childEndings(
    id: TokenId,
    left: TokenRecord | undefined,
  ): Promise<{ readonly writes: readonly PlainWrite[]; readonly more: boolean }> {
    if (left?.orphanedAt !== undefined) return { writes: [], more: false };
    const children = await this.#store.children(childrenPrefix(id), { limit: childrenAPage });
    const writes: PlainWrite[] = [];
    for (const name of children.items) {
      const child = await this.read(childOfName(name));
      // The record decides whose child it is, not the entry: anybody who can write to storage can make one.
      if (child?.record.ancestors[0] !== id) {
        writes.push({ key: parseStorageKey(childrenPrefix(id) + name), value: null });
      } else writes.push(...this.endWrites(child.record));
    }
    return { writes, more: children.next !== undefined };
  }
}

/** Used up, out of time, or revoked without its children: whatever else it has may go. */
function hasEnded({ usesLeft, expiresAt, orphanedAt }: TokenRecord, now: number): boolean {
  return orphanedAt !== undefined || usesLeft === 0 || (expiresAt !== null && expiresAt <= now);
}

/** So that none is forgotten. */
type EveryMember = {
  readonly [Name in Exclude<keyof Required<TokenRecord>, 'orphanedAt' | 'queuedAt'>]: TokenRecord[Name];
};

/** Each member is named: copying them costs more than all else in the making of a token but its encryption. */
function newRecord(token: NewToken, id: TokenId, accessor: string, given: true | undefined): EveryMember {
  return {
    id,
    type: token.type,
    role: token.role,
    asked: token.asked,
    accessor,
    identity: token.identity,
    principal: token.principal,
    secondFactor: token.secondFactor,
    entityId: token.entityId,
    given,
    childByTime: token.ancestors.length === 0 ? undefined : true,
    policies: token.policies,
    displayName: token.displayName,
    metadata: token.metadata,
    path: token.path,
    mount: token.mount,
    ancestors: token.ancestors,
    issuedAt: token.issuedAt,
    renewedAt: null,
    expiresAt: token.expiresAt,
    creationTtl: token.creationTtl,
    maxTtl: token.maxTtl,
    explicitMaxTtl: token.explicitMaxTtl,
    period: token.period,
    renewable: token.renewable,
    usesLeft: token.usesLeft,
    orphan: token.orphan,
    boundCidrs: token.boundCidrs,
    internal: token.internal,
  };
}

function decoded(sealed: SealedRecord | undefined): StoredToken | undefined {
  return sealed === undefined ? undefined : { record: decodeToken(sealed.open()), revision: sealed.revision };
}
