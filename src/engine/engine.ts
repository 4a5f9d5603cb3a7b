/**
 * The seam of secrets engines and auth methods: both are mounted at a path, declare endpoints and see a view of their own.
 *
 * - `create` is called once for each mount and node; what the instance caches it re-validates by revision or does not keep.
 * - `renew` and `revoke` may be called more than once for one lease, on any node, also after a crash in the middle: doing a
 *   thing again that was done already is success.
 * - `onDue` may come late, twice, or for a name that is long settled.
 */
import type { Clock } from '../clock.ts';
import type { Endpoint } from '../core/endpoint.ts';
import type { MountLockout, NobodyCounts } from '../core/lockout/lock-state.ts';
import type { Notices } from '../core/notices.ts';
import type { ReadPage } from '../core/pages.ts';
import type { ClientCertificate } from '../core/request.ts';
import type { DueEntry, View, ViewWrite } from '../core/view.ts';
import type { Random } from '../crypto/random.ts';
import type { JsonObject } from '../json.ts';
import type { SecretTree } from './secret-tree.ts';

export interface EngineEnvironment {
  readonly mountPath: string;
  readonly mountAccessor: string;
  /** The mount's options, for example kv's `version`. */
  readonly options: Readonly<Record<string, string>>;
  /** Seconds. */
  readonly defaultTtl: number;
  readonly maxTtl: number;
  /** What the mount was told of locking names; for methods that lock them. */
  readonly lockout?: MountLockout | undefined;
  /** Where they count names without an account; absent where each mount does so by itself. */
  readonly nobodies?: NobodyCounts | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** Keyed hash of a text, base64url, different on each mount: for secrets that are looked up, never shown again. */
  digest(text: string): string;
  /** The auth mounts that there are, as of this request; for engines that name principals. */
  readonly authMounts?: AuthMounts;
  /**
   * The entity that a name of this mount leads to, also where it was merged into another; undefined where the name has none yet. Two
   * names of one entity are one person.
   */
  entityOf?(alias: string): Promise<KnownEntity | undefined>;
  /** Where people are told of what is handed out. Undefined where nobody can be told. */
  readonly notices?: Notices;
  /**
   * Asks the server itself for something, decided as of now by the policies of an entity and its groups and nothing besides, and audited like every
   * request. Answers the data, or undefined where nothing is there. Throws what the request was refused with; `permission_denied` for an
   * entity that is gone or disabled. Undefined where the server cannot ask itself.
   */
  askAs?(
    entityId: string,
    operation: 'read' | 'update' | 'delete',
    path: string,
    data: JsonObject,
  ): Promise<JsonObject | undefined>;
  /** URL at which clients reach this node, as of now; empty while it is not known. */
  serverAddress?(): string;
  /** A password by a named password policy. Undefined where there are no such policies. Throws `invalid_request` for an unknown name. */
  generatePassword?(policy: string): Promise<string>;
  /** Counts something that happened, for metrics. Undefined where nobody counts. */
  tally?(event: EngineEvent): void;
  /** The newest version of one of the type's `formats` that may be written now: one that every node of the store reads. */
  formatVersion?(name: string): number;
}

/** What engines do without being asked, in words that metrics know. */
export type EngineEvent =
  | 'credential_rotated'
  | 'credential_withdrawn'
  | 'credential_overdue'
  | 'rotation_failed'
  | 'reader_behind'
  | 'target_filled';

export interface KnownEntity {
  readonly id: string;
  readonly disabled: boolean;
}

export interface AuthMount {
  readonly uuid: string;
  /** As people know it, with a trailing `/` and without `auth/`. */
  readonly path: string;
  readonly type: string;
}

export interface AuthMounts {
  /** @param path with a trailing `/`, without `auth/` */
  at(path: string): AuthMount | undefined;
  of(uuid: string): AuthMount | undefined;
}

export interface RevocationContext {
  readonly leaseId: string;
  readonly internal: JsonObject;
  readonly view: View;
  /** Ends when nobody waits for the revocation any more: another node may do it again from then on. */
  readonly signal?: AbortSignal;
}

export interface RenewalContext extends RevocationContext {
  /** Seconds asked for, or undefined. */
  readonly increment: number | undefined;
}

/** One turn of the duty for work outside. */
export interface OutsideTurn {
  /**
   * A call to the outside: begins only while this node holds the duty, and is waited for no longer than that and than `milliseconds`. The
   * signal ends with it. Throws `conflict` where the duty was lost, `unavailable` where time ran out: whether the call had an effect is
   * not known then, and whoever comes next does it again.
   */
  outside<T>(milliseconds: number, call: (signal: AbortSignal) => Promise<T>): Promise<T>;
}

export interface Engine {
  readonly endpoints: readonly Endpoint[];
  /** Ends what was leased. Throws when it could not: the lease is tried again later. */
  revoke?(context: RevocationContext): Promise<void>;
  /** Seconds to grant from now (before the caps), or undefined for the mount's default. Throws to refuse. */
  renew?(context: RenewalContext): Promise<number | undefined>;
  onDue?(name: string, view: View): Promise<void>;
  /**
   * The same for entries that ask for work outside: many run side by side, each as long as it takes. What it commits holds only while this node has the duty;
   * every call outside goes through `turn`. When it resolves, the entry goes; when it throws, the entry stays and comes again.
   */
  onOutsideDue?(name: string, view: View, turn: OutsideTurn): Promise<void>;
  /**
   * Ends what the engine has outside and no lease stands for. Asked of a disabled mount once its leases have ended, before its
   * records go. Throws when that could not be done: it is asked again later, and the records stay until then.
   */
  settle?(view: View): Promise<void>;
  /** Lets go of what this instance holds open. A request under way may still ask it for something, and it answers. */
  close?(): void;
  /** For engines whose secrets can be found and moved by path. */
  readonly secrets?: SecretTree;
  /** For those that lock names after failed logins. */
  readonly locks?: NameLocks;
}

/** What an engine or auth method that locks names after failed logins lets administrators see and undo. */
export interface NameLocks {
  /**
   * Names that are locked now, in an order of the store's own, from behind the name `after`. Reads every name on the way that ever
   * failed or logged in.
   */
  lockedNames(view: View, after?: string): AsyncIterable<string>;
  /** Ends the locks of a name, as a caller spells it. There may be none. Throws `invalid_request` for what cannot be a name. */
  unlock(view: View, name: string): Promise<void>;
}

/** A role or a user, as far as policies go. */
export interface PolicyHolder {
  readonly name: string;
  /** What a login is granted; besides them `default`, unless that is left out. */
  readonly policies: readonly string[];
  readonly noDefaultPolicy: boolean;
}

/** Whoever asks for a token's renewal: not always who logged in. */
export interface RenewalCaller {
  readonly remoteAddress: string;
  /** Undefined where the request did not come over TLS. */
  readonly clientCertificate?: ClientCertificate | undefined;
}

export interface AuthMethod extends Engine {
  /** Roles or users in order of their names, a page at a time; the next page goes on behind the last name. */
  holders?(view: View): ReadPage<PolicyHolder>;
  /**
   * Checks anew that a token's principal may go on. Throws `permission_denied` or `invalid_request` to refuse. Methods
   * without it renew on the token's own terms.
   */
  renewPrincipal?(
    internal: JsonObject,
    view: View,
    renewal: RenewalCaller,
  ): Promise<{ readonly ttl?: number; readonly maxTtl?: number }>;
}

export type EngineOptions = Readonly<Record<string, string>>;

/** A change of a mount's options, and what goes into the mount's view in the commit that makes it. */
export interface OptionsChange {
  readonly options: EngineOptions;
  readonly writes?: readonly ViewWrite[];
  readonly due?: readonly DueEntry[];
}

/** A stored format that has changed: nodes of two versions may serve one store side by side. */
export interface FormatRange {
  /** The newest version that is read; all before are too. */
  readonly reads: number;
  /** The newest version that is written, once every node reads it. */
  readonly writes: number;
  /** What was written before the format had a name here. */
  readonly first: number;
}

/** By a name that stays for good, such as `kv/pointer`. */
export type Formats = Readonly<Record<string, FormatRange>>;

/** What has to be known of an engine that is not mounted. */
export interface EngineFacts {
  readonly type: string;
  readonly formats?: Formats;
  /** What of this kind is built in, where the engine itself has kinds, as lists of plug-ins name them. */
  readonly plugins?: readonly string[];
}

/** The same of an auth method. */
export interface AuthMethodFacts {
  readonly type: string;
  readonly formats?: Formats;
  /** Locks names after failed logins, and takes a mount's own rules for it (`EngineEnvironment.lockout`). */
  readonly locksNames?: true;
}

/** The way to a type whose code is loaded when one is mounted, or to be mounted. */
interface Loaded<T> {
  /** Resolves to the same each time. Rejects with `unavailable` where the code cannot be loaded. */
  load(): Promise<T>;
}

/** One row of the catalog of engines. */
export type EngineRow = EngineFacts & Loaded<EngineType>;
/** One row of the catalog of auth methods. */
export type AuthMethodRow = AuthMethodFacts & Loaded<AuthMethodType>;

export interface EngineType extends EngineFacts {
  readonly summary: string;
  /** Checks options at mount time; throws `invalid_request`. Answers the options to store; none of them is shown as null. */
  parseOptions(options: EngineOptions): EngineOptions;
  /** Checks a change of options of an enabled mount; throws `invalid_request`. Engines without it refuse any. */
  changeOptions?(before: EngineOptions, wanted: EngineOptions): OptionsChange;
  create(environment: EngineEnvironment): Engine;
}

export interface AuthMethodType extends AuthMethodFacts {
  readonly summary: string;
  create(environment: EngineEnvironment): AuthMethod;
}
