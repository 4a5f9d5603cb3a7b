/** Requests that have no answer yet, for `sys/in-flight-req`. */
import { timestamp } from '../../clock.ts';
import { coreEndpoint } from '../core-call.ts';
import type { Endpoint } from '../endpoint.ts';
import type { Peers, ShownRequest } from '../peers.ts';
import type { Request } from '../request.ts';

/** Shown at once: whoever asks gets no answer without end. */
const mostShown = 1_000;

interface Running {
  readonly request: Request;
  /** Milliseconds. */
  readonly since: number;
}

/**
 * In places that are used again. A `Map` grows a new table every few dozen changes, and each old one would hold on to the requests
 * that were in it until the next major collection.
 */
export class InFlight {
  readonly #places: (Running | undefined)[] = [];
  readonly #free: number[] = [];

  /** The place that the request has until its end. `since` in milliseconds. */
  begin(request: Request, since: number): number {
    const place = this.#free.pop() ?? this.#places.length;
    this.#places[place] = { request, since };
    return place;
  }

  /** To be called once for each `begin`. */
  end(place: number): void {
    this.#places[place] = undefined;
    this.#free.push(place);
  }

  /** The oldest first. */
  list(): readonly Running[] {
    return this.#places
      .filter((one) => one !== undefined)
      .toSorted((a, b) => a.since - b.since)
      .slice(0, mostShown);
  }
}

const methods: Readonly<Record<string, string>> = {
  read: 'GET',
  header: 'HEAD',
  list: 'LIST',
  scan: 'SCAN',
  help: 'HELP',
  patch: 'PATCH',
  delete: 'DELETE',
};

/**
 * @param withoutTokens takes out of a path what looks like a token: old clients put them there
 * @param peers the server's other processes: a client cannot choose whom it asks
 */
export function inFlightEndpoint(
  inFlight: InFlight,
  withoutTokens: (text: string) => string,
  peers?: Pick<Peers, 'running' | 'showRunning'>,
): Endpoint {
  const own = () => shownRequests(inFlight, withoutTokens);
  peers?.showRunning(own);
  return coreEndpoint({
    pattern: 'in-flight-req',
    help: 'Shows the requests that this server is working on, by their ids; of each process at most 1,000.',
    fields: {},
    operations: {
      read: {
        summary: 'Show running requests',
        sudo: true,
        response: {
          '*': {
            type: 'object',
            members: {
              start_time: { type: 'string' },
              client_remote_address: { type: 'string' },
              request_path: { type: 'string' },
              request_method: { type: 'string' },
              client_id: { type: 'string', help: 'Always empty.' },
            },
          },
        },
        handle: async () => ({ data: { ...(await peers?.running()), ...own() } }),
      },
    },
  });
}

function shownRequests(
  inFlight: InFlight,
  withoutTokens: (text: string) => string,
): Readonly<Record<string, ShownRequest>> {
  const shown: Record<string, ShownRequest> = Object.create(null);
  for (const { request, since } of inFlight.list()) {
    shown[request.id] = {
      start_time: timestamp(since),
      client_remote_address: request.remoteAddress,
      request_path: `/v1/${withoutTokens(request.path)}`,
      request_method: methods[request.operation] ?? 'POST',
      client_id: '',
    };
  }
  return shown;
}
