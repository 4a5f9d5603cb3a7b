/** A request's body: received within limits, then read as the fields it holds. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { CofferError } from '../errors.ts';
import { emptyObject, type JsonObject } from '../json.ts';
import { parseBoundedJson } from './bounded-json.ts';
import type { HttpLimits } from './limits.ts';
import { mediaTypeOf } from './media-type.ts';
import { parseFields } from './target.ts';

/** Whether a body follows the headers (RFC 9112 §6.3). The parser has refused contradictory framing already. */
export function hasBody(headers: IncomingHttpHeaders): boolean {
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && Number(length) > 0);
}

/** Throws `payload_too_large` when the length a client announces is too much, before a byte of it is read. */
export function checkAnnouncedLength(headers: IncomingHttpHeaders, most: number): void {
  const length = headers['content-length'];
  if (length !== undefined && Number(length) > most) throw tooLarge(most);
}

/** Throws `unsupported_media_type` for a compressed body: what little bytes unpack to has no bound. */
export function checkEncoding(headers: IncomingHttpHeaders): void {
  const encoding = headers['content-encoding'];
  if (encoding === undefined || encoding === '' || encoding.trim().toLowerCase() === 'identity') return;
  throw new CofferError(
    'unsupported_media_type',
    'request bodies are not decompressed; send it without Content-Encoding',
  );
}

/** Asked for room before memory is taken. Throws to refuse. */
export type TakeRoom = (bytes: number) => void;

const firstRoom = 4 * 1024;

/**
 * Receives a body of at most `most` bytes. Bytes are gathered in one growing buffer: a client that sends a byte at a time makes
 * us hold those bytes and no object for each, and one that announces much and sends little makes us hold little.
 */
class Gathering {
  readonly #most: number;
  readonly #take: TakeRoom;
  #buffer: Buffer = Buffer.alloc(0);
  #length = 0;

  constructor(most: number, take: TakeRoom) {
    this.#most = most;
    this.#take = take;
  }

  add(chunk: Buffer): void {
    const length = this.#length + chunk.length;
    if (length > this.#most) throw tooLarge(this.#most);
    if (this.#length === 0) {
      // Most bodies come in one piece, which is used as it is: the next piece, if there is one, moves it into room of our own.
      this.#take(chunk.length);
      this.#buffer = chunk;
    } else {
      if (length > this.#buffer.length) this.#grow(length);
      this.#buffer.set(chunk, this.#length);
    }
    this.#length = length;
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #grow(length: number): void {
    const room = Math.min(this.#most, Math.max(length, 2 * this.#buffer.length, firstRoom));
    this.#take(room - this.#buffer.length);
    // Not from the shared pool, and never sent out beyond what was written.
    const grown = Buffer.allocUnsafeSlow(room);
    grown.set(this.bytes());
    this.#buffer = grown;
  }
}

/** Counts and forgets, for methods whose body means nothing. */
class Discarding {
  readonly #most: number;
  #length = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(chunk: Buffer): void {
    this.#length += chunk.length;
    if (this.#length > this.#most) throw tooLarge(this.#most);
  }

  bytes(): Buffer {
    return Buffer.alloc(0);
  }
}

/** The whole body. Rejects with `payload_too_large`, with what `take` throws, or with `invalid_request` when it ends early. */
export function receiveBody(message: IncomingMessage, most: number, take: TakeRoom): Promise<Buffer> {
  return receive(message, new Gathering(most, take));
}

/** Lets a body pass unread, as `receiveBody` but keeping nothing. */
export async function discardBody(message: IncomingMessage, most: number): Promise<void> {
  await receive(message, new Discarding(most));
}

function receive(message: IncomingMessage, body: Gathering | Discarding): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let ended = false;
    const stop = (error: unknown) => {
      message.removeListener('data', onData);
      message.pause();
      reject(error);
    };
    const onData = (chunk: Buffer) => {
      try {
        body.add(chunk);
      } catch (error) {
        stop(error);
      }
    };
    message.on('data', onData);
    message.on('end', () => {
      ended = true;
      resolve(body.bytes());
    });
    message.on('error', () => stop(endedEarly()));
    // Comes after every body; an error costs a stack trace and is made only where one is told.
    message.on('close', () => {
      if (!ended) reject(endedEarly());
    });
  });
}

/**
 * The fields of a write's body. It is JSON whatever its Content-Type says (curl says form by default), and a form only when
 * that type is set and the first byte that is not blank opens no JSON value. Nothing, only blanks, or `null` (as Vault's Go
 * client sends nothing) is no fields. A form field sent several times is its values joined by commas. Throws `invalid_request`.
 */
export function parseBody(bytes: Buffer, contentType: string | undefined, limits: HttpLimits): JsonObject {
  const first = firstByte(bytes);
  if (first === undefined) return emptyObject();
  const opensJson = first === 0x7b || first === 0x5b;
  if (!opensJson && mediaTypeOf(contentType) === 'application/x-www-form-urlencoded') {
    const text = bytes.toString('latin1');
    return parseFields(text, 'request body', limits.jsonNames, (values) => values.join(','));
  }
  return isNull(bytes) ? emptyObject() : parseBoundedJson(bytes, limits);
}

function isNull(bytes: Buffer): boolean {
  return bytes.length < 16 && bytes.toString('latin1').trim() === 'null';
}

function firstByte(bytes: Buffer): number | undefined {
  return bytes.find((byte) => byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d);
}

function tooLarge(most: number): CofferError {
  return new CofferError('payload_too_large', `request body is larger than ${most} bytes`);
}

function endedEarly(): CofferError {
  return new CofferError('invalid_request', 'the connection ended before the request did');
}
