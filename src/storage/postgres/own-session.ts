/**
 * Whether a connection keeps its session of the server. A pooler that lends sessions by the transaction or by the statement (PgBouncer
 * does) may give what is asked next to another one: what every connection was told is not in force there, prepared statements are
 * not known, and sessions bear the names of others. Nothing says so, so it is tried out.
 */
import { randomUUID } from 'node:crypto';
import { CofferError } from '../../errors.ts';
import { isCut, stateOf } from './failure.ts';
import type { Session } from './session.ts';
import type { SessionPool } from './session-pool.ts';

/** A pooler may happen to give the right session; not so often with its last used one always taken away first. */
const rounds = 3;

/** SQLSTATE protocol_violation: what poolers answer to a transaction where they lend sessions by the statement. */
const noTransactions = '08P01';

interface Seen {
  readonly backend: string;
  /** The setting that the watched connection made; empty where there is none, or no such settings. */
  readonly mark: string;
}

/**
 * Rejects with `store_unusable` where connections share sessions; as the sessions do else. Lends two of the pool, one of which holds
 * a transaction while the other is looked at: what a pooler lends it then is not the session that it has had.
 */
export async function requireOwnSessions(pool: SessionPool): Promise<void> {
  const shared = await pool.lend((watched) =>
    pool.lend(async (other) => {
      for (let round = 0; round < rounds; round++) {
        const roles = round % 2 === 0 ? ([watched, other] as const) : ([other, watched] as const);
        if (await shares(...roles)) {
          // Neither is what it was set up as.
          watched.drop();
          other.drop();
          return true;
        }
      }
      return false;
    }),
  );
  if (shared) throw sharedSessions();
}

async function shares(watched: Session, other: Session): Promise<boolean> {
  const mark = randomUUID();
  const before = await look(watched, mark);
  try {
    await other.ask({ text: 'BEGIN' });
  } catch (error) {
    if (stateOf(error) !== noTransactions) throw error;
    return true;
  }
  try {
    const beside = await look(other);
    // First of all: where a pooler has no other session, the next question would wait for this transaction's end.
    if (beside.backend === before.backend || (beside.mark === mark && before.mark === mark)) return true;
    const after = await look(watched);
    return after.backend !== before.backend || after.mark !== before.mark;
  } finally {
    await other.ask({ text: 'ROLLBACK' }).catch((error: unknown) => {
      if (!isCut(stateOf(error))) throw error;
      other.drop();
    });
  }
}

/** By a setting that is the session's alone and ends with it. What is said of the backend is the server's own word. */
async function look(session: Session, mark?: string): Promise<Seen> {
  const set =
    mark === undefined ? "current_setting('coffer.mark', true)" : "set_config('coffer.mark', $1, false)";
  const text = `SELECT pg_catalog.pg_backend_pid(), ${set}`;
  const { rows } = await session.ask({ text }, mark === undefined ? [] : [mark]);
  const [backend, found] = rows[0] ?? [];
  return { backend: backend ?? '', mark: found ?? '' };
}

function sharedSessions(): CofferError {
  return new CofferError(
    'store_unusable',
    'a pooler is between that lends sessions of PostgreSQL by the transaction or the statement, and settings and prepared statements ' +
      'would be lost on the way: connect to PostgreSQL itself, or have the pooler keep one session for each connection (PgBouncer: ' +
      'pool_mode = session)',
  );
}
