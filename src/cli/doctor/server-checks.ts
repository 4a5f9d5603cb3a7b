/** What a server tells everyone: whether it is there, sealed, and of the same time. */

import { formatAddress, isLoopback } from '../../client/address.ts';
import type { Client } from '../../client/client.ts';
import { asCofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

/** Milliseconds a question may take: a server that is this slow is as good as down. */
export const patience = 5_000;
/** `sys/health` speaks in statuses; here each of them is an answer. */
const healthStatuses = [429, 472, 473, 474, 501, 503];
/** Seconds: tokens and codes live long beside it, and a clock that is synchronised never comes near. */
const mostSkew = 5;

export interface ServerState {
  readonly findings: readonly Finding[];
  /** It answers and is unsealed: more can be asked of it. */
  readonly ready: boolean;
}

/** `now`: milliseconds. Never rejects. */
export async function checkServer(client: Client, now: () => number): Promise<ServerState> {
  const address = formatAddress(client.address);
  const began = now();
  let health: JsonObject;
  try {
    const answer = await client.request('GET', 'sys/health', {
      accept: healthStatuses,
      signal: AbortSignal.timeout(patience),
    });
    if (!isJsonObject(answer.body)) throw new Error('not an object');
    health = answer.body;
  } catch (error) {
    const { code, message } = asCofferError(error);
    const reason = code === 'internal' ? 'its answer is not one of a server of ours' : message;
    return {
      findings: [
        fail(
          'server',
          `${address}: ${reason}`,
          'start it (coffer server), or name another one with --address',
        ),
      ],
      ready: false,
    };
  }
  const middle = (began + now()) / 2;
  const version = String(health['coffer_version'] ?? health['version'] ?? 'unknown');
  return {
    findings: [
      ok('server', `${address} answers, version ${version}`),
      transport(client),
      seal(health, await waitingFor(client, health)),
      clock(health, middle),
      ...nodes(health),
    ],
    ready: health['initialized'] === true && health['sealed'] === false,
  };
}

function transport({ address, exposed }: Client): Finding {
  if (exposed) {
    return fail(
      'transport',
      'tokens and secrets go to another machine without TLS',
      'give the server a certificate (--tls-cert, --tls-key) and use https',
    );
  }
  if (address.protocol === 'https:') return ok('transport', 'TLS, and the certificate is trusted');
  return ok('transport', isLoopback(address.hostname) ? 'without TLS, on this machine only' : 'without TLS');
}

/** What a sealed server waits for by itself. */
async function waitingFor(client: Client, health: JsonObject): Promise<string | undefined> {
  if (health['sealed'] !== true) return undefined;
  const signal = AbortSignal.timeout(patience);
  const answer = await client.request('GET', 'sys/seal-status', { signal }).catch(() => undefined);
  const told = isJsonObject(answer?.body) ? answer.body['coffer_waiting_for'] : undefined;
  return typeof told === 'string' ? told : undefined;
}

function seal(health: JsonObject, waiting: string | undefined): Finding {
  if (health['initialized'] !== true) {
    return fail('seal', 'the server has no store yet', 'make one: coffer operator init');
  }
  if (waiting !== undefined) {
    return fail(
      'seal',
      `the store is sealed: what opens it does not answer (${waiting}), and is asked again`,
      'the server’s log says why; any other slot opens it too: coffer operator unseal',
    );
  }
  if (health['sealed'] !== false) {
    return fail('seal', 'the store is sealed: nothing is served', 'open it: coffer operator unseal');
  }
  return ok('seal', 'the store is unsealed');
}

/** What a node knows of its own clock and of the others'; nothing where the server is alone and has nothing to say. */
function nodes(health: JsonObject): readonly Finding[] {
  const { nodes: count, clock_skew_ms: skew, clock_in_doubt: inDoubt, clock_jump_seconds: jump } = health;
  if (typeof count !== 'number') return [];
  const many = count === 1 ? 'one node serves the store' : `${count} nodes serve the store`;
  const apart = typeof skew === 'number' ? Math.round(Math.abs(skew) / 1_000) : 0;
  const synchronise = 'synchronise the clocks of all nodes by NTP (see timedatectl)';
  if (inDoubt === true) {
    const why = apart > mostSkew ? `it is ${apart} seconds ahead of other nodes` : jumpText(jump);
    return [warn('nodes', `the server’s clock may be ahead, and it ends no leases: ${why}`, synchronise)];
  }
  if (apart > mostSkew) {
    return [warn('nodes', `${many}, and their clocks are ${apart} seconds apart`, synchronise)];
  }
  if (typeof jump === 'number') return [warn('nodes', `${many}; ${jumpText(jump)}`, synchronise)];
  return [ok('nodes', many)];
}

function jumpText(jump: unknown): string {
  const seconds = typeof jump === 'number' ? jump : 0;
  return `its time was set ${seconds < 0 ? 'back' : 'forward'} by ${Math.abs(seconds)} seconds while it ran`;
}

function clock(health: JsonObject, middle: number): Finding {
  const told = health['server_time_utc'];
  if (typeof told !== 'number') return ok('clock', 'the server does not tell its time');
  // Whole seconds, cut off: on average half a second is missing.
  const skew = Math.round(told + 0.5 - middle / 1_000);
  if (Math.abs(skew) <= mostSkew) return ok('clock', 'here and at the server within a few seconds');
  const way = skew > 0 ? 'ahead of' : 'behind';
  return warn(
    'clock',
    `the server is ${Math.abs(skew)} seconds ${way} this machine`,
    'synchronise both by NTP (see timedatectl): times of tokens, leases and codes rest on it',
  );
}
