/**
 * An agent of Consul for one test file: the fake, or a real one where `COFFER_TEST_CONSUL` names the program (`consul agent -dev`, 1.14 or
 * newer, everything in memory and on ports of its own).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConsulAgentFake } from '../fakes/consul-agent.ts';

export interface ConsulPlace {
  /** For CONSUL_HTTP_ADDR. */
  readonly address: string;
  readonly port: number;
  /** Undefined for a real agent. */
  readonly fake: ConsulAgentFake | undefined;
  close(): Promise<void>;
}

const patience = 60_000;

export async function consulPlace(): Promise<ConsulPlace> {
  const program = process.env['COFFER_TEST_CONSUL'] ?? '';
  if (program !== '') return realAgent(program);
  const fake = await ConsulAgentFake.start();
  return { address: `127.0.0.1:${fake.port}`, port: fake.port, fake, close: () => fake.close() };
}

async function realAgent(program: string): Promise<ConsulPlace> {
  const directory = mkdtempSync(join(tmpdir(), 'coffer-consul-'));
  const [port, server, serf] = [await freePort(), await freePort(), await freePort()];
  const ports = ['-http-port', port, '-server-port', server, '-serf-lan-port', serf, '-serf-wan-port', -1];
  const off = ['-dns-port', -1, '-grpc-port', -1, '-grpc-tls-port', -1, '-log-level', 'error'];
  const words = ['agent', '-dev', '-bind', '127.0.0.1', '-client', '127.0.0.1', ...ports, ...off].map(String);
  const child = spawn(program, words, { cwd: directory, stdio: 'ignore' });
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  const close = async () => {
    process.off('exit', end);
    await ended(child);
    rmSync(directory, { recursive: true, force: true });
  };
  const address = `127.0.0.1:${port}`;
  for (const limit = Date.now() + patience; !(await hasLeader(address)); ) {
    if (Date.now() > limit || child.exitCode !== null) {
      await close();
      throw new Error(`${program} did not become an agent with a leader`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { address, port, fake: undefined, close };
}

async function hasLeader(address: string): Promise<boolean> {
  try {
    const answer = await fetch(`http://${address}/v1/status/leader`);
    if (!answer.ok || !(await answer.text()).includes(':')) return false;
    return (await fetch(`http://${address}/v1/kv/?keys&consistent`)).ok;
  } catch {
    return false;
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
