/**
 * The seam of delivery targets: where applications find their credentials. The rotation machine of the engine `service-users` calls them;
 * nothing here knows of it.
 *
 * - Rights to write are enough, unless a kind's page says otherwise: a target is never asked what it holds.
 * - `deliver` puts the same documents there again without harm, resolves once they are there for readers and not before, and may be called for
 *   many applications side by side; never twice at a time for one application.
 * - A target goes where its address leads, within what the server's own configuration lists, and nowhere else; this is decided again at each
 *   call, since the configuration may have become narrower.
 * - Errors: `invalid_request` or `permission_denied` for what stays until a person changes something, `rate_limited` where the other side wants a pause, `unavailable` for
 *   everything that may pass. In words for people, never with a secret, and with nothing that the other side sent but its codes.
 */
import type { Clock } from '../clock.ts';
import type { Random } from '../crypto/random.ts';
import { CofferError } from '../errors.ts';
import type { JsonObject } from '../json.ts';

/** One document, as applications read it: JSON, compact, UTF-8. */
export interface CredentialDocument {
  /** `{"application_username":…,"application_password":…}` or `{"client_id":…,"client_secret":…}` and nothing else. */
  readonly text: string;
  /** What readers report to hold: see `documentVersion`. Not a secret. */
  readonly version: string;
}

/** Names of the documents; `<name>.json` is the file. */
export type DocumentName = 'user' | 'client';

export interface Parcel {
  /** The application's id: letters, digits and `-`, and therefore a safe name everywhere. */
  readonly application: string;
  /** All that is good now. A document that is absent does not exist yet. */
  readonly documents: { readonly [N in DocumentName]?: CredentialDocument };
  /** Which of them changed since the last parcel; a new target gets all. Kinds that write documents one by one write these. */
  readonly changed: readonly DocumentName[];
}

/** A request of Coffer itself, decided and audited as of the entity that configured the target. */
export type AskAs = (
  entityId: string,
  operation: 'read' | 'update' | 'delete',
  path: string,
  data: JsonObject,
) => Promise<JsonObject | undefined>;

/** What a target has besides its address. */
export interface TargetSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  /** Of whoever configured it last; empty for a caller without an entity. */
  readonly entityId: string;
  /** Absent where the server cannot ask itself. */
  readonly askAs?: AskAs | undefined;
}

export interface OpenTarget {
  /** What shares one bound of calls side by side: bucket and account, host, directory. Not a secret. */
  readonly place: string;
  /** Whether `deliver` would get through, found out without changing what readers see. */
  probe(application: string, signal: AbortSignal): Promise<void>;
  deliver(parcel: Parcel, signal: AbortSignal): Promise<void>;
  /** Takes away what was delivered for the application. Nothing there is success. */
  remove(application: string, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** One row of the catalog. */
export interface TargetType {
  /** What stands before `:` in addresses. */
  readonly scheme: string;
  readonly summary: string;
  /** Delivers with the rights of whoever configured it, who therefore has to be an entity. */
  readonly asEntity?: true;
  /**
   * Reads an address, connects to nothing, and answers it in its one spelling. Throws `invalid_request` for what it does not know, and for
   * places that the server's configuration does not list, naming the setting.
   */
  parse(address: string): string;
  /** @param address as `parse` answered it; throws as `parse` does */
  open(address: string, surroundings: TargetSurroundings): OpenTarget;
}

export type TargetTypes = ReadonlyMap<string, TargetType>;

/** A bucket's name alone means S3, as mint has it. */
const bucketName = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/** The kind that an address is of. Throws `invalid_request` for an unknown scheme: nothing is ever taken for S3 by default but a bare bucket. */
export function targetTypeOf(address: string, types: TargetTypes): TargetType {
  const scheme = bucketName.test(address) ? 's3' : /^([a-z0-9]+):/.exec(address)?.[1];
  const type = types.get(scheme ?? '');
  if (type !== undefined) return type;
  throw new CofferError(
    'invalid_request',
    `a delivery target is a bucket of S3 or an address of a known kind (${[...types.keys()].map((name) => `${name}:`).join(', ')}), not ${JSON.stringify(address.slice(0, 80))}`,
  );
}

/**
 * The one spelling of an address that somebody wants to deliver to.
 *
 * @param entityId of who wants it; empty for a caller without an entity
 * @throws `invalid_request` for an address that is wrong or not listed, and for a kind that needs an entity where there is none
 */
export function wantedAddress(address: string, types: TargetTypes, entityId: string): string {
  const type = targetTypeOf(address, types);
  if (type.asEntity === true) requireEntity(type.scheme, entityId);
  return type.parse(address);
}

/** Throws `invalid_request`, saying what would be right. */
export function requireEntity(scheme: string, entityId: string): void {
  if (entityId !== '') return;
  throw new CofferError(
    'invalid_request',
    `targets of ${scheme} are written with the rights of the entity that configures them, and this token has none: log in by an auth method (userpass, oidc, …) and configure them with the token of that login`,
  );
}
