/** `coffer doctor`. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { defineCommand } from '../cli/command.ts';
import { type ConnectionOptions, connect, connectAnonymously, findToken, safeTable } from '../cli/context.ts';
import { checkEnvironment } from '../cli/doctor/environment-checks.ts';
import { countLevels, type Finding, fail, ok, printFindings } from '../cli/doctor/finding.ts';
import { checkServer } from '../cli/doctor/server-checks.ts';
import { checkState } from '../cli/doctor/state-checks.ts';
import { safeOptions, serverOptions } from '../cli/options.ts';
import { type Shell, variable } from '../cli/shell.ts';
import { systemClock } from '../clock.ts';
import { asCofferError, CofferError } from '../errors.ts';
import { version } from '../version.ts';
import { checkConfiguration } from './doctor-config.ts';
import { checkHost } from './doctor-host.ts';
import { checkSeals } from './doctor-seals.ts';
import { checkStorage } from './doctor-storage.ts';
import { loadServerSettings } from './server-settings.ts';

export const command = defineCommand({
  summary: 'Look for what is wrong, here and at the server',
  operands: {},
  options: {
    safe: safeOptions.safe,
    ...serverOptions,
    config: { type: 'text', value: 'FILE', help: 'configuration file of the server (COFFER_CONFIG)' },
    data: {
      type: 'text',
      value: 'DIR',
      help: 'data directory of the server (COFFER_DATA; ~/.local/share/coffer)',
    },
  },
  details: [
    'Looks at the server (or the table, where the safe is one), the token, the configuration, the storage, the data directory ' +
      'and this machine, and changes nothing. Works when the server is down or sealed, and without a token: what cannot be seen then is left out.',
    'Exit code 0: nothing is wrong, though there may be something to look at; 9: something is wrong.',
  ],
  examples: ['coffer doctor', 'coffer doctor --format json | jq ".findings[] | select(.level != \\"ok\\")"'],
  async run({ options }, shell) {
    const now = systemClock.now();
    const { config, data: given } = options;
    const flags = {
      ...(config === undefined ? {} : { config }),
      ...(given === undefined ? {} : { data: given }),
    };
    const loaded = loadServerSettings(flags, shell);
    const data = loaded.settings.data ?? resolve(shell.places.data);
    const storage = await checkStorage(loaded.settings.storage, data, shell.env);
    const findings = [
      ok('version', `coffer ${version}`),
      ...(await checkWhereSecretsAre(options, shell)),
      ...checkEnvironment(shell.env, existsSync(shell.places.tokenFile)),
      ...checkConfiguration(flags, shell.env, loaded, data, now),
      ...storage.findings,
      ...(await checkSeals(loaded, storage.store, shell.env)),
      ...(await checkHost(data, {
        storeElsewhere: loaded.settings.storage !== undefined,
        storesLog: loaded.settings.audit.log === 'store',
      })),
    ];
    printFindings(shell.ui, { version, node: process.versions.node, data }, findings);
    const { fail: wrong } = countLevels(findings);
    if (wrong > 0) {
      throw new CofferError('unavailable', `${wrong} ${wrong === 1 ? 'thing is' : 'things are'} wrong`);
    }
  },
});

/** Beside a safe that is a table there is a server only where somebody names one. */
async function checkWhereSecretsAre(options: ConnectionOptions, shell: Shell): Promise<readonly Finding[]> {
  const table = safeTable(shell, options);
  if (table === undefined) return checkRemote(options, shell);
  const { checkTable } = await import('../cli/doctor/table-checks.ts');
  const findings = await checkTable(table, { env: shell.env, now: () => systemClock.now() });
  const named = options.address ?? variable(shell.env, 'COFFER_ADDR') ?? variable(shell.env, 'VAULT_ADDR');
  return named === undefined ? findings : [...(await checkRemote(options, shell)), ...findings];
}

/** What is wrong with how the server is named is a finding like any other. */
async function checkRemote(options: ConnectionOptions, shell: Shell): Promise<readonly Finding[]> {
  try {
    using client = connectAnonymously(shell, options);
    const { findings, ready } = await checkServer(client, () => systemClock.now());
    return ready ? [...findings, ...(await checkAsCaller(options, shell))] : findings;
  } catch (error) {
    const { message } = asCofferError(error);
    return [fail('server', message, 'put the address and the files that are named with it right')];
  }
}

async function checkAsCaller(options: ConnectionOptions, shell: Shell): Promise<readonly Finding[]> {
  // Standard input can be read once: `--token-file -` is left to `connect`.
  const known = options['token-file'] === '-' || (await findToken(shell, options)) !== undefined;
  if (!known) return [ok('token', 'there is none, so the state of the store is not looked at: coffer login')];
  using client = await connect(shell, options);
  return checkState(client, systemClock.now());
}
