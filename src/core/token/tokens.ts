/**
 * Making, renewing and ending tokens. A token dies with its record: whoever lists it as an ancestor is refused from that
 * commit on, and tidying up its children is left to the expiry duty.
 */

import type { KeyObject } from 'node:crypto';
import type { BarrierStore, PlainWrite, SealedRecord } from '../../barrier/store.ts';
import type { Clock } from '../../clock.ts';
import { hmacSha256 } from '../../crypto/digest.ts';
import { type Random, randomBase62 } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import type { Expectation, Page, PageRequest, Revision } from '../../storage/storage.ts';
import { type Due, dueWrite, moveDue, requeueDue, withoutDue } from '../due.ts';
import { leaseEndWrites } from '../lease/token-index.ts';
import { everyItem } from '../pages.ts';
import { retryOnConflict } from '../retry.ts';
import { decodeStored, encodeStored } from '../stored-json.ts';
import { orphaningWrites, settleMark } from './orphaning.ts';
import { lineOf, type ReadToken } from './reader.ts';
import {
  accessorKey,
  accessorPrefix,
  childKey,
  childrenPrefix,
  decodeToken,
  encodeToken,
  endingKey,
  idPrefix,
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

export type NewToken = Omit<TokenRecord, 'id' | 'accessor' | 'given' | 'renewedAt' | 'queuedAt'>;

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
  readonly clock: Clock;
  readonly random: Random;
}

export class Tokens {
  readonly #store: BarrierStore;
  readonly #hashKey: KeyObject;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(options: TokensOptions) {
    this.#store = options.store;
    this.#hashKey = options.hashKey;
    this.#clock = options.clock;
    this.#random = options.random;
  }

  /** Whatever the text: an id of nothing is simply not found. */
  idOf(text: string): TokenId {
    return hmacSha256(this.#hashKey, text).toString('base64url') as TokenId;
  }

  /** Draws a token (or takes the text given) without writing anything. */
  mint(token: NewToken, givenText?: string): MintedToken {
    if (token.ancestors.length > deepestToken) {
      throw new CofferError('invalid_request', `a token has at most ${deepestToken} ancestors`);
    }
    const text = givenText ?? `hvs.${randomBase62(this.#random, tokenCharacters)}`;
    const record: TokenRecord = {
      ...token,
      id: this.idOf(text),
      accessor: randomBase62(this.#random, tokenCharacters),
      ...(givenText === undefined ? {} : { given: true }),
      renewedAt: null,
    };
    const parent = record.ancestors[0];
    const writes: PlainWrite[] = [
      { key: tokenKey(record.id), value: encodeToken(record) },
      { key: accessorKey(record.accessor), value: encodeStored({ id: record.id }) },
    ];
    if (parent !== undefined) writes.push({ key: childKey(parent, record.id), value: encodeStored({}) });
    if (record.expiresAt !== null) writes.push(dueWrite(record.expiresAt, 'token', record.id));
    if (record.identity !== undefined) {
      writes.push({ key: ofIdentityKey(record.identity, record.id), value: encodeStored({}) });
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
    if (!/^[0-9A-Za-z]{1,64}$/.test(accessor)) return undefined;
    const pointer = await this.#store.read(accessorKey(accessor));
    if (pointer === undefined) return undefined;
    const { id } = decodeStored<{ id: TokenId }>(pointer.open());
    return this.read(id);
  }

  /** Accessors in order, page by page. */
  accessorPage(page: PageRequest): Promise<Page<string>> {
    return this.#store.children(accessorPrefix, page);
  }

  /** Every accessor, in order. */
  accessors(page: PageRequest): Promise<Page<string>> {
    return this.#store.children(accessorPrefix, page);
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
    const parent = record.ancestors[0];
    const writes: PlainWrite[] = [
      { key: tokenKey(record.id), value: null },
      { key: accessorKey(record.accessor), value: null },
      dueWrite(this.#clock.now(), 'token-tree', record.id),
      ...withoutDue('token', record),
    ];
    if (parent !== undefined) writes.push({ key: childKey(parent, record.id), value: null });
    if (record.given === true) writes.push({ key: endingKey(record.id), value: encodeStored({}) });
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
    const ended =
      record.usesLeft === 0 || (record.expiresAt !== null && record.expiresAt <= this.#clock.now());
    const writes = ended ? this.endWrites(record) : this.#requeued(due, record);
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
   * now, and what lies below `own` (its cubbyhole) is removed.
   */
  async onTreeDue(due: Due, fence: Expectation, own: string | undefined): Promise<void> {
    const id = due.id as TokenId;
    for (;;) {
      const children = await this.#childEndings(id, (await this.#readWhole(id))?.record);
      const leases = await leaseEndWrites(this.#store, id, this.#clock.now());
      const records = own === undefined ? { items: [] } : await this.#store.range(own, { limit: 8 });
      const finished = !children.more && !leases.more && records.next === undefined;
      // At most 28, 24 and 8 writes; with the end's two and the fence that is less than the 64 of a commit.
      const writes: PlainWrite[] = [
        ...children.writes,
        ...leases.writes,
        ...records.items.map(({ key }) => ({ key, value: null })),
      ];
      if (finished) writes.push({ key: due.key, value: null }, { key: endingKey(id), value: null });
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
      const child = await this.read(name as TokenId);
      if (child === undefined) writes.push({ key: childKey(id, name as TokenId), value: null });
      else writes.push(...this.endWrites(child.record));
    }
    return { writes, more: children.next !== undefined };
  }
}

function decoded(sealed: SealedRecord | undefined): StoredToken | undefined {
  return sealed === undefined ? undefined : { record: decodeToken(sealed.open()), revision: sealed.revision };
}
