/**
 * What a request writes. The caller's use is spent in the handler's commit when it makes one, so that of many requests with
 * one token exactly as many take effect as it has uses; otherwise in a commit of its own before the answer.
 */
import type { BarrierStore, PlainWrite } from '../barrier/store.ts';
import { CofferError, ConflictError } from '../errors.ts';
import type { Expectation, Revision } from '../storage/storage.ts';
import type { Toll } from './approval/toll.ts';
import { lineOf, type ReadToken } from './token/reader.ts';
import { encodeToken, tokenKey } from './token/record.ts';
import type { StoredToken, Tokens } from './token/tokens.ts';

export class RequestCommit {
  readonly #store: BarrierStore;
  readonly #tokens: Tokens;
  /** The caller's token as last read or written; undefined without one, and once its last use is spent. */
  #token: StoredToken | undefined;
  /** Whether a use of it is still to be spent. */
  #owes: boolean;
  #committed = false;
  #spentLast = false;
  #toll: Toll | undefined;

  /** `token` is undefined where no use is to be spent. */
  constructor(store: BarrierStore, tokens: Tokens, token: ReadToken | undefined) {
    this.#store = store;
    this.#tokens = tokens;
    this.#token = token === undefined ? undefined : keeperOf(token);
    this.#owes = token !== undefined && token.record.usesLeft !== null;
  }

  /** Whether anything was written: then the audit line must be on disk before the answer. */
  get committed(): boolean {
    return this.#committed;
  }

  /** Whether this request took the token's last use: the token has ended, and nothing leased may be handed out. */
  get spentLast(): boolean {
    return this.#spentLast;
  }

  /** From now on the request owes this too. */
  charge(toll: Toll): void {
    this.#toll = toll;
  }

  /** Throws `permission_denied` when the last use went to another request meanwhile. */
  commit(
    writes: readonly PlainWrite[],
    expectations: readonly Expectation[] = [],
  ): Promise<readonly Revision[]> {
    return this.#commit(writes, expectations, this.#owes);
  }

  /**
   * The same for what must end with the token: also where no use is owed it expects the token to be there, so that nothing is
   * left behind by a request that was under way when the token was revoked. Throws `permission_denied` when it is gone.
   */
  commitForToken(
    writes: readonly PlainWrite[],
    expectations: readonly Expectation[],
  ): Promise<readonly Revision[]> {
    return this.#commit(writes, expectations, true);
  }

  /** Whether `spend` would do anything. */
  get owes(): boolean {
    return this.#owes || this.#toll !== undefined;
  }

  /** Spends what is owed if no commit of the handler did. */
  async spend(): Promise<void> {
    if (this.owes) await this.commit([]);
  }

  async #commit(
    writes: readonly PlainWrite[],
    expectations: readonly Expectation[],
    guarded: boolean,
  ): Promise<readonly Revision[]> {
    for (;;) {
      const token = guarded ? this.#token : undefined;
      const spending = token !== undefined && this.#owes ? this.#spending(token) : [];
      const toll = this.#toll;
      const guard = token === undefined ? [] : [{ key: tokenKey(token.record.id), revision: token.revision }];
      try {
        const revisions = await this.#store.commit(
          [...writes, ...spending, ...(toll?.writes ?? [])],
          [...expectations, ...guard, ...(toll?.expectations ?? [])],
        );
        this.#committed = true;
        this.#toll = undefined;
        if (token !== undefined && this.#owes) this.#settleUse(token, revisions[writes.length]);
        return revisions.slice(0, writes.length);
      } catch (error) {
        if (toll !== undefined && isOf(toll, error)) throw toll.lost();
        if (
          token === undefined ||
          !(error instanceof ConflictError) ||
          error.key !== tokenKey(token.record.id)
        )
          throw error;
        this.#token = await this.#reread(token);
      }
    }
  }

  /** `revision` is the token's own after the commit: it is the first of the writes that spend a use. */
  #settleUse({ record }: StoredToken, revision: Revision | undefined): void {
    const usesLeft = (record.usesLeft ?? 1) - 1;
    this.#owes = false;
    this.#spentLast = usesLeft === 0;
    this.#token =
      usesLeft === 0 || revision === undefined ? undefined : { record: { ...record, usesLeft }, revision };
  }

  async #reread(token: StoredToken): Promise<StoredToken> {
    const current = await this.#tokens.read(token.record.id);
    if (current === undefined || current.record.usesLeft === 0) {
      throw new CofferError('permission_denied', 'permission denied');
    }
    return current;
  }

  /** One use less; with the last one the token has ended, and its tree is left to the duty. */
  #spending(token: StoredToken): readonly PlainWrite[] {
    const left = (token.record.usesLeft ?? 1) - 1;
    const spent: PlainWrite = {
      key: tokenKey(token.record.id),
      value: encodeToken({ ...token.record, usesLeft: left }),
    };
    return left > 0 ? [spent] : this.#tokens.endWrites(token.record);
  }
}

function isOf({ expectations }: Toll, error: unknown): boolean {
  return error instanceof ConflictError && expectations.some(({ key }) => key === error.key);
}

/** What in the store stands for a token: itself, or for a batch token its parent. An orphan among those has nothing there. */
function keeperOf(token: ReadToken): StoredToken | undefined {
  if (token.record.type !== 'batch') return token;
  const [parent] = lineOf(token);
  return parent === undefined ? undefined : { record: parent, revision: parent.revision };
}
