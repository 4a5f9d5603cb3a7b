/** `coffer server`. */
import { resolve } from 'node:path';
import { defineCommand, type OptionValues } from '../cli/command.ts';
import { type Shell, variable } from '../cli/shell.ts';
import { CofferError } from '../errors.ts';
import { type Logger, type LogLevel, logLevels, openLogger } from '../log.ts';
import { firstSteps, welcome } from './first-start.ts';
import { defaultListen, isLoopback, parseListenAddress, shownAddress } from './listen-address.ts';
import { type Server, startDataServer, startDevServer } from './server.ts';

const options = {
  dev: { type: 'flag', help: 'keep everything in memory, unsealed; for trying things out' },
  'dev-root-token-id': { type: 'text', value: 'TOKEN', help: 'root token of --dev' },
  'dev-listen-address': { type: 'text', value: 'HOST:PORT', help: 'the same as --listen' },
  data: {
    type: 'text',
    value: 'DIR',
    help: 'data directory (COFFER_DATA; ~/.local/share/coffer)',
  },
  listen: {
    type: 'text',
    value: 'HOST:PORT',
    help: 'address to serve on (COFFER_LISTEN; 127.0.0.1:8200)',
  },
  init: { type: 'flag', help: 'make a store where there is none' },
  'init-by-api': {
    type: 'flag',
    help: 'where there is none, wait for `coffer operator init` (or --init=api)',
  },
  keyfile: { type: 'text', value: 'FILE', help: 'keyfile of the store, or where to put a new one' },
  'root-token-file': { type: 'text', value: 'FILE', help: 'where to put the root token of a new store' },
  'tls-disable': { type: 'flag', help: 'serve without TLS although the address is not loopback' },
  'log-level': {
    type: 'text',
    value: 'LEVEL',
    choices: logLevels,
    help: 'debug, info (the default), warn or error',
  },
} as const;

type ServerOptions = OptionValues<typeof options>;

export const command = defineCommand({
  summary: 'Run the server',
  operands: {},
  options,
  details: [
    'Serves a data directory, by default ~/.local/share/coffer. A new store is made when asked for with --init, or at a ' +
      'terminal in the default place; its keyfile and root token go to ~/.config/coffer.',
    'Stops on SIGTERM or Ctrl-C, letting running requests end.',
  ],
  examples: ['coffer server --dev', 'coffer server --data /srv/coffer --listen 127.0.0.1:8200 --init'],
  async run({ options: given }, shell) {
    process.umask(0o077);
    // A listener keeps Node from opening its inspector on this signal.
    process.on('SIGUSR1', () => {});
    const log = logger(shell, (given['log-level'] ?? 'info') as LogLevel);
    const server = given.dev ? await dev(given, shell, log) : await data(given, shell, log);
    await untilStopped(server, log);
  },
});

function logger(shell: Shell, level: LogLevel): Logger {
  return openLogger({
    level,
    terminal: shell.stderr.isTTY === true,
    write: (line) => void shell.stderr.write(line),
  });
}

function listenAddress(given: ServerOptions, env: Shell['env']): ReturnType<typeof parseListenAddress> {
  const text = given.listen ?? given['dev-listen-address'] ?? variable(env, 'COFFER_LISTEN');
  const address = text === undefined ? defaultListen : parseListenAddress(text);
  if (!isLoopback(address.host) && !given['tls-disable']) {
    throw new CofferError(
      'usage',
      `${shownAddress(address)} is not a loopback address, and this server has no TLS yet: listen on 127.0.0.1 behind a ` +
        'proxy that has it, or say --tls-disable',
    );
  }
  return address;
}

async function dev(given: ServerOptions, shell: Shell, log: Logger): Promise<Server> {
  if (given.data !== undefined || given.init || given['init-by-api'] || given.keyfile !== undefined) {
    throw new CofferError(
      'usage',
      '--dev keeps everything in memory: it goes without --data, --init and --keyfile',
    );
  }
  const server = await startDevServer({
    listen: listenAddress(given, shell.env),
    rootToken: given['dev-root-token-id'],
    log,
  });
  const address = `http://${shownAddress(server.listener.address)}`;
  shell.ui.text(`
Development mode: everything is in memory and ends with this process. Not for
anything that matters.

    $ export VAULT_ADDR='${address}'

Unseal Key: ${server.unsealKey}
Root Token: ${server.rootToken}

Serving on ${address}
`);
  return server;
}

const emptyNote = 'There is no store yet: `coffer operator init` makes one.\n';
const sealedNote = 'The store is sealed: `coffer operator unseal` opens it.\n';

async function data(given: ServerOptions, shell: Shell, log: Logger): Promise<Server> {
  if (given['dev-root-token-id'] !== undefined) {
    throw new CofferError('usage', '--dev-root-token-id goes with --dev');
  }
  const chosen = given.data ?? variable(shell.env, 'COFFER_DATA');
  const atTerminal = shell.stdin.isTTY === true && shell.stdout.isTTY === true;
  const makes = given.init || (chosen === undefined && atTerminal);
  const directory = resolve(chosen ?? shell.places.data);
  let isNew = false;
  const server = await startDataServer({
    data: directory,
    listen: listenAddress(given, shell.env),
    places: shell.places,
    log,
    init: given['init-by-api'] ? 'api' : makes ? 'store' : 'never',
    keyfile: given.keyfile === undefined ? undefined : resolve(given.keyfile),
    rootTokenFile: given['root-token-file'] === undefined ? undefined : resolve(given['root-token-file']),
    logIn: chosen === undefined,
    onMade: (made) => {
      isNew = true;
      shell.ui.text(welcome(made, directory));
    },
  });
  const address = `http://${shownAddress(server.listener.address)}`;
  const { initialized, sealed } = await server.node.state.status();
  const serving = isNew ? firstSteps(address) : `Serving ${directory} on ${address}\n`;
  shell.ui.text(serving + (initialized ? (sealed ? sealedNote : '') : emptyNote));
  return server;
}

/** Resolves once the server has stopped in order. A second signal ends it at once. */
function untilStopped(server: Server, log: Logger): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.off(signal, stop);
      log.info('stopping');
      server.close().then(resolve, reject);
    };
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop);
  });
}
