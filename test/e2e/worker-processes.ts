/** A server with workers, and wires to each of them: which one a connection meets is the kernel's choice, so it is asked. */
import { readdirSync, readFileSync } from 'node:fs';
import { type Place, type ServerProcess, startServer } from './server-process.ts';
import { at, openWire, type Wire } from './wire.ts';

export interface WorkerWire extends Wire {
  /** The worker's process id. */
  readonly pid: number;
}

/** Processes whose parent is `pid`. */
export function childrenOf(pid: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((each) => parentOf(each) === pid);
}

function parentOf(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(text.slice(text.lastIndexOf(')') + 4).split(' ')[0]);
  } catch {
    return undefined;
  }
}

export function startWorkers(
  place: Place,
  workers: number,
  words: readonly string[] = [],
  options: { readonly env?: Readonly<Record<string, string>> } = {},
): Promise<ServerProcess> {
  return startServer(place, { words: ['--workers', String(workers), ...words], ...options });
}

/** Kept connections, at least `each` to every one of the workers; the token may read `sys/ha-status`. */
export async function wiresToAll(
  server: Pick<ServerProcess, 'address' | 'pid'>,
  token: string,
  each = 1,
): Promise<readonly WorkerWire[]> {
  const wires: WorkerWire[] = [];
  const missing = () =>
    childrenOf(server.pid).filter((pid) => wires.filter((wire) => wire.pid === pid).length < each);
  while (missing().length > 0) {
    // Several at once: a worker that is busy leaves the next to another.
    const opened = await Promise.all(Array.from({ length: 8 }, () => openOne(server.address, token)));
    wires.push(...opened);
    if (wires.length > 400) throw new Error(`no connection reached ${missing().join(', ')}`);
  }
  return wires;
}

/** One of them for each worker. */
export function oneOfEach(wires: readonly WorkerWire[]): readonly WorkerWire[] {
  return [...new Map(wires.map((wire) => [wire.pid, wire])).values()];
}

async function openOne(address: string, token: string): Promise<WorkerWire> {
  const wire = openWire(address, token);
  const { json } = await wire.ask('GET', 'sys/ha-status');
  const pid = Number(at(json, 'data', 'nodes', '0', 'process'));
  return { pid, ask: wire.ask, close: wire.close };
}

/** Resolves once the server has said so in its log, `times` times; rejects when it ends before. */
export async function said(server: ServerProcess, text: string | RegExp, times = 1): Promise<void> {
  const count = () => server.stderr.split(text).length - 1;
  const end = server.ended.then(() => 'ended' as const);
  while (count() < times) {
    const next = await Promise.race([end, server.output().then(() => 'more' as const)]);
    if (next === 'ended' && count() < times)
      throw new Error(`the server ended and never said ${String(text)}:\n${server.stderr}`);
  }
}
