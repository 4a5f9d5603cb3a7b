/**
 * The seam of service-user providers: whoever holds applications' users and OAuth clients, and judges their credentials. The rotation machine of the
 * engine `service-users` calls them; nothing here knows of it.
 *
 * - Every call may come again, on another node, after a crash in the middle: doing what is done already is success. What is ended twice, or
 *   not there, is ended.
 * - Calls for different users come side by side, never more than the provider's settings allow; calls for one user one after the other.
 * - Errors: `invalid_request` or `permission_denied` for what stays until a person changes something, `rate_limited` (`RateLimited`, with the other side's pause) for 429, `unavailable`
 *   where it is not known whether a call had an effect. In words for people: never with a secret, and with nothing that the other side sent but its codes.
 */
import type { Clock } from '../clock.ts';
import type { Endpoint } from '../core/endpoint.ts';
import type { View } from '../core/view.ts';
import type { Random } from '../crypto/random.ts';
import type { EngineEnvironment, NameLocks } from '../engine/engine.ts';
import { CofferError } from '../errors.ts';

export type CredentialKind = 'password' | 'client';

/** A scope as mint has it: `resourceType` and `id`; providers that know texts alone say `<resourceType>.<id>`, or `<id>` where the type is empty. */
export interface Scope {
  readonly resourceType: string;
  readonly id: string;
}

/** What a provider is told of an application's user. */
export interface ServiceUser {
  /** Prefix and application id, fixed when the application was registered. */
  readonly username: string;
  readonly application: string;
  readonly name: string;
  readonly subtitle: string;
  /** The owning team; empty for none. */
  readonly team: string;
  readonly scopes: readonly Scope[];
  /** Whether its OAuth client has a secret. */
  readonly confidential: boolean;
  readonly redirectUrl: string | null;
}

/** A password or a client, as the machine keeps it (sealed) and hands it back. JSON. */
export interface Credential {
  readonly kind: CredentialKind;
  /** Grows with each one that was staged for the user, from 1. */
  readonly generation: number;
  /** What an application shows beside the secret: the user's name, or the client's id. */
  readonly id: string;
  /** Null for a public client. */
  readonly secret: string | null;
  /** The provider's own word for it (a key's id, a transaction). Not a secret; empty for none. */
  readonly reference: string;
}

/** Which one to stage. */
export interface Staging {
  readonly kind: CredentialKind;
  readonly generation: number;
  /** A random secret, the same again for the same generation. Providers that make secrets of their own leave it. */
  readonly proposed: string;
  /** What is good now; absent for the first one. */
  readonly current?: Credential | undefined;
}

/** How a credential of a kind changes at a provider. */
export interface KindTraits {
  /**
   * `commit`: committing ends every other credential of the kind at once or soon, so the machine waits out the overlap before it commits. `retire`: old ones stay good
   * until they are retired, so the overlap is waited out after the commit.
   */
  readonly oldEndsAt: 'commit' | 'retire';
}

export interface ProviderTraits {
  /** Kinds that it has; others are not rotated. */
  readonly kinds: { readonly [K in CredentialKind]?: KindTraits };
  /** How many credentials of a kind one user may have at a time, staged ones among them. */
  readonly most: number;
  /** A user that was disabled has no credentials any more once it is enabled again: all kinds are rotated then, as for a new one. */
  readonly disablingLoses?: true;
}

/** What a call of a provider has: storage of the mount's own (for providers that keep their users in it), and its end. */
export interface ProviderTurn {
  readonly view: View;
  readonly signal: AbortSignal;
}

export interface ListedUser {
  readonly username: string;
  readonly disabled: boolean;
}

export interface OpenProvider {
  readonly traits: ProviderTraits;
  /** Calls side by side at most. */
  readonly concurrency: number;
  /** Makes the user, or brings it to what is wanted; one that was disabled is enabled again. Its credentials stay. */
  ensure(user: ServiceUser, turn: ProviderTurn): Promise<void>;
  /** From then on none of its credentials is accepted; nothing is lost yet. */
  disable(username: string, turn: ProviderTurn): Promise<void>;
  /** Ends the user with all it has. */
  delete(username: string, turn: ProviderTurn): Promise<void>;
  /** Every user whose name begins so, a page at a time; `next` goes on behind it. */
  list(
    prefix: string,
    after: string | undefined,
    turn: ProviderTurn,
  ): Promise<{ readonly users: readonly ListedUser[]; readonly next?: string }>;
  /** A new credential, good beside those that are good now. */
  stage(user: ServiceUser, staging: Staging, turn: ProviderTurn): Promise<Credential>;
  /** Tries a credential as an application would. `unknown` where the provider has no way to try. */
  verify(
    user: ServiceUser,
    credential: Credential,
    turn: ProviderTurn,
  ): Promise<'accepted' | 'refused' | 'unknown'>;
  /** Makes a staged credential the one that is good. See `KindTraits.oldEndsAt` for what becomes of others. */
  commit(user: ServiceUser, staged: Credential, turn: ProviderTurn): Promise<void>;
  /** Ends every credential of the kind but these: old ones, and staged ones that nobody knows any more. */
  retireOthers(
    user: ServiceUser,
    kind: CredentialKind,
    keep: readonly Credential[],
    turn: ProviderTurn,
  ): Promise<void>;
  /** Ends sessions and tokens that were made with the user's credentials, where there are such. */
  revokeSessions?(user: ServiceUser, turn: ProviderTurn): Promise<void>;
  /** Lets go of what it holds open. A call under way, and one that comes later, is answered all the same, and nothing stays open behind it. */
  close(): void;
}

/** What an administrator said of one provider. */
export interface ProviderSettings {
  readonly options: Readonly<Record<string, string>>;
  /** A key, a token or a password, where the kind takes one; empty where none was given. */
  readonly secret: string;
}

export interface ProviderSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly mountPath: string;
  /** See `EngineEnvironment.digest`. */
  digest(text: string): string;
}

/** One row of the catalog. */
export interface ProviderType {
  readonly type: string;
  readonly summary: string;
  /** What the secret is, for people; absent where the kind takes none. */
  readonly secret?: string;
  /** Reads the settings. Connects to nothing. Throws `invalid_request` for an option that it does not know or honour, and for a place that the server's configuration does not allow. */
  open(settings: ProviderSettings, surroundings: ProviderSurroundings): OpenProvider;
  /** For a kind that has its users in the mount and answers for them: called once for each mount and node. */
  attend?(mount: AttendedMount): ProviderPresence;
}

/** The mount that a kind answers for. */
export interface AttendedMount {
  readonly environment: EngineEnvironment;
  /** Where the mount's settings rest in its view, and what they name as issuer of tokens: a URL without a `/` at its end; empty where they name none. */
  readonly settings: {
    readonly path: string;
    issuer(value: Buffer | undefined): string;
  };
}

/** What a kind brings to a mount besides providers. */
export interface ProviderPresence {
  readonly endpoints: readonly Endpoint[];
  /** Names that it locks after failed logins. */
  readonly locks?: NameLocks;
  /** What due entries of its own begin with; `onDue` is called for these. */
  readonly duePrefix: string;
  onDue(name: string, view: View): Promise<void>;
  close(): void;
}

export type ProviderTypes = ReadonlyMap<string, ProviderType>;

/** The other side said to come back later. */
export class RateLimited extends CofferError {
  /** Milliseconds that it asked for; undefined where it did not say. */
  readonly pause: number | undefined;

  constructor(message: string, pause: number | undefined) {
    super('rate_limited', message);
    this.name = 'RateLimited';
    this.pause = pause;
  }
}
