/** `status` and `version`. */

import type { JsonObject } from '../../json.ts';
import { version as ownVersion, vaultVersion } from '../../version.ts';
import { VaultFailure } from './failure.ts';
import { goValue } from './go-text.ts';
import type { Output } from './output.ts';
import { bodyOf } from './session.ts';
import { anyNumber, type Verb, type Verbs } from './verb.ts';

const shown: readonly (readonly [name: string, label: string])[] = [
  ['type', 'Seal Type'],
  ['initialized', 'Initialized'],
  ['sealed', 'Sealed'],
  ['n', 'Total Shares'],
  ['t', 'Threshold'],
];

/** A server's state as `status` and `unseal` print it. */
export async function printSealStatus(
  output: Output,
  status: JsonObject,
  leader: JsonObject = {},
): Promise<void> {
  await output.document(status, () => {
    const rows = shown.map(([name, label]): [string, string] => [label, goValue(status[name])]);
    if (status['sealed'] === true && status['initialized'] === true) {
      rows.push(['Unseal Progress', `${goValue(status['progress'])}/${goValue(status['t'])}`]);
      rows.push(['Unseal Nonce', String(status['nonce'] ?? '')]);
    }
    rows.push(['Version', goValue(status['version'])], ['Storage Type', goValue(status['storage_type'])]);
    for (const [name, label] of [
      ['cluster_name', 'Cluster Name'],
      ['cluster_id', 'Cluster ID'],
    ] as const) {
      if (typeof status[name] === 'string' && status[name] !== '') rows.push([label, status[name]]);
    }
    rows.push(['HA Enabled', goValue(leader['ha_enabled'] ?? false)], ...haRows(leader));
    output.record(rows);
  });
}

/** Of a server that shares its store: its own state, since none leads. */
function haRows(leader: JsonObject): readonly [string, string][] {
  if (leader['ha_enabled'] !== true) return [];
  const cluster = leader['leader_cluster_address'];
  return [
    ['HA Cluster', typeof cluster === 'string' && cluster !== '' ? cluster : 'n/a'],
    ['HA Mode', leader['is_self'] === true ? 'active' : 'standby'],
    ...(typeof leader['active_time'] === 'string'
      ? [['Active Since', leader['active_time']] as [string, string]]
      : []),
  ];
}

const status: Verb = {
  usage: '',
  summary: 'Show whether the server is up and unsealed: exit code 0 unsealed, 2 sealed, 1 no answer',
  args: [0, 0],
  async run({ session, output }) {
    try {
      const asking = { anonymous: true } as const;
      const seal = bodyOf(await session.ask('checking seal status', 'GET', 'sys/seal-status', asking));
      const leader =
        seal['sealed'] === true
          ? {}
          : bodyOf(await session.ask('checking leader status', 'GET', 'sys/leader', asking));
      await printSealStatus(output, seal, leader);
      return seal['sealed'] === true ? 2 : 0;
    } catch (error) {
      if (error instanceof VaultFailure) throw new VaultFailure(1, error.message, error.code);
      throw error;
    }
  },
};

/** In the old program's form, since clients ask for it and switch features by what it says. */
const version: Verb = {
  usage: '',
  summary: 'Print the version',
  args: [0, anyNumber],
  async run({ output }) {
    output.line(`Vault v${vaultVersion} (Coffer ${ownVersion})`);
    return 0;
  },
};

export const verbs: Verbs = { status, version };
