/**
 * What an engine offers whose secrets can be found, moved, copied, deleted and restored by their paths.
 *
 * - Nothing here decides who may do it: the core asks the policies first, about the paths that a client would use.
 * - A `TreeChange` is what one commit has to hold. The core makes that commit, perhaps together with the change of another
 *   mount, so that a secret is never in both places or in none. Its expectations say what it was made from: when one fails, all is
 *   read and made again.
 * - `receive` may commit values ahead of the change that makes them a secret. Until then nobody sees them, and when it does
 *   not come to that the engine removes them by itself.
 */
import type { DueEntry, View, ViewExpectation, ViewWrite } from '../core/view.ts';
import type { Page, PageRequest } from '../storage/storage.ts';

export interface TreeChange {
  readonly writes: readonly ViewWrite[];
  readonly expectations: readonly ViewExpectation[];
  readonly due: readonly DueEntry[];
}

/** Paths below the mount that a client uses for one secret. */
export interface SecretPaths {
  /** Reads, writes and deletes the value. */
  readonly value: string;
  /** Shows and sets what is known of the secret; deleting here removes all versions. The same as `value` where there is one path. */
  readonly metadata: string;
  /** Brings a deleted version back. */
  readonly undelete: string;
}

export interface SecretSettings {
  readonly maxVersions: number;
  readonly casRequired: boolean;
  /** Seconds; 0 never. */
  readonly deleteVersionAfter: number;
  readonly customMetadata: Readonly<Record<string, string>> | null;
}

export interface SecretVersion {
  readonly number: number;
  /** Milliseconds. */
  readonly createdAt: number;
  /** Milliseconds; null never. */
  readonly deletedAt: number | null;
  readonly destroyed: boolean;
  /** `deletedAt` was set in advance: the value is removed for good some time after it. */
  readonly endsByItself: boolean;
  /** The JSON text of the fields; undefined where it was destroyed. Throws `conflict` when the secret changed meanwhile. */
  text(): Promise<Buffer | undefined>;
}

/** A secret with all that it has, for another place. */
export interface SecretContent {
  /** Milliseconds. */
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Number of the current version; 0 before the first. */
  readonly current: number;
  /** Number of the oldest version that is kept; 1 when none was ever dropped. */
  readonly oldest: number;
  readonly settings: SecretSettings;
  readonly versions: readonly SecretVersion[];
}

/** How a secret gets back to what it was. */
export type Restoration =
  | {
      readonly kind: 'restore';
      /** The old version is deleted by now: the caller needs the right to undelete. */
      readonly undeletes: boolean;
      /** Reads the old value and makes the change. */
      change(): Promise<TreeChange>;
    }
  | { readonly kind: 'unchanged' | 'later' | 'deleted' | 'gone' };

/** A secret as found, good for a change that expects it `unchanged`. */
export interface StoredSecret {
  readonly name: string;
  /** Somebody set more of it than its value. */
  readonly hasSettings: boolean;
  /** It has deleted versions whose values are there: nobody reads them but who may undelete. */
  readonly hasDeleted: boolean;
  /** Its current version can be read now. */
  readonly isReadable: boolean;
  readonly unchanged: ViewExpectation;
  /** To another name of the same mount, with all versions; says nothing of what is there already. */
  renamed(name: string): TreeChange;
  /** Removes the secret with all versions for good. */
  removed(): TreeChange;
  /** Makes room for another secret of the same name: removes all versions and leaves the name to who writes it. */
  cleared(): TreeChange;
  /** Soft-deletes the current version; undefined where there is nothing to delete. */
  deleted(): TreeChange | undefined;
  /** `at` in milliseconds. */
  asOf(at: number): Restoration;
  content(): SecretContent;
}

export interface SecretTree {
  paths(name: string): SecretPaths;
  /** The path that lists a folder (empty or with a trailing `/`). */
  listing(folder: string): string;
  /** Names directly below a folder, those of folders with a trailing `/`. */
  children(view: View, folder: string, page: PageRequest): Promise<Page<string>>;
  find(view: View, name: string): Promise<StoredSecret | undefined>;
  /** Expects that there is no secret of this name. */
  absent(name: string): ViewExpectation;
  /**
   * A whole copy under a name of this mount, sealed anew; says nothing of what is there already. Throws `conflict` when the content
   * changed meanwhile, `invalid_request` for what this engine cannot hold.
   */
  receive(view: View, name: string, content: SecretContent): Promise<TreeChange>;
}
