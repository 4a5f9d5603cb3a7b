/** `coffer operator nodes`. */
import { isJsonObject, type JsonObject } from '../../json.ts';
import { defineCommand } from '../command.ts';
import { connect } from '../context.ts';
import { serverOptions } from '../options.ts';
import { cellText } from '../print-data.ts';
import { dataOf } from '../safe.ts';

/** Milliseconds that a clock may differ by without a word; the server has its own, larger bound. */
const unremarkable = 2_000;

export const nodes = defineCommand({
  summary: 'List the nodes that serve the store',
  details: [
    'Each tells of itself every ten seconds; one that has been silent for a minute is left out. All of them are active.',
    'CLOCK is by how much a node’s clock differs from that of the node that answers.',
  ],
  operands: {},
  options: serverOptions,
  async run({ options }, shell) {
    const client = await connect(shell, options);
    const data = dataOf((await client.request('GET', 'sys/ha-status')).body);
    const list = Array.isArray(data['nodes']) ? data['nodes'].filter(isJsonObject) : [];
    shell.ui.table(
      ['HOST', 'PROCESS', 'ADDRESS', 'VERSION', 'SINCE', 'LAST SEEN', 'CLOCK'],
      list.map((node) => [
        ...['hostname', 'process', 'api_address', 'coffer_version', 'active_time', 'last_echo'].map((name) =>
          cellText(node[name]),
        ),
        clockText(node),
      ]),
      { nodes: list, formats: isJsonObject(data['formats']) ? data['formats'] : {} },
    );
  },
});

function clockText({ clock_skew_ms: skew, self }: JsonObject): string {
  if (self === true) return 'answers';
  // The answering node's lead is the other one's lag.
  const ahead = typeof skew === 'number' ? -skew : 0;
  if (Math.abs(ahead) <= unremarkable) return 'agrees';
  return `${Math.round(Math.abs(ahead) / 1_000)} s ${ahead > 0 ? 'ahead' : 'behind'}`;
}
