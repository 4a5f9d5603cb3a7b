/** Requests that have no answer yet, for `sys/in-flight-req`. */
import { timestamp } from '../../clock.ts';
import { coreEndpoint } from '../core-call.ts';
import type { Endpoint } from '../endpoint.ts';
import type { Peers, ShownRequest } from '../peers.ts';
import type { Request } from '../request.ts';

/** Shown at once: whoever asks gets no answer without end. */
const mostShown = 1_000;

export class InFlight {
  readonly #running = new Map<Request, number>();

  /** `now` in milliseconds. */
  begin(request: Request, now: number): void {
    this.#running.set(request, now);
  }

  end(request: Request): void {
    this.#running.delete(request);
  }

  /** The oldest first. */
  list(): readonly { readonly request: Request; readonly since: number }[] {
    const shown: { request: Request; since: number }[] = [];
    for (const [request, since] of this.#running) {
      if (shown.length === mostShown) break;
      shown.push({ request, since });
    }
    return shown;
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
