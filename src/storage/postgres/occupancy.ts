/**
 * Who else has a store open. Every session of an opened store says whose it is in its `application_name`: which store, and which opening
 * of it; PostgreSQL shows these names to every user (pg_stat_activity).
 */
import { createHash, randomBytes } from 'node:crypto';
import { CofferError } from '../../errors.ts';
import type { Session } from './session.ts';

export interface Occupancy {
  /** What sessions of every opening of this store begin with; hexadecimal digits, so that nothing in it is a wildcard. */
  readonly store: string;
  /** The name of this opening's sessions; no longer than the 63 bytes that PostgreSQL keeps. */
  readonly name: string;
}

/** @param space what tells this store from others in the database */
export function newOccupancy(space: string): Occupancy {
  const store = `coffer ${createHash('sha256').update(space).digest('hex').slice(0, 16)} `;
  return { store, name: store + randomBytes(8).toString('hex') };
}

/** Names a session that was open before the store was known. */
export async function nameSession(session: Session, { name }: Occupancy): Promise<void> {
  await session.ask({ text: "SELECT set_config('application_name', $1, false)" }, [name]);
}

/** Rejects with `unavailable` where the server does not show its sessions, our own among them. */
export async function askOccupants(session: Session, { store, name }: Occupancy): Promise<readonly string[]> {
  const { rows } = await session.ask(
    {
      text:
        'SELECT DISTINCT application_name, host(client_addr) FROM pg_catalog.pg_stat_activity ' +
        "WHERE datname = current_database() AND application_name LIKE $1 || '%'",
    },
    [store],
  );
  if (!rows.some(([found]) => found === name)) {
    throw new CofferError('unavailable', 'the server does not tell who has the store open');
  }
  return rows
    .filter(([found]) => found !== name)
    .map(([, address]) => (typeof address === 'string' ? `a process on ${address}` : 'a process'));
}
