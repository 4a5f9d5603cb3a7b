/** Refusals that the road never sees: what status they have, and how they look on a socket without a parsed request. */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { asCofferError, type ErrorCode, statusOf } from '../errors.ts';
import { encodeErrors } from './encode.ts';
import { extensionMethods } from './extension-method.ts';
import type { HttpLimits } from './limits.ts';
import type { ParseError } from './method-handover.ts';

export interface Refusal {
  readonly status: number;
  readonly errors: readonly string[];
  readonly code?: ErrorCode;
}

/** The refusal that something thrown means to the client. Its cause is not part of it. */
export function refusalOf(thrown: unknown): Refusal {
  const error = asCofferError(thrown);
  return { status: statusOf(error.code), errors: [error.message], code: error.code };
}

export const headersTooLarge: Refusal = {
  status: 431,
  errors: ['request headers are too many or too large'],
};
const expectationFailed: Refusal = {
  status: 417,
  errors: ['only Expect: 100-continue is understood'],
};
const hostMissing: Refusal = { status: 400, errors: ['request has no Host header'] };
export const notSupported: Refusal = { status: 405, errors: ['unsupported operation'] };
const malformed: Refusal = { status: 400, errors: ['malformed HTTP request'] };
const timedOut: Refusal = { status: 408, errors: ['the request took too long to arrive'] };
const chunkExtensions: Refusal = { status: 413, errors: ['chunk extensions are too large'] };

/** What is wrong with a parsed message as HTTP, if anything. */
export function messageProblem(
  { headers, rawHeaders, httpVersionMinor }: IncomingMessage,
  { headerCount }: Pick<HttpLimits, 'headerCount'>,
): Refusal | undefined {
  if (rawHeaders.length > 2 * headerCount) return headersTooLarge;
  // RFC 9112 §3.2.
  if (headers.host === undefined && httpVersionMinor === 1) return hostMissing;
  if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue')
    return expectationFailed;
  return undefined;
}

/** The refusal of what the parser could not take; undefined when the connection itself failed and nobody is there to read it. */
export function refusalOfParseError(error: ParseError): Refusal | undefined {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return headersTooLarge;
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return chunkExtensions;
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return timedOut;
    case 'HPE_INVALID_METHOD':
      return namesUnknownMethod(error) ? notSupported : malformed;
    default:
      return error.code?.startsWith('HPE_') === true ? malformed : undefined;
  }
}

/** A request line as it should be, with a method nobody knows. A known one behind another request is an oddity, not that. */
function namesUnknownMethod(error: ParseError): boolean {
  const start = error.rawPacket?.toString('latin1', 0, 32) ?? '';
  const method = /^([A-Za-z-]{1,24}) \//.exec(start)?.[1];
  return method !== undefined && (error.bytesParsed ?? 0) <= method.length && !isExtension(method);
}

function isExtension(method: string): boolean {
  return extensionMethods.some((known) => known === method);
}

/** What is written of a refusal, whoever has put it into words. */
export interface RefusalAnswer {
  readonly status: number;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly body: string;
}

/** A refusal in the words of Vault's wire. */
export function plainRefusal({ status, errors }: Refusal): RefusalAnswer {
  return { status, headers: ['Content-Type', 'application/json'], body: encodeErrors(errors) };
}

/** Writes the refusal as a whole answer on a bare socket and closes it. `now` in milliseconds. */
export function refuseSocket(socket: Socket, { status, headers, body }: RefusalAnswer, now: number): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const own = headers.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${headers[at + 1] ?? ''}`] : []));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    ...own,
    'Cache-Control: no-store',
    `Date: ${new Date(now).toUTCString()}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  socket.destroySoon();
}
