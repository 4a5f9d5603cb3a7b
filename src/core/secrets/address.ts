/** Where a secret or a folder is: a path as people write it, the mount's own path in front. */
import type { SecretTree } from '../../engine/secret-tree.ts';
import { CofferError } from '../../errors.ts';
import type { Mount, MountTable } from '../mount/table.ts';
import { type ApiPath, parseApiPath } from '../path.ts';
import type { Acl } from '../policy/acl.ts';

/** A mount whose secrets can be found and moved. */
export interface TreeMount {
  readonly mount: Mount;
  readonly tree: SecretTree;
}

export interface Address extends TreeMount {
  /** Below the mount: a secret's name, or a folder (empty or with a trailing `/`). */
  readonly name: string;
}

/**
 * Reads a path. With `folder` it names a folder, with or without its last `/`; otherwise one secret. Throws `invalid_request` for
 * what is no such path, and where there is no mount what the caller would be told by that path itself.
 */
export function parseAddress(text: string, folder: boolean, table: MountTable, acl: Acl): Address {
  const path = parseApiPath(text.startsWith('/') ? text.slice(1) : text);
  const route = table.route(path);
  if (route === undefined || !acl.reaches(route.mount.entry.path)) {
    if (acl.capabilities(path)[0] === 'deny') throw denied();
    throw new CofferError('no_route', `no mount at "${path}"`);
  }
  const { mount } = route;
  const name = folder && route.path !== '' && !route.path.endsWith('/') ? `${route.path}/` : route.path;
  if (!folder && (name === '' || name.endsWith('/'))) {
    throw new CofferError('invalid_request', `"${path}" names a folder: say recursive for all below it`);
  }
  return { ...treeOf(mount), name };
}

/** Throws `unsupported_operation` for a mount whose engine has no such secrets: a client may go through its lists instead. */
export function treeOf(mount: Mount): TreeMount {
  const { secrets } = mount.engine;
  if (secrets !== undefined) return { mount, tree: secrets };
  throw new CofferError(
    'unsupported_operation',
    `${mount.entry.path} is no mount whose secrets can be found and moved`,
  );
}

/** The whole path, as people write it. */
export function fullName({ mount }: TreeMount, name: string): string {
  return mount.entry.path + name;
}

/**
 * A client's path for something that is there. Its name was a path once; together with `metadata/` it may be a little longer than a
 * request's, and is decided all the same.
 */
export function apiPath({ mount }: TreeMount, path: string): ApiPath {
  return (mount.entry.path + path) as ApiPath;
}

/** Throws `invalid_request` for a name under which nobody could ask for the secret. */
export function checkName({ mount, tree }: TreeMount, name: string): void {
  parseApiPath(mount.entry.path + tree.paths(name).value);
}

/** The answer to everything that policies do not allow; Vault's clients know the text. */
export function denied(): CofferError {
  return new CofferError('permission_denied', '1 error occurred:\n\t* permission denied\n\n');
}
