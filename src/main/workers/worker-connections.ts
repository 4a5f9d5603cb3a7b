/** The limits of connections as one worker keeps them: shares of its own, and the parent's pool for more. */
import type { CommonConnections } from '../../http/connection.ts';
import { sharesOf } from './pool.ts';
import type { WorkerSeat } from './worker.ts';

/** @param listener its place in the configuration */
export function commonConnections(seat: WorkerSeat, listener: number): CommonConnections {
  const { line, start } = seat;
  return {
    shares: (limits) => sharesOf(limits, start.workers),
    ask: (client, total) => line.ask('connection', { listener, client, total }),
    release: (client, total) => line.tell('released', { listener, client, total }),
  };
}
