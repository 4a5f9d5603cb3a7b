/**
 * How fast each of very many clients may go: a generic cell rate limiter (ITU-T I.371, "virtual scheduling"), which keeps one
 * number a client. The map is bounded: whoever comes with ever new addresses pushes out others that have rested longest, who
 * then begin with a full measure again; memory does not grow.
 */
import { TwoGenerationCache } from '../two-generation-cache.ts';

export interface Rate {
  /** Requests. */
  readonly requests: number;
  /** In so many milliseconds. */
  readonly per: number;
  /** How many may come at once. */
  readonly burst: number;
}

export interface Admission {
  readonly admitted: boolean;
  /** Requests that may come at once now. */
  readonly remaining: number;
  /** Milliseconds until one may come; 0 when one may come now. */
  readonly wait: number;
  /** Milliseconds until the full measure is back. */
  readonly reset: number;
}

/** Clients remembered; twice as many at most. */
const clients = 50_000;

export class Buckets {
  /** When each client's measure will be full again, in milliseconds. */
  readonly #full = new TwoGenerationCache<number>(clients);

  /** Takes one request from the client's measure if there is one left. */
  take(client: string, rate: Rate, now: number): Admission {
    const { step, room } = pace(rate);
    const full = Math.max(this.#full.get(client) ?? 0, now);
    const next = full + step;
    if (next - now > room)
      return { admitted: false, remaining: 0, wait: next - now - room, reset: full - now };
    this.#full.set(client, next);
    return {
      admitted: true,
      remaining: Math.floor((room - (next - now)) / step),
      wait: 0,
      reset: next - now,
    };
  }

  /** Whether `take` would admit a request; takes nothing. Milliseconds until it would, 0 for now. */
  wait(client: string, rate: Rate, now: number): number {
    const { step, room } = pace(rate);
    return Math.max(0, Math.max(this.#full.get(client) ?? 0, now) + step - now - room);
  }
}

function pace({ requests, per, burst }: Rate): { readonly step: number; readonly room: number } {
  const step = per / requests;
  return { step, room: Math.max(1, burst) * step };
}
