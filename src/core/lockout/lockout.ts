/**
 * Lock-out after failed logins, for every auth method whose proofs people could guess. An account's failures rest in one record
 * of the mount, so that all nodes count together and a restart forgives nothing; names without an account are counted in a
 * bounded map of the server, so that nobody fills the store by inventing names and nobody tells by the answers which names exist.
 *
 * Whether an attempt counts is settled by commits: a failure is committed before it is answered, and a success expects the
 * record as it was read. So of any number of guesses at once, as many are judged as the threshold says, and all others are
 * answered in the same way whether they were right or wrong.
 */
import type { SealedRecord } from '../../barrier/store.ts';
import type { Clock } from '../../clock.ts';
import type { NameLocks } from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';
import { originOf } from '../../origin.ts';
import type { Revision } from '../../storage/storage.ts';
import { everyItem } from '../pages.ts';
import { retryOnConflict } from '../retry.ts';
import { decodeStored, encodeStored } from '../stored-json.ts';
import { TwoGenerationCache } from '../two-generation-cache.ts';
import type { View, ViewExpectation, ViewWrite } from '../view.ts';
import {
  afterFailure,
  afterSuccess,
  defaultLockout,
  freshState,
  isLocked,
  isLockedAnywhere,
  type LockoutSettings,
  type LockState,
  type MountLockout,
  type NobodyCounts,
  unlocked,
} from './lock-state.ts';
import { settingsUnder } from './mount-lockout.ts';
import { Nobodies } from './nobodies.ts';

/** Decoded records kept, re-validated by revision. */
const keptStates = 2_048;

/** Records read at once to find who is locked. */
const lockPage = 100;

const folder = 'lockout/';

export interface LockoutOptions {
  readonly clock: Clock;
  /** Keyed hash of a name: records are stored under it. */
  digest(name: string): string;
  readonly settings?: LockoutSettings;
  /** What the mount was told of it: over `settings`. */
  readonly told?: MountLockout | undefined;
  /** Counts names without an account; a map of this mount's own if absent. */
  readonly nobodies?: NobodyCounts | undefined;
}

/** An account, as read for one attempt. */
export interface LockedAccount {
  /** Canonical: whatever reaches the account reaches it by this name. */
  readonly name: string;
  /** `pathOf` the name. */
  readonly path: string;
  /** The record at `path`. */
  readonly sealed: SealedRecord | undefined;
  /** The account's own record: without it nothing is counted, so that no record outlives its account. */
  readonly account: ViewExpectation;
}

/** One attempt to log in to one name. */
export interface Attempt {
  /**
   * Counts a failure and throws: `refusal`, or `permission_denied` when the name was locked meanwhile. A conflict passes through:
   * then the whole attempt is made again.
   */
  failed(refusal: CofferError): Promise<never>;
  /**
   * A failure for a commit of the caller's own, which judges several names at once; `counts: false` writes the record as it is, where a
   * refusal is to look the same in the store whoever it is about.
   */
  refused(failure: { readonly counts: boolean }): AttemptChange;
  /** For the commit that makes the token. Nothing is written unless the origin is new or had failed. The account is expected too. */
  succeeded(): AttemptChange;
}

export interface AttemptChange {
  readonly writes: readonly ViewWrite[];
  readonly expectations: readonly ViewExpectation[];
}

interface Stored {
  readonly revision: Revision;
  readonly state: LockState;
}

export class Lockout implements NameLocks {
  readonly #clock: Clock;
  readonly #digest: (name: string) => string;
  readonly #settings: LockoutSettings;
  readonly #nobodies: NobodyCounts;
  readonly #states = new TwoGenerationCache<Stored>(keptStates);

  constructor(options: LockoutOptions) {
    this.#clock = options.clock;
    this.#digest = (name) => options.digest(name);
    this.#settings = settingsUnder(options.settings ?? defaultLockout, options.told);
    this.#nobodies = options.nobodies ?? new Nobodies();
  }

  /** Whether failures are counted here at all. */
  get counts(): boolean {
    return this.#settings.disabled !== true;
  }

  /** Where the record of an account lies in the mount's view: to be read along with the account, and deleted with it. */
  pathOf(name: string): string {
    return folder + this.#digest(`lockout/${name}`);
  }

  /** Throws `permission_denied` when the name is locked for this address. */
  attempt(view: View, { name, path, sealed, account }: LockedAccount, address: string): Attempt {
    const origin = originOf(address);
    const state = sealed === undefined ? freshState(name) : this.#decode(path, sealed).state;
    const now = this.#clock.now();
    if (this.#locks(state, origin, now)) throw lockedOut();
    const expectations = [account, { path, revision: sealed?.revision ?? null }];
    const refused: Attempt['refused'] = ({ counts }) => {
      const failed = counts ? afterFailure(state, origin, this.#clock.now(), this.#settings) : state;
      return { writes: [{ path, value: encodeStored(failed) }], expectations };
    };
    return {
      refused,
      failed: async (refusal) => {
        if (!this.counts) throw refusal;
        const change = refused({ counts: true });
        await view.commit(change.writes, change.expectations);
        throw refusal;
      },
      succeeded: () => {
        const after = afterSuccess(state, origin, now);
        return { writes: after === state ? [] : [{ path, value: encodeStored(after) }], expectations };
      },
    };
  }

  /** The same for a name that has no account. */
  async attemptOfNobody(path: string, address: string): Promise<Pick<Attempt, 'failed'>> {
    const origin = originOf(address);
    const settings = this.#settings;
    const { counts } = this;
    if (counts && (await this.#nobodies.isLocked(path, origin, this.#clock.now()))) throw lockedOut();
    return {
      failed: async (refusal) => {
        if (!counts || (await this.#nobodies.fail(path, origin, this.#clock.now(), settings))) throw refusal;
        throw lockedOut();
      },
    };
  }

  async *lockedNames(view: View, after?: string): AsyncGenerator<string> {
    if (this.#settings.disabled === true) return;
    const from = after === undefined ? undefined : this.pathOf(after);
    for await (const item of everyItem((page) => view.range(folder, page), lockPage, from)) {
      const state = decodeStored<LockState>(item.open());
      if (isLockedAnywhere(state, this.#clock.now())) yield state.name;
    }
  }

  async unlock(view: View, name: string): Promise<void> {
    const path = this.pathOf(name);
    this.#nobodies.forget(path);
    await retryOnConflict(async () => {
      const sealed = await view.read(path);
      if (sealed === undefined) return;
      const state = unlocked(decodeStored<LockState>(sealed.open()));
      await view.commit([{ path, value: encodeStored(state) }], [{ path, revision: sealed.revision }]);
    });
  }

  #locks(state: LockState, origin: string, now: number): boolean {
    return this.counts && isLocked(state, origin, now);
  }

  #decode(path: string, sealed: SealedRecord): Stored {
    const kept = this.#states.get(path);
    if (kept !== undefined && kept.revision === sealed.revision) return kept;
    const stored = { revision: sealed.revision, state: decodeStored<LockState>(sealed.open()) };
    this.#states.set(path, stored);
    return stored;
  }
}

/** Vault's text for a locked user. */
function lockedOut(): CofferError {
  return new CofferError('permission_denied', 'permission denied');
}
