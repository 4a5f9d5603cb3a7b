/** `sys/ha-status`: the nodes that serve this store, as they told of themselves last. Every one of them is active. */
import { timestamp } from '../../clock.ts';
import type { JsonObject } from '../../json.ts';
import { vaultVersion } from '../../version.ts';
import { coreEndpoint } from '../core-call.ts';
import type { Endpoint, ResponseSchema } from '../endpoint.ts';
import type { NodeRecord } from '../node/record.ts';
import type { CoreRooms } from '../rooms.ts';

const nodeMembers = {
  hostname: { type: 'string' },
  api_address: { type: 'string', help: 'Where clients reach it; empty if it has no listener.' },
  cluster_address: { type: 'string', help: 'Nodes talk through the store: always empty.' },
  active_node: { type: 'bool', help: 'Always true.' },
  last_echo: { type: 'string', help: 'When it last wrote of itself, by its own clock.' },
  clock_skew_ms: {
    type: 'int',
    help: 'By how much the clock of the node that answers is ahead of this one, as far as can be told.',
  },
  version: { type: 'string', help: 'Of the API.' },
  coffer_version: { type: 'string', help: 'Of the program.' },
  id: { type: 'string', help: 'Drawn each time that it opens the store.' },
  process: { type: 'int', help: 'Its process id.' },
  active_time: { type: 'string', help: 'Since when it serves the open store, by its own clock.' },
  self: { type: 'bool', help: 'Whether it is the node that answers.' },
  workers: { type: 'list', help: 'The duties that it takes its turn in.' },
  formats: {
    type: 'object',
    help: 'Stored formats that have changed, by name: the newest version it reads and writes.',
    members: {
      '*': { type: 'object', members: { reads: { type: 'int' }, writes: { type: 'int' } } },
    },
  },
} as const satisfies ResponseSchema;

const schema = {
  nodes: { type: 'list', items: nodeMembers },
  formats: {
    type: 'object',
    help: 'By name: the newest version that is written, since every node reads it. Formats that are at their first are left out.',
    members: { '*': { type: 'int' } },
  },
} as const satisfies ResponseSchema;

export function nodesEndpoint(core: Pick<CoreRooms, 'nodes' | 'formats' | 'clockWatch'>): Endpoint {
  return coreEndpoint({
    pattern: 'ha-status',
    help: 'Lists the nodes that serve this store. All of them are active: there is no leader.',
    fields: {},
    operations: {
      read: {
        summary: 'List the nodes',
        repeatData: true,
        response: schema,
        handle: async () => {
          const records = await core.nodes.list();
          const nodes = records.map((record) => shown(record, core));
          return { data: { nodes, formats: { ...core.formats.levels } } };
        },
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

function shown(
  record: NodeRecord,
  { nodes, clockWatch }: Pick<CoreRooms, 'nodes' | 'clockWatch'>,
): JsonObject {
  const formats = Object.entries(record.formats).map(([name, { reads, writes }]) => [
    name,
    { reads, writes },
  ]);
  return {
    hostname: record.process.node,
    api_address: record.address,
    cluster_address: '',
    active_node: true,
    last_echo: timestamp(record.seen),
    clock_skew_ms: Math.round(clockWatch.skewOf(record.id)),
    version: vaultVersion,
    coffer_version: record.version,
    id: record.id,
    process: record.process.pid,
    active_time: timestamp(record.since),
    self: record.id === nodes.id,
    workers: [...record.workers],
    formats: Object.fromEntries(formats) as JsonObject,
  };
}
