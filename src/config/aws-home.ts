/** What belongs to a server that sets itself up at AWS is found by the server's name alone. */
import { CofferError } from '../errors.ts';

export interface HomeNames {
  /** As it was given. */
  readonly name: string;
  /** Folder of its parameters, without a `/` at the end. */
  readonly folder: string;
  /** ARN of the KMS key. */
  readonly keyParameter: string;
  /** Where the store is, as messages have it. There before the store is made. */
  readonly placeParameter: string;
  /** The store's id. There once the store is. */
  readonly storeParameter: string;
  readonly alias: string;
  readonly table: string;
  /** What logins by a signed request to STS have to name. */
  readonly serverId: string;
}

export const usualName = 'server';

/** Tag of everything that is made, with the name as its value. */
export const nameTag = 'coffer-server';

/**
 * Throws `usage` for what would be no name of a parameter, an alias, a table and a tag alike.
 */
export function homeNames(name: string): HomeNames {
  if (!/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) {
    throw new CofferError(
      'usage',
      '--name is 1 to 63 small letters, digits and hyphens, none of these at the beginning or the end',
    );
  }
  const folder = `/coffer/${name}`;
  return {
    name,
    folder,
    keyParameter: `${folder}/key`,
    placeParameter: `${folder}/storage`,
    storeParameter: `${folder}/store`,
    alias: `alias/coffer-${name}`,
    table: `coffer-${name}`,
    serverId: `coffer-${name}`,
  };
}

/** Whose turn it is to make the key, by number; see `turns.ts`. */
export function turnParameter({ folder }: HomeNames, turn: number): string {
  return `${folder}/turns/${String(turn).padStart(6, '0')}`;
}
