// Processes under load: starting them, their CPU time and memory, and load from wrk. Linux only: it reads /proc.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

const ticksPerSecond = Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout) || 100;

/** The environment of every measured process: reading extra CAs costs each Node start 40 ms that are not ours. */
export function plainEnvironment(extra = {}) {
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  return { ...env, ...extra };
}

export async function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Starts `node ARGS` and waits for a line that matches. */
export async function startNode(args, ready, env = {}) {
  const child = spawn(process.execPath, args, {
    env: plainEnvironment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  await new Promise((resolve, reject) => {
    const seen = (chunk) => {
      text += chunk;
      if (ready.test(text)) resolve();
    };
    child.stdout.on('data', seen);
    child.stderr.on('data', seen);
    child.on('exit', (code) => reject(new Error(`ended with ${code} before it was ready:\n${text}`)));
  });
  child.removeAllListeners('exit');
  return child;
}

export async function stop(child) {
  if (child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.on('exit', resolve));
  child.kill('SIGTERM');
  await Promise.race([ended, pause(12_000, undefined, { ref: false })]);
  if (child.exitCode === null) child.kill('SIGKILL');
}

/** User and system time of all threads, in seconds; of several processes together. */
export function cpuSeconds(pid) {
  if (Array.isArray(pid)) return pid.reduce((sum, each) => sum + cpuSeconds(each), 0);
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** Processes that `pid` has started and that still run. */
export function childrenOf(pid) {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

export function rssAnonMiB(pid) {
  const line = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1] ?? 0) / 1024;
}

/** Load from wrk for some seconds: answers requests, and requests per CPU-second of the server. Throws on any failed answer. */
export async function load(pid, url, { connections, seconds, script }) {
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', script, url];
  const before = cpuSeconds(pid);
  const output = await new Promise((resolve, reject) => {
    const wrk = spawn('wrk', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    wrk.stdout.on('data', (chunk) => {
      text += chunk;
    });
    wrk.on('error', () => reject(new Error('wrk is missing: apt-get install wrk')));
    wrk.on('close', () => resolve(text));
  });
  const spent = cpuSeconds(pid) - before;
  if (/Non-2xx|Socket errors/.test(output)) throw new Error(`the load met errors:\n${output}`);
  const requests = Number(/(\d+) requests in/.exec(output)?.[1] ?? 0);
  return { requests, perSecond: requests / seconds, perCpuSecond: requests / spent };
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
