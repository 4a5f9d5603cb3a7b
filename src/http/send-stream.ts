/** Sends what is made while it is sent: no faster than the client takes it, and without an end if there was none. */
import type { ServerResponse } from 'node:http';
import type { AnswerStream } from '../core/request.ts';

export interface StreamEvents {
  /** A piece was handed to the connection. */
  readonly onPiece: () => void;
  /** The client left, or the stream failed: what was sent is not whole. */
  readonly onCut: () => void;
}

/** Never rejects. The head has been written. A stream that fails ends the connection, so that no client takes it for whole. */
export async function sendStream(
  response: ServerResponse,
  stream: AnswerStream,
  events: StreamEvents,
): Promise<void> {
  try {
    for (;;) {
      const piece = await stream.next();
      if (piece === undefined) break;
      if (response.destroyed || response.closed) return await closeUnsent(stream, events.onCut);
      if (!response.write(piece)) await drained(response);
      events.onPiece();
    }
    await stream.close();
    response.end();
  } catch {
    // The reason could quote what is stored; it is the road's to log.
    response.destroy();
    await closeUnsent(stream, events.onCut);
  }
}

/** For a stream that nobody takes any more. Never rejects. */
export async function closeUnsent(stream: AnswerStream, onCut: () => void): Promise<void> {
  onCut();
  await stream.close().catch(() => undefined);
}

/** The connection has room again, or is gone. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (response.destroyed) return resolve();
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}
