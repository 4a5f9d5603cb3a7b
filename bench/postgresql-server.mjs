// A PostgreSQL of a benchmark's own.
import { spawn, spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpuSeconds, freePort } from './processes.mjs';

/** Debian's "nobody": the server refuses to run as root. */
const rights = process.getuid() === 0 ? { uid: 65_534, gid: 65_534 } : {};

/** Of the newest PostgreSQL of the machine. */
export function program(name) {
  const versions = '/usr/lib/postgresql';
  const [newest] = readdirSync(versions).toSorted((a, b) => Number(b) - Number(a));
  return join(versions, newest, 'bin', name);
}

/** A server that flushes as one in use does; others have to be able to come through `directory`. */
export async function startPostgresql(directory) {
  const home = join(directory, 'postgresql');
  const password = 'of-a-benchmark';
  mkdirSync(home);
  writeFileSync(join(home, 'password'), password);
  if (rights.uid !== undefined)
    for (const path of [home, join(home, 'password')]) chownSync(path, rights.uid, rights.gid);
  const data = join(home, 'data');
  const words = ['-D', data, '-U', 'bench', '--auth=scram-sha-256', `--pwfile=${join(home, 'password')}`];
  const made = spawnSync(program('initdb'), words, { cwd: home, encoding: 'utf8', ...rights });
  if (made.status !== 0) throw new Error(made.stderr);
  const port = await freePort();
  const options = ['listen_addresses=127.0.0.1', `port=${port}`, `unix_socket_directories=${home}`];
  const child = spawn(program('postgres'), ['-D', data, ...options.flatMap((option) => ['-c', option])], {
    cwd: home,
    stdio: 'ignore',
    ...rights,
  });
  return { child, login: { host: '127.0.0.1', port, user: 'bench', password, database: 'postgres' } };
}

/** CPU time of a process and of those that it started. */
export function treeCpuSeconds(pid) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean);
  return [pid, ...children].reduce((sum, one) => sum + cpuSeconds(one), 0);
}
