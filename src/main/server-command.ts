/** `coffer server`. */
import { resolve } from 'node:path';
import { isatty } from 'node:tty';
import { defineCommand } from '../cli/command.ts';
import type { Shell } from '../cli/shell.ts';
import { LiveValue } from '../config/live.ts';
import type { Loaded } from '../config/load.ts';
import type { LimitSettings, LogSettings, Settings } from '../config/settings.ts';
import { CofferError } from '../errors.ts';
import { type LevelledLogger, type Logger, openLogger } from '../log.ts';
import type { NodeTelemetry } from '../telemetry/telemetry.ts';
import { mountTypesFor } from './catalog.ts';
import { openConfiguredSeals, sealProblems } from './configured-seals.ts';
import { firstSteps, welcome } from './first-start.ts';
import { guardMemory, guardProcess, refuseInspector } from './process-guard.ts';
import { devicePlaces, logControl, sanitizedConfiguration } from './program-facts.ts';
import { reloader } from './reload.ts';
import { type Server, startDataServer, startDevServer } from './server.ts';
import { checkServer, refuseWith } from './server-check.ts';
import { certificateProblems, type Flags, loadServerSettings, settingOptions } from './server-settings.ts';
import { openServerTelemetry } from './server-telemetry.ts';
import { storagePlace, storageProblems } from './storage-place.ts';

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
} as const;

/** The options that are no settings. */
export interface Actions {
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
  readonly loaded: Loaded;
  readonly limits: LiveValue<LimitSettings>;
  readonly log: LevelledLogger;
  readonly telemetry: NodeTelemetry;
  readonly reloading: Reloading;
}

/** Known once the server serves. */
interface Reloading {
  reload: (() => void) | undefined;
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
    'The store is in the data directory unless --storage names another place; the audit log always is. A password of a storage ' +
      'goes into COFFER_STORAGE or the configuration file, or into PGPASSFILE or PGPASSWORD for PostgreSQL.',
    'Every setting can be in the file of --config, in the environment, or on the command line; a flag wins over a variable, and ' +
      'that over the file. The variable of --log-level is COFFER_LOG_LEVEL, and so on. What is said of listeners here is for all ' +
      'of them.',
    'Stops on SIGTERM or Ctrl-C, letting running requests end. On SIGHUP it reads certificates, log level and limits again.',
  ],
  examples: [
    'coffer server --dev',
    'coffer server --data /srv/coffer --listen 127.0.0.1:8200 --init',
    'coffer server --config /etc/coffer/coffer.toml --check',
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
  const loaded = load();
  if (given['check'] === true) {
    checkServer(loaded, dataDirectory(loaded, shell), shell);
    return;
  }
  const problems =
    loaded.problems.length > 0
      ? loaded.problems
      : [...certificateProblems(loaded), ...storageProblems(loaded), ...sealProblems(loaded)];
  if (problems.length > 0) refuseWith(problems, shell);
  refuseInspector();
  const hangup = new Hangup();
  const log = logger(shell, loaded.settings.log);
  guardMemory(log);
  const limits = new LiveValue(loaded.settings.limits);
  const directory = given.dev ? undefined : dataDirectory(loaded, shell);
  const telemetry = await openServerTelemetry(loaded.settings.telemetry, directory, log);
  const reloading: Reloading = { reload: undefined, settings: loaded.settings };
  const start: Start = { given, shell, loaded, limits, log, telemetry, reloading };
  const { server, words } = given.dev ? await dev(start) : await data(start);
  const onReload = (settings: Settings) => {
    reloading.settings = settings;
  };
  const reload = reloader({ server, limits, log, started: loaded, load, onReload });
  reloading.reload = reload;
  // Who reads that it serves may send a signal at once.
  const stopped = untilStopped(server, log, hangup, reload);
  given.onServing?.();
  shell.ui.text(words);
  await stopped;
}

function dataDirectory({ settings }: Loaded, shell: Shell): string {
  return settings.data ?? resolve(shell.places.data);
}

function logger(shell: Shell, { level, format }: LogSettings): LevelledLogger {
  return openLogger({
    level,
    terminal: format === 'auto' ? shell.stderr.isTTY === true : format === 'text',
    write: (line) => void shell.stderr.write(line),
  });
}

async function dev(start: Start): Promise<Serving> {
  const { given, loaded, limits, log, telemetry } = start;
  if (
    given['data'] !== undefined ||
    given['storage'] !== undefined ||
    given.init ||
    given['init-by-api'] ||
    given['keyfile'] !== undefined ||
    given['seal'] !== undefined
  ) {
    throw new CofferError(
      'usage',
      '--dev keeps everything in memory: it goes without --data, --storage, --init, --keyfile and --seal',
    );
  }
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

const emptyNote = 'There is no store yet: `coffer operator init` makes one.\n';
const waitingNote =
  'The store is sealed: its key is elsewhere and does not open it now. It is asked again until it does; the log says why.\n';
const sealedNote = 'The store is sealed: `coffer operator unseal` opens it.\n';

async function data(start: Start): Promise<Serving> {
  const { given, shell, loaded, limits, log, telemetry } = start;
  if (given['dev-root-token-id'] !== undefined) {
    throw new CofferError('usage', '--dev-root-token-id goes with --dev');
  }
  const { settings } = loaded;
  const atTerminal = shell.stdin.isTTY === true && shell.stdout.isTTY === true;
  const standard = settings.data === undefined && settings.storage === undefined;
  const makes = given.init || (standard && atTerminal);
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
    places: shell.places,
    log,
    telemetry,
    ...facts(start, directory, place.kind),
    init: given['init-by-api'] ? 'api' : makes ? 'store' : 'never',
    keyfile: settings.keyfile,
    seals: openConfiguredSeals(settings.seals, shell.env),
    rootTokenFile: given['root-token-file'] === undefined ? undefined : resolve(given['root-token-file']),
    logIn: standard,
    onMade: (made) => {
      isNew = true;
      shell.ui.text(welcome(made, place.name));
    },
  });
  const addresses = server.listeners.addresses.join(', ');
  const { initialized, sealed, waiting } = await server.node.state.status();
  const serving = isNew ? firstSteps(addresses) : `Serving ${place.name} on ${addresses}\n`;
  return {
    server,
    words:
      serving +
      (initialized ? (sealed ? (waiting === undefined ? sealedNote : waitingNote) : '') : emptyNote),
  };
}

/** What the server tells of itself; `directory` is the data directory, where there is one. */
function facts({ loaded, log, reloading, shell }: Start, directory: string | undefined, storage: string) {
  return {
    devicePlaces: devicePlaces(loaded.settings.audit, directory),
    types: mountTypesFor({ ...loaded.settings.aws, env: shell.env }),
    program: {
      logs: logControl(log, () => reloading.settings.log.level),
      configuration: () => sanitizedConfiguration(reloading.settings, storage),
      reload: () => reloading.reload,
    },
  };
}

/** SIGHUP from the first moment on: one that comes before the server serves would end the process otherwise, and has to wait. */
class Hangup {
  readonly #atTerminal = isatty(0);
  #waiting = false;
  #act: ((terminalGone: boolean) => void) | undefined;

  constructor() {
    process.on('SIGHUP', () => {
      if (this.#act === undefined) this.#waiting = true;
      else this.#act(this.#terminalGone);
    });
  }

  /** @param act is told whether the terminal is gone that the server was started at */
  use(act: (terminalGone: boolean) => void): void {
    this.#act = act;
    if (this.#waiting) act(this.#terminalGone);
  }

  get #terminalGone(): boolean {
    return this.#atTerminal && !isatty(0);
  }
}

/** Resolves once the server has stopped in order. A second signal ends it at once. */
function untilStopped(server: Server, log: Logger, hangup: Hangup, reload: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.off(signal, stop);
      log.info('stopping');
      server.close().then(resolve, reject);
    };
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop);
    hangup.use((terminalGone) => {
      if (terminalGone) stop();
      else reload();
    });
  });
}
