/** `coffer vault server`: the server, started in the old program's words. Its flags are read by the room of `coffer vault`. */
import { chmodSync, readFileSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { defineCommand } from '../cli/command.ts';
import { systemReason, writePrivateFile } from '../cli/private-file.ts';
import { type Shell, variable } from '../cli/shell.ts';
import { type Loaded, loadRead } from '../config/load.ts';
import { asCofferError, CofferError } from '../errors.ts';
import { type Actions, serveUntilStopped } from './server-command.ts';
import { type Flags, loadServerSettings } from './server-settings.ts';
import { readVaultConfig } from './vault-config.ts';
import { levelOf, logFormatOf } from './vault-keys.ts';

const text = { type: 'text', help: '' } as const;
const flag = { type: 'flag', help: '' } as const;

export const command = defineCommand({
  summary: 'Run a server, in the words of the old program',
  operands: {},
  options: {
    dev: flag,
    'dev-root-token-id': text,
    'dev-listen-address': text,
    'dev-no-store-token': flag,
    config: { type: 'list', help: '' },
    'log-level': text,
    'log-format': text,
  },
  async run({ options }, shell) {
    const { config, dev } = options;
    if (dev && config.length > 0)
      throw new CofferError('usage', '-dev takes no -config here: it keeps everything in memory');
    if (!dev && config.length === 0)
      throw new CofferError('usage', 'Must specify at least one config path using -config, or -dev');
    const env = (name: string) => variable(shell.env, name);
    const level = options['log-level'] ?? env('VAULT_LOG_LEVEL');
    const format = options['log-format'] ?? env('VAULT_LOG_FORMAT');
    const flags: Flags = {
      ...(level === undefined ? {} : { 'log-level': String(levelOf(level)) }),
      ...(format === undefined ? {} : { 'log-format': String(logFormatOf(format)) }),
    };
    let pidFile: string | undefined;
    let kept: Disposable | undefined;
    const actions: Actions = {
      dev,
      'dev-root-token-id': options['dev-root-token-id'] ?? env('VAULT_DEV_ROOT_TOKEN_ID'),
      init: false,
      // A store is made by `operator init`, as there.
      'init-by-api': !dev,
      'root-token-file': undefined,
      onServing: () => {
        if (pidFile !== undefined) kept = keepProcessId(shell, pidFile);
      },
      ...(options['dev-no-store-token'] ? {} : { onDevToken: (token) => keepToken(shell, token) }),
    };
    const listen = options['dev-listen-address'] ?? env('VAULT_DEV_LISTEN_ADDRESS');
    const ofDev = { ...flags, ...(listen === undefined ? {} : { listen: [listen] }) };
    let told = false;
    const load = (): Loaded => {
      if (dev) return loadServerSettings(ofDev, shell);
      const read = readVaultConfig(config);
      // Once: at a SIGHUP they are known.
      if (!told) for (const note of read.notes) shell.ui.talk(note);
      told = true;
      pidFile = read.pidFile;
      return loadRead(read, { flags, env: shell.env, directory: resolve('.') });
    };
    const given = { ...actions, ...(dev ? ofDev : flags) } as unknown as Actions & Flags;
    try {
      await serveUntilStopped(given, shell, load);
    } finally {
      kept?.[Symbol.dispose]();
    }
  },
});

/** So that the next command is logged in, as with the old program's `-dev`. */
function keepToken(shell: Shell, token: string): void {
  writePrivateFile(shell.places.vaultTokenFile, token);
}

/**
 * Written only by a server that serves, so that a start that fails leaves the file of the one that runs. What cannot be written is
 * said, and the server goes on: it has begun to answer. Disposing removes the file while it is still this process's.
 */
function keepProcessId(shell: Shell, path: string): Disposable | undefined {
  const text = `${process.pid}\n`;
  try {
    writePrivateFile(path, text);
    // A number that every `ps` shows, for whoever sends signals.
    chmodSync(path, 0o644);
  } catch (error) {
    shell.ui.warn(`pid_file: ${asCofferError(error).message}`);
    return undefined;
  }
  return {
    [Symbol.dispose]: () => {
      try {
        if (readFileSync(path, 'utf8') === text) rmSync(path);
      } catch (error) {
        shell.ui.warn(`pid_file: cannot remove ${path}: ${systemReason(error)}`);
      }
    },
  };
}
