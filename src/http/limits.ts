/** What a listener takes from one client, and from all together. Every limit holds from the first byte, before any login. */
import { CofferError } from '../errors.ts';

export interface HttpLimits {
  /** Request line and headers of one request. More is 431. */
  readonly headerBytes: number;
  /** Header lines of one request. More is 431. */
  readonly headerCount: number;
  /** One request's body. More is 413, told before anything is parsed. */
  readonly bodyBytes: number;
  /** Memory that bodies being received or handled may take, for one client address and in all. More is 503. */
  readonly bodyBytesPerAddress: number;
  readonly bodyBytesInAll: number;
  /** Objects and arrays inside each other. */
  readonly jsonDepth: number;
  /** Values of every kind in one body: strings, numbers, objects, … */
  readonly jsonValues: number;
  /** Names of members (or form fields) in one body, all objects together. */
  readonly jsonNames: number;
  /** From the connection, or from a request's first byte, to the end of its headers. Longer is 408. */
  readonly headerMilliseconds: number;
  /** From the end of the time above to the end of the body. Longer is 408. */
  readonly bodyMilliseconds: number;
  /** From the end of the body to the answer. Longer is 503, and the answer is dropped when it comes. */
  readonly requestMilliseconds: number;
  /** For a client to take its answer, after which the connection is cut. */
  readonly answerMilliseconds: number;
  /** A kept connection without a request. */
  readonly idleMilliseconds: number;
  /** Connections of one client address (an IPv6 client's is its /64 network), and in all. More are cut at once. */
  readonly connectionsPerAddress: number;
  readonly connections: number;
  /** Requests that a client may send ahead on one connection; they are answered one after the other. More cuts it. */
  readonly waitingRequests: number;
}

const mebibyte = 1024 * 1024;

export const defaultLimits: HttpLimits = {
  headerBytes: 16 * 1024,
  headerCount: 128,
  bodyBytes: 32 * mebibyte,
  bodyBytesPerAddress: 128 * mebibyte,
  bodyBytesInAll: 256 * mebibyte,
  jsonDepth: 128,
  jsonValues: 200_000,
  jsonNames: 100_000,
  headerMilliseconds: 15_000,
  bodyMilliseconds: 60_000,
  requestMilliseconds: 90_000,
  answerMilliseconds: 60_000,
  idleMilliseconds: 60_000,
  connectionsPerAddress: 512,
  connections: 4_096,
  waitingRequests: 16,
};

/** The defaults with `changes` applied. Throws `usage` naming the limit that is not a whole number from 1. */
export function limitsWith(changes: Partial<HttpLimits>): HttpLimits {
  const limits = { ...defaultLimits, ...changes };
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new CofferError('usage', `listener limit ${name} is a whole number from 1`);
    }
  }
  return limits;
}
