/** `coffer doctor`. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { usageError } from '../cli/args.ts';
import { defineCommand } from '../cli/command.ts';
import { type ConnectionOptions, connect, connectAnonymously, findToken, safeTable } from '../cli/context.ts';
import type { OpensOptions } from '../cli/doctor/aws-opens.ts';
import { checkEnvironment } from '../cli/doctor/environment-checks.ts';
import { countLevels, type Finding, fail, ok, printFindings, warn } from '../cli/doctor/finding.ts';
import { checkServer } from '../cli/doctor/server-checks.ts';
import { checkState } from '../cli/doctor/state-checks.ts';
import { safeOptions, serverOptions } from '../cli/options.ts';
import { type Shell, variable } from '../cli/shell.ts';
import { systemClock } from '../clock.ts';
import { asCofferError, CofferError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { version } from '../version.ts';
import { checkConfiguration } from './doctor-config.ts';
import { checkHost } from './doctor-host.ts';
import { checkKeyfile } from './doctor-keyfile.ts';
import { checkSeals } from './doctor-seals.ts';
import { checkStorage } from './doctor-storage.ts';
import { loadServerSettings } from './server-settings.ts';

export const command = defineCommand({
  summary: 'Look for what is wrong, here and at the server',
  operands: { WHAT: 'optional' },
  options: {
    safe: safeOptions.safe,
    ...serverOptions,
    config: { type: 'text', value: 'FILE', help: 'configuration file of the server (COFFER_CONFIG)' },
    data: {
      type: 'text',
      value: 'DIR',
      help: 'data directory of the server (COFFER_DATA; ~/.local/share/coffer)',
    },
    role: { type: 'text', value: 'ROLE', help: 'with aws: as in `coffer login aws`' },
    path: { type: 'text', value: 'PATH', help: 'with aws: as in `coffer login aws`' },
    region: { type: 'text', value: 'REGION', help: 'with aws: as in `coffer login aws`' },
    'server-id': { type: 'text', value: 'TEXT', help: 'with aws: as in `coffer login aws`' },
  },
  details: [
    'Looks at the server (or the table, where the safe is one), the token, the configuration, the storage, the data directory ' +
      'and this machine, and changes nothing. Works when the server is down or sealed, and without a token: what cannot be seen then is left out.',
    'WHAT is nothing, or aws: then it says which identity this machine can prove at AWS (of its credentials, and of its instance), and which ' +
      'secrets of a role-secrets mount list it. For that it logs in at the server and revokes the token at once; a role that is not said ' +
      'is the one named like the identity, else account.',
    'Exit code 0: nothing is wrong, though there may be something to look at; 9: something is wrong.',
  ],
  examples: [
    'coffer doctor',
    'coffer doctor aws --address https://coffer.example.com:8200',
    'coffer doctor --format json | jq ".findings[] | select(.level != \\"ok\\")"',
  ],
  async run({ options, operands }, shell) {
    if (operands.WHAT === 'aws') return examineAws(options, shell);
    refuseAwsWords(operands.WHAT, options);
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
      ...(await checkKeyfile(loaded, storage.store, shell.places)),
      ...(await checkSeals(loaded, storage.store, shell.env)),
      ...(await checkHost(data, {
        storeElsewhere: loaded.settings.storage !== undefined,
        storesLog: loaded.settings.audit.log === 'store',
      })),
    ];
    conclude(shell, { data }, findings);
  },
});

async function examineAws(options: OpensOptions, shell: Shell): Promise<void> {
  const { checkAws } = await import('./doctor-aws.ts');
  const { facts, findings } = await checkAws(options, shell);
  conclude(shell, facts, findings);
}

function refuseAwsWords(what: string | undefined, options: OpensOptions): void {
  if (what !== undefined) throw usageError('doctor', 'WHAT is aws, or left out');
  for (const name of ['role', 'path', 'region', 'server-id'] as const)
    if (options[name] !== undefined) throw usageError('doctor', `--${name} goes with \`doctor aws\``);
}

/** Throws where something is wrong. */
function conclude(shell: Shell, facts: JsonObject, findings: readonly Finding[]): void {
  printFindings(shell.ui, { version, node: process.versions.node, ...facts }, findings);
  const { fail: wrong } = countLevels(findings);
  if (wrong === 0) return;
  throw new CofferError('unavailable', `${wrong} ${wrong === 1 ? 'thing is' : 'things are'} wrong`);
}

/** Beside a safe that is a table there is a server only where somebody names one. */
async function checkWhereSecretsAre(options: ConnectionOptions, shell: Shell): Promise<readonly Finding[]> {
  const table = safeTable(shell, options);
  if (table === undefined) return checkRemote(options, shell);
  const { checkTable } = await import('../cli/doctor/table-checks.ts');
  const findings = await checkTable(table, { env: shell.env, now: () => systemClock.now() });
  const named = options.address ?? variable(shell.env, 'COFFER_ADDR') ?? variable(shell.env, 'VAULT_ADDR');
  if (named === undefined) return findings;
  const remote = await checkRemote(options, shell);
  // Who has an address in the environment for other days has nothing wrong: the table needs no server.
  const spare = options.address === undefined ? remote.map(unlessAbsent) : remote;
  return [...spare, ...findings];
}

function unlessAbsent(finding: Finding): Finding {
  const { check, level, message } = finding;
  if (check !== 'server' || level !== 'fail') return finding;
  const advice =
    'secrets are in the table, which needs none: unset COFFER_ADDR and VAULT_ADDR if there is none';
  return warn(check, message, advice);
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
