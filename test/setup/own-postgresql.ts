/** A PostgreSQL server of one test file, which may stop it, kill it and start it again. It ends with the test run, however that ends. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { appendFileSync, chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { databaseServer, programFolder } from './database-server.ts';
import { freePort } from './free-port.ts';

/** The user "nobody" of Debian: the server refuses to run as root. */
const nobody = 65_534;
const patience = 60_000;
const user = 'coffer_tests';
const password = 'of-a-server-for-tests';

export class OwnPostgresql {
  readonly directory: string;
  readonly port: number;
  readonly #folder: string;
  #child: ChildProcess | undefined;

  private constructor(folder: string, directory: string, port: number) {
    this.#folder = folder;
    this.directory = directory;
    this.port = port;
  }

  /** Undefined where PostgreSQL is not to be had. Not started yet. @param settings lines of postgresql.conf */
  static async make(settings: readonly string[] = []): Promise<OwnPostgresql | undefined> {
    // Installs it where that is possible, and says how where not.
    if ((await databaseServer('postgresql')) === undefined) return undefined;
    const folder = programFolder('postgresql') ?? '';
    const server = new OwnPostgresql(folder, ownDirectory(), await freePort());
    const secret = join(server.directory, 'password');
    writeFileSync(secret, password);
    const words = [
      '-U',
      user,
      '--auth=scram-sha-256',
      `--pwfile=${secret}`,
      '--no-sync',
      '-E',
      'UTF8',
      '--locale=C',
    ];
    server.#run('initdb', ['-D', server.data, ...words]);
    server.configure([
      'fsync=off',
      "listen_addresses='127.0.0.1'",
      `port=${server.port}`,
      `unix_socket_directories='${server.directory}'`,
      'shared_buffers=16MB',
      'wal_level=replica',
      ...settings,
    ]);
    return server;
  }

  get data(): string {
    return join(this.directory, 'data');
  }

  url(port = this.port, query = ''): string {
    return `postgres://${user}:${password}@127.0.0.1:${port}/postgres${query}`;
  }

  configure(settings: readonly string[]): void {
    appendFileSync(join(this.data, 'postgresql.conf'), `${settings.join('\n')}\n`);
  }

  /** A file beside the data, which the server's user may read. */
  place(name: string, text: string): string {
    const path = join(this.directory, name);
    writeFileSync(path, text);
    chmodSync(path, 0o600);
    if (isRoot()) chownSync(path, nobody, nobody);
    return path;
  }

  async start(): Promise<void> {
    const log = join(this.directory, 'log');
    const child = spawn(
      'sh',
      ['-c', `exec "$1" -D "$2" >> "$3" 2>&1`, 'sh', join(this.#folder, 'postgres'), this.data, log],
      {
        stdio: 'ignore',
        ...rights(),
      },
    );
    this.#child = child;
    endWithRun(child.pid ?? 0, inject('databaseRun').pid);
    for (const end = Date.now() + patience; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
      const ready = spawnSync(join(this.#folder, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(this.port)]);
      if (ready.status === 0) return;
      if (Date.now() > end) throw new Error(`PostgreSQL did not start; see ${log}`);
    }
  }

  /** `SIGQUIT` ends it as a crash would: connections break, and the next start recovers from its log. */
  async stop(signal: 'SIGINT' | 'SIGQUIT' = 'SIGINT'): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    await new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      child.kill(signal);
    });
  }

  /** Asks as its owner. */
  async sql(statement: string): Promise<readonly Record<string, unknown>[]> {
    const { Client } = await import('pg');
    const client = new Client({ connectionString: this.url() });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(statement)).rows;
    } finally {
      await client.end();
    }
  }

  /** A standby that follows this one, not started yet; this one has to run. */
  async standby(): Promise<OwnPostgresql> {
    const copy = new OwnPostgresql(this.#folder, ownDirectory(), await freePort());
    const from = `host=127.0.0.1 port=${this.port} user=${user} password=${password}`;
    this.#run('pg_basebackup', ['-D', copy.data, '-d', from, '-R', '-c', 'fast', '--no-sync']);
    copy.configure([`port=${copy.port}`, `unix_socket_directories='${copy.directory}'`]);
    return copy;
  }

  async promote(): Promise<void> {
    await this.sql('SELECT pg_promote(true, 60)');
  }

  async dispose(): Promise<void> {
    await this.stop('SIGQUIT');
    rmSync(this.directory, { recursive: true, force: true });
  }

  #run(program: string, words: readonly string[]): void {
    const done = spawnSync(join(this.#folder, program), words, {
      encoding: 'utf8',
      timeout: patience,
      ...rights(),
    });
    if (done.status !== 0) throw new Error(`${program} failed: ${done.stdout}${done.stderr}`);
  }
}

function ownDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'coffer-postgresql-'));
  chmodSync(directory, 0o711);
  if (isRoot()) chownSync(directory, nobody, nobody);
  return directory;
}

function endWithRun(pid: number, runPid: number): void {
  const script = 'while kill -0 "$1" && kill -0 "$2"; do sleep 1; done; kill -QUIT "$2"';
  spawn('sh', ['-c', script, 'sh', String(runPid), String(pid)], { detached: true, stdio: 'ignore' }).unref();
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

function rights(): { readonly uid?: number; readonly gid?: number } {
  return isRoot() ? { uid: nobody, gid: nobody } : {};
}
