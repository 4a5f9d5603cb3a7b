/** `status`, `version`, and `server`, which the program brings along. */

import type { JsonObject, JsonValue } from '../../json.ts';
import { version as ownVersion, vaultVersion } from '../../version.ts';
import { isGroup } from '../command.ts';
import { misuse, VaultFailure } from './failure.ts';
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
export async function printSealStatus(output: Output, status: JsonObject, ha?: JsonValue): Promise<void> {
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
    rows.push(['HA Enabled', goValue(ha ?? false)]);
    output.record(rows);
  });
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
      await printSealStatus(output, seal, leader['ha_enabled']);
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

/** Its flags are its own, so that the words go on as they are. */
const server: Verb = {
  usage: '-dev | -config=FILE',
  summary: 'Run a server',
  flags: {
    dev: { type: 'bool', help: 'in memory, unsealed, with kv at secret/' },
    'dev-root-token-id': { type: 'text', help: 'root token of -dev' },
    'dev-listen-address': { type: 'text', help: 'address of -dev' },
    'dev-no-store-token': { type: 'bool', help: 'leave ~/.vault-token as it is' },
    'dev-no-kv': { type: 'bool', help: 'refused: secret/ is there' },
    'dev-kv-v1': { type: 'bool', help: 'refused: secret/ has versions' },
    'dev-tls': { type: 'bool', help: 'refused: give certificates with -config' },
    config: { type: 'list', help: 'configuration file or directory; may be given several times' },
    'log-level': { type: 'text', help: 'trace, debug, info, warn or error' },
    'log-format': { type: 'text', help: 'standard or json' },
    'log-file': { type: 'text', help: 'refused: the log goes to standard error' },
    recovery: { type: 'bool', help: 'refused' },
    'exit-on-core-shutdown': { type: 'bool', help: 'taken, without effect' },
  },
  args: [0, 0],
  async run({ shell, flags }) {
    const load = shell.programs?.['vault server'];
    const brought = (await load?.())?.command;
    if (brought === undefined || isGroup(brought)) throw misuse('this program has no `vault server`');
    for (const name of ['dev-no-kv', 'dev-kv-v1', 'dev-tls', 'log-file', 'recovery']) {
      if (flags.has(name) && flags.text(name) !== 'false') throw misuse(`-${name} cannot be had here`);
    }
    const text = (name: string) => flags.text(name);
    const options = {
      dev: flags.bool('dev'),
      'dev-root-token-id': text('dev-root-token-id'),
      'dev-listen-address': text('dev-listen-address'),
      'dev-no-store-token': flags.bool('dev-no-store-token'),
      config: flags.list('config'),
      'log-level': text('log-level'),
      'log-format': text('log-format'),
      check: false,
      format: undefined,
      help: false,
    };
    await brought.run({ options, operands: {} }, shell);
    return 0;
  },
};

export const verbs: Verbs = { status, version, server };
