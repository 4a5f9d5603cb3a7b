/** What the mount's config says of all its secrets: whose account bare names are of, and who may do what besides reading. */
import type { Caller, ProvenPrincipal } from '../../core/endpoint.ts';
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { Revision } from '../../storage/storage.ts';
import { isListed, isOfAccount, type OwnAccount, ownRole } from './principals.ts';

/** In a list: every role of the server's own account. */
export const everyRole = '*account';
export type Grant = ProvenPrincipal | typeof everyRole;

export interface Rules {
  /** Null until somebody has said it. */
  readonly own: OwnAccount | null;
  /** Who administers; null is the own account's role `dssssadmin`. */
  readonly distinguished: readonly ProvenPrincipal[] | null;
  /** Who may create names that never were. */
  readonly writers: readonly Grant[];
  /** Who may list every name. */
  readonly listers: readonly Grant[];
  readonly maxVersions: number;
}

export const rulesPath = 'config';
export const mostVersions = 100;
/** The role that administers where nobody has said another. */
export const usualAdministrator = 'dssssadmin';

export const plainRules: Rules = {
  own: null,
  distinguished: null,
  writers: [],
  listers: [],
  maxVersions: 10,
};

export function encodeRules(rules: Rules): Buffer {
  return encodeStored(rules);
}

interface Sealed {
  readonly revision: Revision;
  open(): Buffer;
}

/** Decodes a mount's rules once for each of their revisions. */
export class RulesReader {
  #known: { readonly revision: Revision; readonly rules: Rules } | undefined;

  of(record: Sealed | undefined): Rules {
    if (record === undefined) return plainRules;
    if (this.#known?.revision === record.revision) return this.#known.rules;
    const rules = decodeStored<Rules>(record.open());
    this.#known = { revision: record.revision, rules };
    return rules;
  }
}

export function distinguishedOf({ own, distinguished }: Rules): readonly ProvenPrincipal[] {
  return distinguished ?? (own === null ? [] : [ownRole(own, usualAdministrator)]);
}

/** Creates, overwrites, deletes, lists all and changes lists; reads nothing by that. */
export function mayAdminister(rules: Rules, caller: Caller | undefined): boolean {
  return isRoot(caller) || isListed(caller, distinguishedOf(rules));
}

export function mayCreate(rules: Rules, caller: Caller | undefined): boolean {
  return mayAdminister(rules, caller) || isGranted(rules, rules.writers, caller);
}

export function mayListAll(rules: Rules, caller: Caller | undefined): boolean {
  return mayAdminister(rules, caller) || isGranted(rules, rules.listers, caller);
}

function isRoot(caller: Caller | undefined): boolean {
  return caller?.policies.includes('root') === true;
}

function isGranted({ own }: Rules, grants: readonly Grant[], caller: Caller | undefined): boolean {
  const named = grants.filter((grant) => grant !== everyRole);
  const every = grants.length > named.length && isOfAccount(caller, own ?? undefined);
  return isListed(caller, named) || every;
}
