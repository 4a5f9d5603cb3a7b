/** The view of a mount on the barrier: a jail of one key prefix. */
import type { BarrierStore, PlainWrite, SealedRecord } from '../../barrier/store.ts';
import { CofferError, ConflictError } from '../../errors.ts';
import {
  type Expectation,
  type Page,
  type PageRequest,
  parseStorageKey,
  type Revision,
} from '../../storage/storage.ts';
import { dueWrite } from '../due.ts';
import type { DueEntry, View, ViewExpectation, ViewRecord, ViewWrite } from '../view.ts';
import { mountDataPrefix } from './entry.ts';

/** How a view's commits reach the barrier: directly, or through a request that adds the spending of a use. */
export type Commit = (
  writes: readonly PlainWrite[],
  expectations: readonly Expectation[],
) => Promise<readonly Revision[]>;

const mostItems = 48;

export class MountView implements View {
  readonly #store: BarrierStore;
  readonly #uuid: string;
  readonly #prefix: string;
  readonly #commit: Commit;

  constructor(store: BarrierStore, uuid: string, commit: Commit) {
    this.#store = store;
    this.#uuid = uuid;
    this.#prefix = mountDataPrefix(uuid);
    this.#commit = commit;
  }

  read(path: string): Promise<SealedRecord | undefined> {
    return this.#store.read(this.#key(path));
  }

  readMany(paths: readonly string[]): Promise<readonly (SealedRecord | undefined)[]> {
    return this.#store.readMany(paths.map((path) => this.#key(path)));
  }

  children(folder: string, page: PageRequest): Promise<Page<string>> {
    return this.#store.children(this.#prefix + folder, page);
  }

  async range(folder: string, page: PageRequest): Promise<Page<ViewRecord>> {
    const after = page.after === undefined ? {} : { after: this.#prefix + page.after };
    const found = await this.#store.range(this.#prefix + folder, { ...page, ...after });
    const items = found.items.map((item) => ({
      path: item.key.slice(this.#prefix.length),
      revision: item.revision,
      open: () => item.open(),
    }));
    return found.next === undefined ? { items } : { items, next: found.next.slice(this.#prefix.length) };
  }

  async commit(
    writes: readonly ViewWrite[],
    expectations: readonly ViewExpectation[] = [],
    due: readonly DueEntry[] = [],
  ): Promise<readonly Revision[]> {
    if (writes.length + expectations.length + due.length > mostItems) {
      throw new CofferError('internal', `a mount's commit has at most ${mostItems} items`);
    }
    const all = [
      ...this.writes(writes),
      ...due.map(({ at, name, outside }) =>
        dueWrite(at, 'mount', `${this.#uuid}/${name}`, outside === true ? 'outside' : 'due'),
      ),
    ];
    try {
      const revisions = await this.#commit(all, this.expectations(expectations));
      return revisions.slice(0, writes.length);
    } catch (error) {
      throw error instanceof ConflictError ? this.#ownConflict(error) : error;
    }
  }

  /** The same writes in the barrier's terms, for a commit that somebody else makes. */
  writes(writes: readonly ViewWrite[]): readonly PlainWrite[] {
    return writes.map(({ path, value }) => ({ key: this.#key(path), value }));
  }

  expectations(expectations: readonly ViewExpectation[]): readonly Expectation[] {
    return expectations.map(({ path, revision }) => ({ key: this.#key(path), revision }));
  }

  /** A conflict is told in the mount's own terms: the key as a path of the view. */
  #ownConflict(error: ConflictError): ConflictError {
    return error.key.startsWith(this.#prefix)
      ? new ConflictError(error.key.slice(this.#prefix.length))
      : error;
  }

  #key(path: string): ReturnType<typeof parseStorageKey> {
    return parseStorageKey(this.#prefix + path);
  }
}
