/** An application as it is registered and configured: what is wanted. What is so is in its state (`state.ts`), and the machine brings the two together. */
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { DueEntry } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';
import type { CredentialKind, Scope } from '../../service-user/provider.ts';

/** A target, and who said so. */
export interface WantedTarget {
  /** In its one spelling (`TargetType.parse`). */
  readonly address: string;
  /** Whose rights count where the target asks for rights (`kv`); empty for a caller without an entity. */
  readonly entityId: string;
}

/** A rotation that somebody asked for; each request counts one up. */
export interface RotationRequest {
  readonly count: number;
  readonly kinds: readonly CredentialKind[];
  /** Without an overlap: old credentials and sessions end as soon as the new ones are delivered. */
  readonly emergency: boolean;
}

export interface Application {
  /** Kio's pattern: see `applicationId`. */
  readonly id: string;
  readonly username: string;
  /** Name of the identity group that configures delivery; empty where policies alone decide. */
  readonly team: string;
  readonly name: string;
  readonly subtitle: string;
  /** False: its user is disabled, and deleted once the mount's grace is over. */
  readonly active: boolean;
  /** Milliseconds since when it has been inactive or gone from its registry; null while it is active. */
  readonly inactiveSince: number | null;
  /** Gone with its user: the machine removes all that is left of it. */
  readonly deleted: boolean;
  /** Name of a configured provider. */
  readonly provider: string;
  readonly confidential: boolean;
  readonly redirectUrl: string | null;
  readonly scopes: readonly Scope[];
  readonly targets: readonly WantedTarget[];
  /** For mint's API alone: kept and shown, never used. */
  readonly kubernetesClusters: readonly string[];
  /** Seconds; null is as the mount has it. */
  readonly passwordPeriod: number | null;
  readonly clientPeriod: number | null;
  readonly overlap: number | null;
  readonly paused: boolean;
  readonly request: RotationRequest;
  /** Milliseconds. */
  readonly createdAt: number;
  readonly modifiedAt: number;
}

/** What Kio calls an id, at most 63 characters: lower case, so that no two differ by case alone, and a name that every target takes. */
export const applicationId = /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Throws `invalid_request` for every other name: it is never folded or cleaned into one that would do. */
export function parseApplicationId(text: string | undefined): string {
  if (text !== undefined && text.length <= 63 && applicationId.test(text)) return text;
  throw new CofferError(
    'invalid_request',
    'an application’s id is 1 to 63 characters of a-z, 0-9 and -, begins with a letter and does not end with -',
  );
}

export const applicationFolder = 'app/';

export function applicationPath(id: string): string {
  return applicationFolder + id;
}

export function encodeApplication(application: Application): Buffer {
  return encodeStored(application);
}

export function decodeApplication(value: Buffer): Application {
  return decodeStored<Application>(value);
}

/** Has the machine look at an application: whoever changes one commits this along. */
export function lookEntry(id: string, at: number): DueEntry {
  return { at, name: `app/${id}`, outside: true };
}
