/** `coffer server`. */
import { resolve } from 'node:path';
import { defineCommand } from '../cli/command.ts';
import type { Shell } from '../cli/shell.ts';
import { systemClock } from '../clock.ts';
import { LiveValue } from '../config/live.ts';
import type { Loaded } from '../config/load.ts';
import type { LimitSettings, LogSettings, Settings } from '../config/settings.ts';
import { systemRandom } from '../crypto/random.ts';
import { CofferError } from '../errors.ts';
import { type LevelledLogger, type LogFields, openLogger } from '../log.ts';
import type { NodeTelemetry } from '../telemetry/telemetry.ts';
import { type HomeWords, homeOptions, homeSettings, refuseHomeWords } from './aws-home/start.ts';
import { mountTypesFor } from './catalog.ts';
import { openConfiguredSeals } from './configured-seals.ts';
import { deliveryPlaces, ownDirectory } from './delivery-places.ts';
import { type DssssWords, dssssHome, dssssOptions, refuseDssssWords } from './dssss-home/start.ts';
import { welcome } from './first-start.ts';
import { notifierKinds } from './notifiers.ts';
import { guardMemory, guardProcess, refuseInspector } from './process-guard.ts';
import { devicePlaces, logControl, sanitizedConfiguration } from './program-facts.ts';
import { refuseWith } from './refuse-with.ts';
import { type Reloaded, reloader } from './reload.ts';
import { type Server, startDataServer, startDevServer } from './server.ts';
import { checkServer, settingProblems } from './server-check.ts';
import { type Flags, loadServerSettings, settingOptions } from './server-settings.ts';
import { openServerTelemetry } from './server-telemetry.ts';
import { servingWords } from './serving-words.ts';
import { Hangup, untilStopped } from './signals.ts';
import { storagePlace } from './storage-place.ts';
import type { Company } from './workers/company.ts';
import type { WorkerReady, WorkerStart } from './workers/protocol.ts';
import { workerMark } from './workers/worker-mark.ts';

const actions = {
  config: { type: 'text', value: 'FILE', help: 'configuration file, TOML or JSON (COFFER_CONFIG)' },
  check: { type: 'flag', help: 'check the configuration, say what would be served, and stop' },
  dev: { type: 'flag', help: 'keep everything in memory, unsealed; for trying things out' },
  'dev-root-token-id': { type: 'text', value: 'TOKEN', help: 'root token of --dev' },
  'dev-listen-address': { type: 'text', value: 'HOST:PORT', help: 'the same as --listen' },
  init: { type: 'flag', help: 'make a store where there is none' },
  'init-by-api': {
    type: 'flag',
    help: 'where there is none, wait for `coffer operator init` (or --init=api)',
  },
  'root-token-file': { type: 'text', value: 'FILE', help: 'where to put the root token of a new store' },
  ...homeOptions,
  ...dssssOptions,
} as const;

/** The options that are no settings. */
export interface Actions extends Pick<HomeWords, 'aws' | 'name' | 'distinguished' | 'dry-run'>, DssssWords {
  readonly dev: boolean;
  readonly 'dev-root-token-id': string | undefined;
  readonly init: boolean;
  readonly 'init-by-api': boolean;
  readonly 'root-token-file': string | undefined;
  /** Told the root token of `--dev`, before its server says that it serves. */
  readonly onDevToken?: (rootToken: string) => void;
  /** Told when the server serves, before that is said. */
  readonly onServing?: () => void;
}

/** One start: its settings, and what of them may change. */
interface Start {
  readonly given: Actions & Flags;
  readonly shell: Shell;
  readonly loaded: Reloaded;
  readonly limits: LiveValue<LimitSettings>;
  readonly log: LevelledLogger;
  readonly telemetry: NodeTelemetry;
  readonly reloading: Reloading;
  /** Of a worker. */
  readonly company?: Company | undefined;
}

/** Known once the server serves. */
interface Reloading {
  reload: (() => void | Promise<void>) | undefined;
  /** As read last. */
  settings: Settings;
}

/** A server, and what is said of it once signals can reach it. */
interface Serving {
  readonly server: Server;
  readonly words: string;
}

export const command = defineCommand({
  summary: 'Run the server',
  operands: {},
  options: { ...actions, ...settingOptions },
  details: [
    'Serves a data directory, by default ~/.local/share/coffer. A new store is made when asked for with --init, or at a ' +
      'terminal in the default place; its keyfile and root token go to ~/.config/coffer.',
    'The store is in the data directory unless --storage names another place, and so is the audit log, unless --audit-log ' +
      'says `store`. A password of a storage goes into COFFER_STORAGE or the configuration file, or into PGPASSFILE or PGPASSWORD for PostgreSQL; a token of Consul into CONSUL_HTTP_TOKEN or CONSUL_HTTP_TOKEN_FILE.',
    'With --aws a machine that may use KMS, DynamoDB and the Parameter Store needs no other setting: servers of one --name ' +
      'find the same store, and the first one makes it, without a root token (`coffer iam-policy server --aws` prints the rights).',
    'With --dssss clients of dssss are served at an address of their own, with all that they need there. Roles are of the server’s own account.',
    'Every setting can be in the file of --config, in the environment, or on the command line; a flag wins over a variable, and ' +
      'that over the file. The variable of --log-level is COFFER_LOG_LEVEL, and so on. What is said of listeners here is for all ' +
      'of them.',
    'Stops on SIGTERM or Ctrl-C, letting running requests end. On SIGHUP it reads certificates, log level and limits again.',
  ],
  examples: [
    'coffer server --dev',
    'coffer server --data /srv/coffer --listen 127.0.0.1:8200 --init',
    'coffer server --config /etc/coffer/coffer.toml --check',
    'coffer server --aws --name billing',
    'coffer server --dssss 127.0.0.1:8000 --distinguished deployer',
  ],
  async run({ options }, shell) {
    const given = options as unknown as Actions & Flags;
    await serveUntilStopped(given, shell, () => loadServerSettings(given, shell));
  },
});

/** @param load reads the settings: at the start, and again at each SIGHUP */
export async function serveUntilStopped(
  given: Actions & Flags,
  shell: Shell,
  load: () => Loaded,
): Promise<void> {
  guardProcess();
  if (shell.env[workerMark] === '1' && process.send !== undefined) return serveAsWorker(given, shell);
  const read = load();
  if (given['check'] === true) {
    checkServer(read, dataDirectory(read, shell), shell);
    return;
  }
  const problems = settingProblems(read);
  if (problems.length > 0) refuseWith(problems, shell);
  refuseInspector();
  refuseWords(given, read);
  refuseHomeWords(given, read);
  refuseDssssWords(given);
  if (given['dry-run'] === true) return (await import('./aws-home/dry-run.ts')).dryRun(given, read, shell);
  const hangup = new Hangup();
  const log = logger(shell, read.settings.log);
  guardMemory(log);
  const settle = await homeSettings(given, read, shell, dataDirectory(read, shell));
  const loaded = settle(read);
  const again = () => settle(load());
  if (loaded.settings.workers > 1) {
    const { serveWithWorkers } = await import('./workers/parent.ts');
    const init = initOf(given, loaded, shell);
    const onServing = (ready: WorkerReady) => {
      given.onServing?.();
      const words = servingWords(
        ready,
        storagePlace(loaded.settings.storage, dataDirectory(loaded, shell)).name,
      );
      shell.ui.text(`${words}${loaded.settings.workers} workers serve.\n`);
    };
    return serveWithWorkers({ loaded, load: again, log, hangup, init, onServing });
  }
  const start = await prepare(given, shell, loaded, log);
  const { server, words } = given.dev ? await dev(start) : await data(start, initOf(given, loaded, shell));
  using dssss = await dssssHome(given, server, { log, env: shell.env });
  const reload = reloaderOf(start, server, loaded, again);
  start.reloading.reload = reload;
  // Who reads that it serves may send a signal at once.
  const stopped = untilStopped(server, log, hangup, reload);
  given.onServing?.();
  shell.ui.text(words + (dssss?.words ?? ''));
  await stopped;
}

/** A worker is told by its parent what to serve, and what it cannot start for is said by the parent. */
async function serveAsWorker(given: Actions & Flags, shell: Shell): Promise<void> {
  refuseInspector();
  const { loadedOf, takeSeat, untilSentAway } = await import('./workers/worker.ts');
  const { companyOf } = await import('./workers/company.ts');
  const seat = await takeSeat();
  const { number } = seat.start;
  const loaded = loadedOf(seat.start);
  const log = logger(shell, loaded.settings.log, { worker: number });
  // What is the same for all is said by one.
  const spokesman = number === 1 ? log : onlyErrors(log);
  try {
    guardMemory(spokesman);
    const company = companyOf(seat, log, systemClock, systemRandom);
    const start = { ...(await prepare(given, shell, loaded, log, company)), company };
    company.showMetrics(start.telemetry);
    const { server, ready } = await data(start, seat.start.init);
    let latest: Reloaded = loaded;
    using _ = number === 1 ? await dssssHome(given, server, { log, env: shell.env }) : undefined;
    const reload = reloaderOf({ ...start, log: spokesman }, server, loaded, () => latest);
    seat.hear('reloaded', (sent) => {
      if (sent !== null) latest = loadedOf(sent);
      reload();
    });
    start.reloading.reload = async () => void (await seat.line.ask('reload', null));
    const ended = untilSentAway(seat, () => server.close());
    seat.ready(ready);
    await ended;
    seat.leave();
  } catch (error) {
    await seat.fail(error);
    shell.endWith(1);
  }
}

function onlyErrors(log: LevelledLogger): LevelledLogger {
  const silent = () => {};
  return {
    level: log.level,
    debug: silent,
    info: silent,
    warn: silent,
    error: (message, fields) => log.error(message, fields),
    setLevel: (level) => log.setLevel(level),
    levelOf: (component) => log.levelOf(component),
    setLevelOf: (component, level) => log.setLevelOf(component, level),
    isWanted: (level, component) => log.isWanted(level, component),
    watch: (level, listener) => log.watch(level, listener),
  };
}

async function prepare(
  given: Actions & Flags,
  shell: Shell,
  loaded: Reloaded,
  log: LevelledLogger,
  company?: Company,
): Promise<Start> {
  const directory = given.dev ? undefined : dataDirectory(loaded, shell);
  return {
    given,
    shell,
    loaded,
    log,
    limits: new LiveValue(loaded.settings.limits),
    telemetry: await openServerTelemetry(loaded.settings.telemetry, directory, log, company?.metrics),
    reloading: { reload: undefined, settings: loaded.settings },
  };
}

function reloaderOf(
  { limits, log, reloading }: Start,
  server: Server,
  started: Reloaded,
  load: () => Reloaded,
): () => void {
  const onReload = (settings: Settings) => {
    reloading.settings = settings;
  };
  return reloader({ server, limits, log, started, load, onReload });
}

/** Throws `usage` for words that do not go together. */
function refuseWords(given: Actions & Flags, { settings }: Loaded): void {
  if (settings.workers > 1 && (given.dev || !storagePlace(settings.storage, '/').lasting)) {
    throw new CofferError(
      'usage',
      'a store in memory is in that of one process: it goes without workers (--workers 1)',
    );
  }
  if (!given.dev) {
    if (given['dev-root-token-id'] === undefined) return;
    throw new CofferError('usage', '--dev-root-token-id goes with --dev');
  }
  const others = ['data', 'storage', 'keyfile', 'seal'].some((name) => given[name] !== undefined);
  if (others || given.init || given['init-by-api']) {
    throw new CofferError(
      'usage',
      '--dev keeps everything in memory: it goes without --data, --storage, --init, --keyfile and --seal',
    );
  }
}

function initOf(given: Actions, { settings }: Loaded, shell: Shell): WorkerStart['init'] {
  if (given['init-by-api']) return 'api';
  const atTerminal = shell.stdin.isTTY === true && shell.stdout.isTTY === true;
  return given.init || (isStandard(settings) && atTerminal) ? 'store' : 'never';
}

/** The place that a person has who names none. */
function isStandard({ data, storage }: Settings): boolean {
  return data === undefined && storage === undefined;
}

function dataDirectory({ settings }: Pick<Loaded, 'settings'>, shell: Shell): string {
  return settings.data ?? resolve(shell.places.data);
}

function logger(shell: Shell, { level, format }: LogSettings, fields?: LogFields): LevelledLogger {
  return openLogger({
    level,
    fields,
    terminal: format === 'auto' ? shell.stderr.isTTY === true : format === 'text',
    write: (line) => void shell.stderr.write(line),
  });
}

async function dev(start: Start): Promise<Serving> {
  const { given, loaded, limits, log, telemetry } = start;
  const server = await startDevServer({
    listeners: loaded.settings.listeners,
    leases: loaded.settings.leases,
    apiAddress: loaded.settings.apiAddress,
    limits,
    rootToken: given['dev-root-token-id'],
    log,
    telemetry,
    ...facts(start, undefined, 'memory'),
  });
  given.onDevToken?.(server.rootToken);
  const { addresses } = server.listeners;
  const words = `
Development mode: everything is in memory and ends with this process. Not for
anything that matters.

    $ export VAULT_ADDR='${addresses[0]}'

Unseal Key: ${server.unsealKey}
Root Token: ${server.rootToken}

Serving on ${addresses.join(', ')}
`;
  return { server, words };
}

async function data(
  start: Start,
  init: WorkerStart['init'],
): Promise<Serving & { readonly ready: WorkerReady }> {
  const { given, shell, loaded, limits, log, telemetry, company } = start;
  const { settings } = loaded;
  const standard = isStandard(settings);
  const directory = dataDirectory(loaded, shell);
  const place = storagePlace(settings.storage, directory);
  let isNew = false;
  const server = await startDataServer({
    data: directory,
    storage: place,
    env: shell.env,
    listeners: settings.listeners,
    leases: settings.leases,
    apiAddress: settings.apiAddress,
    limits,
    backup: settings.backup,
    audit: settings.audit,
    places: shell.places,
    log,
    telemetry,
    ...facts(start, directory, place.kind),
    companions: company?.companions,
    init,
    keyfile: settings.keyfile,
    seals: openConfiguredSeals(settings.seals, shell.env),
    rootTokenFile: given['root-token-file'] === undefined ? undefined : resolve(given['root-token-file']),
    logIn: standard,
    onMade: (made) => {
      isNew = true;
      shell.ui.text(welcome(made, place.name));
    },
  });
  const { initialized, sealed, waiting } = await server.node.state.status();
  const waits = waiting !== undefined;
  const ready = { addresses: server.listeners.addresses, isNew, initialized, sealed, waits };
  return { server, ready, words: servingWords(ready, place.name) };
}

/** What the server tells of itself; `directory` is the data directory, where there is one. */
function facts(
  { loaded, log, reloading, company, shell }: Start,
  directory: string | undefined,
  storage: string,
) {
  const logs = logControl(log, () => reloading.settings.log.level);
  return {
    devicePlaces: devicePlaces(loaded.settings.audit, directory),
    types: mountTypesFor(
      { ...loaded.settings.aws, env: shell.env },
      deliveryPlaces(() => reloading.settings.delivery, { own: ownDirectory(shell.places), data: directory }),
    ),
    notifiers: notifierKinds(loaded.settings, shell.env),
    program: {
      logs: company?.logs(logs) ?? logs,
      peers: company?.peers,
      configuration: () => sanitizedConfiguration(reloading.settings, storage),
      reload: () => reloading.reload,
    },
  };
}
