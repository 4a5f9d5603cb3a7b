/** A way back to a store that is open already: what has come to stand at the gate meanwhile is seen before anything is read or written. */
import type { Gate } from '../storage-type.ts';
import { bytesArray, ownBytes } from './messages.ts';
import type { Session } from './session.ts';
import type { Statements } from './statements.ts';

/** The session, once the gate is open. Rejects with the gate's refusal, or as the session does; the session is dropped then. */
export async function passGate(session: Session, gate: Gate, { readMany }: Statements): Promise<Session> {
  try {
    const [row] = await session.rows(readMany, [bytesArray([gate.key])]);
    if (row !== undefined) throw gate.refusal(ownBytes(row[2]));
    return session;
  } catch (error) {
    session.drop();
    throw error;
  }
}
