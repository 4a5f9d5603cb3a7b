/** `sys/ha-status`: the processes that serve this store, each by its audit chain. Every one of them is active. */
import { hostname } from 'node:os';
import type { BarrierStore } from '../../barrier/store.ts';
import { type Clock, timestamp } from '../../clock.ts';
import type { JsonObject } from '../../json.ts';
import { vaultVersion, version } from '../../version.ts';
import { readOpenAnchors } from '../audit/anchor.ts';
import { coreEndpoint } from '../core-call.ts';
import type { Endpoint, ResponseSchema } from '../endpoint.ts';

const nodeMembers = {
  hostname: { type: 'string' },
  api_address: { type: 'string', help: 'Not known to the others: always empty.' },
  cluster_address: { type: 'string', help: 'There is none: always empty.' },
  active_node: { type: 'bool' },
  last_echo: { type: 'string', nullable: true, help: 'When it last anchored its audit log.' },
  version: { type: 'string' },
  coffer_version: { type: 'string', help: 'Of the node that answers.' },
  process: { type: 'int', help: 'Its process id.' },
} as const satisfies ResponseSchema;

export function nodesEndpoint(store: BarrierStore, clock: Clock): Endpoint {
  return coreEndpoint({
    pattern: 'ha-status',
    help: 'Lists the processes that serve this store. All of them are active: there is no leader.',
    fields: {},
    operations: {
      read: {
        summary: 'List the nodes',
        repeatData: true,
        response: { nodes: { type: 'list', items: nodeMembers } },
        handle: async () => ({ data: { nodes: await nodes(store, clock) } }),
      },
    },
  });
}

/** Clients ask a leader to step down before they take its machine away: where all are active there is nothing to do. */
export function stepDownEndpoint(): Endpoint {
  return coreEndpoint({
    pattern: 'step-down',
    help: 'Does nothing: every node is active, and there is no leader to step down.',
    fields: {},
    operations: {
      update: { summary: 'Step down', sudo: true, handle: async () => undefined },
    },
  });
}

async function nodes(store: BarrierStore, clock: Clock): Promise<readonly JsonObject[]> {
  const open = await readOpenAnchors(store);
  const others = open
    .filter(({ anchor }) => anchor.process.pid !== process.pid || anchor.process.node !== hostname())
    .map(({ anchor }) => node(anchor.process.node, anchor.process.pid, anchor.anchored, ''));
  return [node(hostname(), process.pid, timestamp(clock.now()), version), ...others];
}

function node(host: string, pid: number, echo: string, own: string): JsonObject {
  return {
    hostname: host,
    api_address: '',
    cluster_address: '',
    active_node: true,
    last_echo: echo,
    version: vaultVersion,
    coffer_version: own,
    process: pid,
  };
}
