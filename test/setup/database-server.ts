/**
 * Servers of databases for tests: the machine's own programs in a temporary directory, as a user without rights, one of each kind
 * for a whole run. They end with the run, however it ends.
 */

import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';
import { freePort } from './free-port.ts';
import { installDebian } from './tools.ts';

export type ServerKind = 'postgresql' | 'mariadb';

export interface DatabaseServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly pid: number;
}

const user = 'coffer_tests';
const password = 'of-a-server-for-tests';
/** The user "nobody" of Debian: the servers refuse to run as root. */
const nobody = 65_534;
const patience = 120_000;
const pause = () => new Promise((resolve) => setTimeout(resolve, 50));

interface Kind {
  /** Folders of its programs, the newest last. */
  folders(): readonly string[];
  readonly program: string;
  readonly packageName: string;
  /** Prepares an empty directory; answers the command that serves it. */
  prepare(folder: string, directory: string, port: number): readonly string[];
}

const kinds: Readonly<Record<ServerKind, Kind>> = {
  postgresql: {
    program: 'postgres',
    packageName: 'postgresql',
    folders() {
      const root = '/usr/lib/postgresql';
      const versions = existsSync(root) ? readdirSync(root) : [];
      return [
        ...pathFolders(),
        ...versions.toSorted((a, b) => Number(a) - Number(b)).map((one) => join(root, one, 'bin')),
      ];
    },
    prepare(folder, directory, port) {
      const secret = join(directory, 'password');
      writeFileSync(secret, password);
      const data = join(directory, 'data');
      const words = [
        '-D',
        data,
        '-U',
        user,
        '--auth=scram-sha-256',
        `--pwfile=${secret}`,
        '--no-sync',
        '-E',
        'UTF8',
      ];
      run(join(folder, 'initdb'), [...words, '--locale=C'], directory);
      const options = [
        'fsync=off',
        'listen_addresses=127.0.0.1',
        `port=${port}`,
        `unix_socket_directories=${directory}`,
      ];
      const more = ['max_connections=150', 'shared_buffers=16MB', 'log_min_messages=fatal'];
      return [
        join(folder, 'postgres'),
        '-D',
        data,
        ...[...options, ...more].flatMap((option) => ['-c', option]),
      ];
    },
  },
  mariadb: {
    program: 'mariadbd',
    packageName: 'mariadb-server',
    folders: () => [...pathFolders(), '/usr/sbin'],
    prepare(folder, directory, port) {
      const data = join(directory, 'data');
      const script = ['/usr/bin', folder, ...pathFolders()]
        .map((place) => join(place, 'mariadb-install-db'))
        .find((path) => existsSync(path));
      run(
        script ?? 'mariadb-install-db',
        ['--no-defaults', `--datadir=${data}`, '--skip-test-db', '--skip-name-resolve'],
        directory,
      );
      const first = join(directory, 'first.sql');
      const grant = `GRANT ALL PRIVILEGES ON *.* TO '${user}'@'%' IDENTIFIED BY '${password}' WITH GRANT OPTION;\n`;
      writeFileSync(first, grant);
      const place = [
        `--datadir=${data}`,
        `--port=${port}`,
        '--bind-address=127.0.0.1',
        `--socket=${join(directory, 's')}`,
      ];
      const fast = [
        '--innodb-flush-log-at-trx-commit=0',
        '--innodb-buffer-pool-size=32M',
        '--skip-name-resolve',
      ];
      return [join(folder, 'mariadbd'), '--no-defaults', ...place, ...fast, `--init-file=${first}`];
    },
  },
};

/** Where the programs of a kind are; undefined where they are not installed. */
export function programFolder(kind: ServerKind): string | undefined {
  const { program, folders } = kinds[kind];
  return folders().findLast((folder) => existsSync(join(folder, program)));
}

/**
 * The run's server of a kind, started if it does not run yet. Undefined where there is none to be had, with a line that says how
 * to get it; under `CI=true` that is a failure.
 */
export async function databaseServer(kind: ServerKind): Promise<DatabaseServer | undefined> {
  const { directory } = inject('databaseRun');
  const word = join(directory, `${kind}.json`);
  if (claim(join(directory, `${kind}.lock`))) await start(kind, directory, word);
  for (const end = Date.now() + patience; !existsSync(word); await pause()) {
    if (Date.now() > end) throw new Error(`no test could start ${kind}; see ${directory}`);
  }
  const told = JSON.parse(readFileSync(word, 'utf8')) as DatabaseServer | { readonly missing: string };
  if (!('missing' in told)) return told;
  if (process.env['CI'] === 'true') throw new Error(told.missing);
  process.stderr.write(`${told.missing}\n`);
  return undefined;
}

function claim(lock: string): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch {
    return false;
  }
}

async function start(kind: ServerKind, root: string, word: string): Promise<void> {
  const { packageName, prepare } = kinds[kind];
  if (programFolder(kind) === undefined)
    installDebian(packageName, (line) => process.stderr.write(`${line}\n`));
  const folder = programFolder(kind);
  if (folder === undefined) {
    const missing = `tests that need ${kind} do not run; to change that, install it, such as with: apt-get install --no-install-recommends ${packageName}`;
    return tell(word, { missing });
  }
  const directory = join(root, kind);
  mkdirSync(directory);
  // The server's user has to come through; what is in it is for that user alone.
  chmodSync(root, 0o711);
  if (isRoot()) chownSync(directory, nobody, nobody);
  const port = await freePort();
  const [command = '', ...words] = prepare(folder, directory, port);
  const log = openSync(join(directory, 'log'), 'w');
  const child = spawn(command, words, {
    cwd: directory,
    detached: true,
    stdio: ['ignore', log, log],
    ...rights(),
  });
  closeSync(log);
  child.unref();
  const pid = child.pid ?? 0;
  endWithRun(pid, inject('databaseRun').pid, root);
  const server: DatabaseServer = { host: '127.0.0.1', port, user, password, pid };
  await answers(kind, server, join(directory, 'log'));
  tell(word, server);
}

/** Whole at once: others look for it all the time. */
function tell(word: string, told: object): void {
  writeFileSync(`${word}.new`, JSON.stringify(told));
  renameSync(`${word}.new`, word);
}

/** A shell that waits for the run's end, and then ends the server and takes its files away. */
function endWithRun(pid: number, runPid: number, root: string): void {
  const script =
    'while kill -0 "$1"; do sleep 1; done; kill -QUIT "$2"; while kill -0 "$2"; do sleep 1; done; rm -rf "$3"';
  const words = ['-c', script, 'sh', String(runPid), String(pid), root];
  spawn('sh', words, { detached: true, stdio: 'ignore' }).unref();
}

async function answers(kind: ServerKind, server: DatabaseServer, log: string): Promise<void> {
  for (const end = Date.now() + patience; ; await pause()) {
    try {
      await login(kind, server);
      return;
    } catch {
      if (Date.now() > end)
        throw new Error(`${kind} does not answer:\n${readFileSync(log, 'utf8').slice(-2_000)}`);
    }
  }
}

async function login(kind: ServerKind, server: DatabaseServer): Promise<void> {
  const { host, port } = server;
  if (kind === 'postgresql') {
    const { Client } = await import('pg');
    const client = new Client({ host, port, user, password, database: 'postgres' });
    await client.connect();
    await client.end();
    return;
  }
  const { createConnection } = await import('mysql2/promise');
  const connection = await createConnection({ host, port, user, password });
  await connection.end();
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

function rights(): { readonly uid?: number; readonly gid?: number } {
  return isRoot() ? { uid: nobody, gid: nobody } : {};
}

function run(command: string, words: readonly string[], directory: string): void {
  const done = spawnSync(command, words, {
    cwd: directory,
    encoding: 'utf8',
    timeout: patience,
    ...rights(),
  });
  if (done.status !== 0) throw new Error(`${command} failed: ${done.stdout}${done.stderr}`);
}

function pathFolders(): readonly string[] {
  return (process.env['PATH'] ?? '').split(':').filter((folder) => folder !== '');
}
