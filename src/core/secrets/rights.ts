/**
 * What a caller may do with which secret, asked of the one decision function about the paths that a client would use to do the
 * same. Fields of such requests are not known, so a rule that constrains them refuses.
 */
import type { StoredSecret } from '../../engine/secret-tree.ts';
import type { Acl, Decision } from '../policy/acl.ts';
import type { Operation } from '../request.ts';
import { apiPath, type TreeMount } from './address.ts';

export type Verb = 'move' | 'copy' | 'delete' | 'remove' | 'restore';

/** An operation on a path below a mount. */
type Need = readonly [operation: Operation, path: string];

/** The first decision that refuses, or the first of all when none does. */
function decideAll(acl: Acl, at: TreeMount, needs: readonly Need[]): Decision {
  let first: Decision | undefined;
  for (const [operation, path] of needs) {
    const decision = acl.decide({ path: apiPath(at, path), operation, data: undefined, sudo: false });
    if (decision.kind !== 'allow') return decision;
    first ??= decision;
  }
  return first ?? { kind: 'deny', reason: 'no-rule' };
}

/** What a verb needs of the secret that is there. */
export function decideSource(acl: Acl, verb: Verb, at: TreeMount, name: string): Decision {
  const { value, metadata } = at.tree.paths(name);
  const needs = {
    copy: [
      ['read', value],
      ['read', metadata],
    ],
    move: [
      ['read', value],
      ['read', metadata],
      ['delete', value],
      ['delete', metadata],
    ],
    delete: [
      ['read', value],
      ['delete', value],
    ],
    remove: [
      ['read', value],
      ['delete', value],
      ['delete', metadata],
    ],
    restore: [
      ['read', value],
      ['update', value],
    ],
  } as const satisfies Record<Verb, readonly Need[]>;
  return decideAll(acl, at, needs[verb]);
}

/**
 * What is needed at the new place: to create a value, or to update it. Settings are written there only by who may write metadata,
 * and a secret that is replaced ends with its versions, so that its metadata must be the caller's to delete.
 */
export function decideTarget(
  acl: Acl,
  at: TreeMount,
  name: string,
  source: StoredSecret,
  there: StoredSecret | undefined,
): Decision {
  const { metadata } = at.tree.paths(name);
  const write = decideWrite(acl, at, name, there);
  if (write.kind !== 'allow') return write;
  const needs: Need[] = [];
  if (source.hasSettings || there?.hasSettings)
    needs.push([there === undefined ? 'create' : 'update', metadata]);
  if (there !== undefined) needs.push(['delete', metadata]);
  const rest = decideAll(acl, at, needs);
  return needs.length === 0 || rest.kind === 'allow' ? write : rest;
}

/** Whether a write of the value alone would be let through. */
export function decideWrite(
  acl: Acl,
  at: TreeMount,
  name: string,
  there: StoredSecret | undefined,
): Decision {
  return decideAll(acl, at, [[there === undefined ? 'create' : 'update', at.tree.paths(name).value]]);
}

export function decideUndelete(acl: Acl, at: TreeMount, name: string): Decision {
  return decideAll(acl, at, [['update', at.tree.paths(name).undelete]]);
}

/** Whether a folder's names are the caller's to see. */
export function mayList(acl: Acl, at: TreeMount, folder: string): boolean {
  const path = apiPath(at, at.tree.listing(folder));
  return (['list', 'scan'] as const).some(
    (operation) => acl.decide({ path, operation, data: undefined, sudo: false }).kind === 'allow',
  );
}

/** Whether a rule denies a secret of a folder that may be listed: then its name is not shown either. */
export function isHidden(acl: Acl, at: TreeMount, name: string): boolean {
  const { value, metadata } = at.tree.paths(name);
  return [value, metadata].some((path) => isDenied(acl, at, path));
}

function isDenied(acl: Acl, at: TreeMount, path: string): boolean {
  const decision = acl.decide({ path: apiPath(at, path), operation: 'read', data: undefined, sudo: false });
  return decision.kind === 'deny' && decision.reason === 'deny-rule';
}
