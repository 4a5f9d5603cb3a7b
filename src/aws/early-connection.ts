/** A connection that is made before there is a request for it. What goes wrong with it the request tells, which makes another. */
import type { Socket } from 'node:net';

export class EarlyConnection {
  #socket: Socket | undefined;
  #isOver = false;

  /** Makes it, unless it was made or wanted before. */
  open(connect: () => Socket): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const socket = connect();
    // It is nobody's error as long as it is nobody's connection, and keeps no process waiting.
    socket.on('error', () => {}).unref();
    this.#socket = socket;
  }

  /** Gives it away; undefined where there is none, or none that can be used. From then on there is none. */
  take(): Socket | undefined {
    this.#isOver = true;
    const socket = this.#socket;
    this.#socket = undefined;
    return socket === undefined || socket.destroyed || socket.readableEnded ? undefined : socket.ref();
  }

  close(): void {
    this.#isOver = true;
    this.#socket?.destroy();
    this.#socket = undefined;
  }
}
