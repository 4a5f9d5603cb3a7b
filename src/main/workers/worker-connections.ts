/** The limits of connections as one worker keeps them: shares of its own, and the parent's pool for more. */
import type { CommonConnections } from '../../http/connection.ts';
import { sharesOf } from './pool.ts';
import type { WorkerStart } from './protocol.ts';
import type { WorkerSeat } from './worker.ts';

/** Milliseconds that a connection waits for the parent's word. */
const answerPatience = 5_000;

/** @param listener its place in the configuration */
export function commonConnections(
  seat: Pick<WorkerSeat, 'line'> & { readonly start: Pick<WorkerStart, 'workers'> },
  listener: number,
): CommonConnections {
  const { line, start } = seat;
  const release: CommonConnections['release'] = (client, total) =>
    line.tell('released', { listener, client, total });
  return {
    shares: (limits) => sharesOf(limits, start.workers),
    ask: (client, total) =>
      // The socket was refused meanwhile: what is granted too late would be nobody's, and gone for good.
      line.ask('connection', { listener, client, total }, answerPatience, (word) => {
        if (word === 'granted') release(client, total);
      }),
    release,
  };
}
