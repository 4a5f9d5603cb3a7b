/**
 * The seam between the secret verbs and where secrets are. A verb asks a safe for versions, names and changes; only the safe knows
 * a wire or a file format.
 *
 * Names are decoded text such as `app/db`, without a leading `/`. A method throws `usage` for a name that cannot be one,
 * `not_found`, `permission_denied`, `conflict` or `unavailable` as the place has it. Nothing a method throws repeats a value.
 */
import type { CofferError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import type { History } from './secret-history.ts';

/** One version of a secret that can be read. */
export interface SecretVersion {
  readonly data: JsonObject;
  readonly version: number;
}

/** What there is at a name now, whether or not it can be read. */
export interface CurrentSecret {
  /** Undefined where there is none, and where the current version is deleted or destroyed. */
  readonly data: JsonObject | undefined;
  /** What a checked write must name; 0 where nothing was ever written. */
  readonly version: number;
}

export interface PageRequest {
  /** Names that come after this one, in the safe's own order. */
  readonly after?: string | undefined;
  /** Most names on a page. */
  readonly limit: number;
}

/** Part of a list. A safe may answer with fewer names than it was asked for, and still have more. */
export interface NamePage {
  readonly names: readonly string[];
  /** What to ask with for the next page; undefined on the last. */
  readonly next: string | undefined;
}

export interface SecretSafe extends Disposable {
  /** What messages call the safe as a whole, such as `secret`. */
  readonly title: string;
  /** Tells this safe from every other, for what is kept about it on this machine. */
  readonly identity: string;
  /** The current version, or the one asked for. */
  read(name: string, version?: number): Promise<SecretVersion>;
  current(name: string): Promise<CurrentSecret>;
  /**
   * Writes a new version, lasting on return, and answers what the place says of it (`version`, times).
   * @param check the version that must be the current one, 0 for none; `conflict` when it is not
   */
  write(name: string, data: JsonObject, check?: number): Promise<JsonObject>;
  /** Replaces the given fields and keeps the others (RFC 7396); answers as `write` does. */
  patch(name: string, fields: JsonObject, check?: number): Promise<JsonObject>;
  /** Names right below a folder (`''` is the whole safe); one that ends in `/` holds further names. */
  list(folder: string, page: PageRequest): Promise<NamePage>;
  history(name: string): Promise<History>;
  /** Deletes the current version, or those given, so that they can come back. */
  delete(name: string, versions?: readonly number[]): Promise<void>;
  undelete(name: string, versions: readonly number[]): Promise<void>;
  /** Removes the values of versions for good. */
  destroy(name: string, versions: readonly number[]): Promise<void>;
  /** Removes all versions and the name itself for good. */
  remove(name: string): Promise<void>;
  /** Erases values of deleted versions that nobody can have back. Absent where the safe does that by itself. */
  sweep?(name: string): Promise<void>;
  /** Refuses a place where a name does not mean what the verbs take it for. Throws `unsupported_operation`. */
  requireUsable(name: string): Promise<void>;
  /** Absent where the safe cannot search by itself; then its lists are walked. */
  readonly finder?: Finder;
  /** Absent where the safe cannot move or copy by itself. */
  readonly mover?: Mover;
  /** Moves and copies to another safe, with all versions. Absent where that cannot be; throws `unsupported_operation` for a safe of another kind. */
  moverTo?(target: SecretSafe): Mover;
  /** Absent where secrets are read one by one. */
  readonly bulk?: BulkReader;
  /** Absent where secrets never list who may read them. */
  readonly readers?: Readers;
}

/** Who may read a secret, in words such as `app`, `aws/123456789012:role/app` or `userpass/ann`. */
export interface Readers {
  /** As the safe's own `write`, with a list in place of the former one. Throws `unsupported_operation` where secrets have no lists. */
  write(name: string, data: JsonObject, words: readonly string[], check?: number): Promise<JsonObject>;
  show(name: string): Promise<readonly string[]>;
  /** Answers the list as it is then. */
  change(name: string, verb: 'add' | 'remove', words: readonly string[]): Promise<readonly string[]>;
}

export interface BulkReader {
  /**
   * The current versions of all secrets below a folder (`''` is the whole safe), in an order of the safe's own, as they are read;
   * deleted ones are left out. Rejects where it is not known what is missing.
   */
  below(folder: string): AsyncIterable<BulkOutcome>;
}

export type BulkOutcome =
  | { readonly kind: 'read'; readonly name: string; readonly data: JsonObject }
  /** It is there, and could not be read. */
  | { readonly kind: 'failed'; readonly name: string; readonly error: CofferError };

export interface Finder {
  /**
   * Names below a folder that match, as whole names.
   * @returns undefined where the place does not know how after all
   */
  find(folder: string, pattern: string, page: PageRequest): Promise<NamePage | undefined>;
}

/** Moves, copies, deletes and restores, of one secret or of all below a folder. */
export interface Mover {
  start(order: MoveOrder): Promise<MoveOutcome>;
}

export interface MoveOrder {
  readonly verb: 'move' | 'copy' | 'delete' | 'restore';
  readonly from: string;
  /** Of a move or a copy. */
  readonly to?: string;
  /** What messages call the other safe that it goes to; undefined within one. */
  readonly elsewhere?: string;
  /** Of a restore, in milliseconds since 1970: the values of that time become the current ones. */
  readonly at?: number;
  readonly recursive: boolean;
  /** Replace what is at the goal. */
  readonly overwrite: boolean;
  /** Of a delete: all versions and the names, never to come back; otherwise the current versions. */
  readonly forGood: boolean;
  /** Only say what would happen. */
  readonly dryRun: boolean;
}

export type MoveOutcome =
  | { readonly kind: 'done'; readonly result: JsonObject }
  | { readonly kind: 'job'; readonly id: string; status(): Promise<JobStatus> };

export interface JobStatus {
  readonly status: 'running' | 'done' | 'failed' | 'cancelled';
  readonly done: number;
  /** Undefined while it is not known. */
  readonly total: number | undefined;
  /** Why it failed. */
  readonly problem: string | undefined;
  readonly result: JsonObject;
}
