/**
 * Principals as lists hold them: the uuid of the auth mount that proves somebody, and the name that it proves. People write and see
 * the mount's path in place of the uuid. A bare name means one thing: an IAM role of the server's own account, without an IAM path,
 * as the configured mount proves it.
 */
import type { Caller, ProvenPrincipal } from '../../core/endpoint.ts';
import { CofferError } from '../../errors.ts';
import type { AuthMount, AuthMounts } from '../engine.ts';

/** What bare names are of. */
export interface OwnAccount {
  /** Twelve digits. */
  readonly account: string;
  /** Uuid of the auth mount that proves its roles. */
  readonly roleMount: string;
}

/** The method whose mounts prove roles of accounts. */
export const roleMethod = 'aws';

/** Bytes of a name below its mount: IAM's longest path and name, and some. */
const longestName = 600;
/** An IAM role's name (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html). */
const bareName = /^[A-Za-z0-9_+=,.@-]{1,64}$/;
const iamName = /^\d{12}:(?:role|user)\/[\x21-\x7e]+$/;
/** Principals of mounts that are there no more are shown, and taken away again, by the mount's uuid. */
const ofUuid = /^uuid:([0-9a-f-]{36})\/(.+)$/;

/** A principal without a mount of its own: `root` has no name to be listed by. */
export function isSame(left: ProvenPrincipal, right: ProvenPrincipal): boolean {
  return left.mount === right.mount && left.name === right.name;
}

/** Whether the caller is listed. Looks at all of the list, wherever the caller stands in it. */
export function isListed(caller: Caller | undefined, list: readonly ProvenPrincipal[]): boolean {
  const principal = caller?.principal;
  if (principal === undefined) return false;
  return list.filter((listed) => isSame(listed, principal)).length > 0;
}

/** A role, and no user, of the account, whatever its IAM path. */
export function isOfAccount(caller: Caller | undefined, own: OwnAccount | undefined): boolean {
  const principal = caller?.principal;
  if (principal === undefined || own === undefined || principal.mount !== own.roleMount) return false;
  return principal.name.startsWith(`${own.account}:role/`);
}

/** The role that a bare name means. */
export function ownRole(own: OwnAccount, name: string): ProvenPrincipal {
  return { mount: own.roleMount, name: `${own.account}:role/${name}` };
}

/** What words of a list are read with. */
export interface Naming {
  readonly mounts: AuthMounts;
  /** Undefined where nobody has said of which account bare names are. */
  readonly own: OwnAccount | undefined;
}

/** Throws `invalid_request` for a word that names nobody who could ever come. Each principal once, in the order given. */
export function parsePrincipals(words: readonly string[], naming: Naming): readonly ProvenPrincipal[] {
  return distinct(words.map((word) => parsePrincipal(word, naming)));
}

/** As `parsePrincipals`, and takes also what is shown of mounts that are there no more. */
export function parseRemoved(words: readonly string[], naming: Naming): readonly ProvenPrincipal[] {
  return distinct(
    words.map((word) => {
      const [, mount, name] = ofUuid.exec(word) ?? [];
      return mount === undefined || name === undefined ? parsePrincipal(word, naming) : { mount, name };
    }),
  );
}

/** As people read it. */
export function shownPrincipal({ mount, name }: ProvenPrincipal, mounts: AuthMounts): string {
  const found = mounts.of(mount);
  return found === undefined ? `uuid:${mount}/${name}` : found.path + name;
}

/** The mount of this path. Throws `invalid_request` where it proves no roles. */
export function parseRoleMount(text: string, mounts: AuthMounts): AuthMount {
  const path = text.endsWith('/') ? text : `${text}/`;
  const mount = mounts.at(path);
  if (mount?.type === roleMethod) return mount;
  throw new CofferError(
    'invalid_request',
    `role_mount must be the path of an auth mount of type ${roleMethod}, without auth/, such as aws/; there is none at ${shownWord(path)}`,
  );
}

function parsePrincipal(word: string, naming: Naming): ProvenPrincipal {
  if (!word.includes('/')) return parseBare(word, naming);
  const mount = mountOf(word, naming.mounts);
  if (mount === undefined) {
    throw new CofferError(
      'invalid_request',
      `${shownWord(word)} begins with the path of no auth mount (without auth/), such as aws/ or userpass/`,
    );
  }
  const name = word.slice(mount.path.length);
  if (mount.type === roleMethod && !iamName.test(name)) {
    throw new CofferError(
      'invalid_request',
      `a principal of ${mount.path} must look like ${mount.path}123456789012:role/NAME or :user/NAME`,
    );
  }
  return { mount: mount.uuid, name: checkedName(name) };
}

function parseBare(word: string, { own, mounts }: Naming): ProvenPrincipal {
  if (!bareName.test(word)) {
    throw new CofferError(
      'invalid_request',
      `${shownWord(word)} is neither the name of an IAM role nor a principal such as userpass/ann`,
    );
  }
  if (own === undefined) {
    throw new CofferError(
      'invalid_request',
      'a bare name is an IAM role of the server’s own account, which the config of this mount does not name: set account, or write aws/123456789012:role/NAME',
    );
  }
  if (mounts.of(own.roleMount) === undefined) {
    throw new CofferError(
      'invalid_request',
      'the auth mount that bare names are of is there no more: set role_mount in the config of this mount',
    );
  }
  return ownRole(own, word);
}

/** No auth mount lies below another one, so that at most one begins a word. */
function mountOf(word: string, mounts: AuthMounts): AuthMount | undefined {
  for (let at = word.indexOf('/'); at >= 0; at = word.indexOf('/', at + 1)) {
    const mount = mounts.at(word.slice(0, at + 1));
    if (mount !== undefined) return mount;
  }
  return undefined;
}

function checkedName(name: string): string {
  const bytes = Buffer.byteLength(name);
  const isText = name.isWellFormed() && !/[\u0000-\u001f\u007f-\u009f]/.test(name);
  if (bytes > 0 && bytes <= longestName && isText) return name;
  throw new CofferError(
    'invalid_request',
    `the name of a principal has 1 to ${longestName} bytes and no control characters`,
  );
}

function distinct(list: readonly ProvenPrincipal[]): readonly ProvenPrincipal[] {
  const seen = new Map(list.map((principal) => [`${principal.mount}/${principal.name}`, principal]));
  return [...seen.values()];
}

function shownWord(word: string): string {
  return JSON.stringify(word.slice(0, 80));
}
