/** `coffer server --dssss`: the words of the command line, and what follows once the server serves. */
import { CofferError } from '../../errors.ts';
import type { Server } from '../server.ts';
import type { DssssHome, HomeRooms } from './home.ts';

export const dssssOptions = {
  dssss: {
    type: 'text',
    value: 'HOST:PORT',
    help: 'serve the HTTP API of dssss there, and set up what its clients need',
  },
  distinguished: {
    type: 'list',
    value: 'ROLE',
    help: 'with --dssss or --aws: a role that administers (with --aws a new store), besides dssssadmin',
  },
  'write-role': {
    type: 'list',
    value: 'ROLE',
    help: 'with --dssss: a role that may create names, in place of every role of the account',
  },
  'list-role': {
    type: 'list',
    value: 'ROLE',
    help: 'with --dssss: a role that may list every name; others list what they may read',
  },
} as const;

/** The options of the command line that this is about. */
export interface DssssWords {
  readonly dssss?: string | undefined;
  readonly distinguished?: readonly string[];
  /** Has distinguished roles as well, and secrets at a place of its own. */
  readonly aws?: boolean;
  readonly 'write-role'?: readonly string[];
  readonly 'list-role'?: readonly string[];
}

/** Throws `usage` for words that do nothing. */
export function refuseDssssWords(given: DssssWords): void {
  if (given.dssss !== undefined) return;
  const names = ['distinguished', 'write-role', 'list-role'] as const;
  const lost = names.find(
    (name) => (given[name] ?? []).length > 0 && !(name === 'distinguished' && given.aws === true),
  );
  if (lost !== undefined) throw new CofferError('usage', `--${lost} goes with --dssss HOST:PORT`);
}

/** What --dssss sets up; undefined without it. Closes the server where that fails. */
export async function dssssHome(
  given: DssssWords,
  { node, close }: Server,
  rooms: Omit<HomeRooms, 'node'>,
): Promise<DssssHome | undefined> {
  if (given.dssss === undefined) return undefined;
  try {
    const { openDssssHome } = await import('./home.ts');
    return await openDssssHome(given, { ...rooms, node });
  } catch (error) {
    await close();
    throw error;
  }
}
