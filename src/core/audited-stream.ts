/** A stream whose end is in the audit log: how much of it left, and whether that was all. */
import type { AuditLog } from './audit/audit.ts';
import type { AnswerStream, Request } from './request.ts';

export class AuditedStream implements AnswerStream {
  readonly #audit: AuditLog;
  readonly #request: Request;
  readonly #body: AnswerStream;
  readonly #onFault: (error: unknown) => void;
  #bytes = 0;
  #told = false;

  /** `onFault` is told why a stream failed: the client only sees that it did. */
  constructor(audit: AuditLog, request: Request, body: AnswerStream, onFault: (error: unknown) => void) {
    this.#audit = audit;
    this.#request = request;
    this.#body = body;
    this.#onFault = onFault;
  }

  /** The end is told once its line is on disk; where that fails the client gets no end. */
  async next(): Promise<Buffer | undefined> {
    const piece = await this.#body.next().catch((error: unknown) => {
      this.#onFault(error);
      throw error;
    });
    if (piece === undefined) await this.#tell(true);
    else this.#bytes += piece.length;
    return piece;
  }

  async close(): Promise<void> {
    try {
      await this.#tell(false);
    } finally {
      await this.#body.close();
    }
  }

  async #tell(complete: boolean): Promise<void> {
    if (this.#told) return;
    this.#told = true;
    const { id, path } = this.#request;
    const line = { type: 'event', event: 'stream ended', request_id: id, path } as const;
    await this.#audit.append({ ...line, complete, bytes: this.#bytes }, 'disk');
  }
}
