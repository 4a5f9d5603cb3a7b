/** Which process writes a chain, and whether that process is gone. */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

export interface ProcessIdentity {
  /** The machine's own name for itself; two machines that share a store need two names. */
  readonly node: string;
  readonly pid: number;
  /** Clock ticks from boot to the process's start (proc(5), field 22 of stat); empty where the system does not tell. */
  readonly startTicks: string;
  /** Changes at each boot; empty where the system does not tell. */
  readonly bootId: string;
  /** Pids mean something only within their namespace (pid_namespaces(7)). */
  readonly pidNamespace: string;
  /** Frozen between requests, for hours perhaps: that nothing is heard of it says little. Absent for processes that run. */
  readonly rests?: true;
}

/** This process. `node` defaults to the host name. */
export function currentProcess(node?: string): ProcessIdentity {
  return {
    node: node ?? hostname(),
    pid: process.pid,
    startTicks: startTicksOf(process.pid) ?? '',
    bootId: read('/proc/sys/kernel/random/boot_id')?.trim() ?? '',
    pidNamespace: readLink('/proc/self/ns/pid') ?? '',
  };
}

/** Names the machine that a process runs on, and with it the clock that it reads: all containers of a machine share both. */
export function machineOf({ bootId, node }: ProcessIdentity): string {
  return bootId === '' ? node : bootId;
}

/**
 * Whether `other` no longer runs, as far as `self` can know. A process of another node is never taken for gone. One of
 * another pid namespace under the same node name is: that is what a restarted container looks like. Should it live after all,
 * its next checkpoint takes its chain back.
 */
export function isGone(other: ProcessIdentity, self: ProcessIdentity, table = systemProcesses): boolean {
  if (other.node !== self.node) return false;
  if (other.bootId !== self.bootId || other.pidNamespace !== self.pidNamespace) return true;
  return self.startTicks === '' ? !table.answersSignal(other.pid) : hasEnded(other, table);
}

/**
 * Whether `other` has ended, beyond doubt: it ran since this machine's own boot, in our own namespace, and the process table no longer
 * has it. False wherever the system does not tell.
 */
export function isSurelyGone(
  other: ProcessIdentity,
  self: ProcessIdentity,
  table = systemProcesses,
): boolean {
  if (self.bootId === '' || self.pidNamespace === '' || self.startTicks === '') return false;
  if (other.bootId !== self.bootId || other.pidNamespace !== self.pidNamespace) return false;
  return hasEnded(other, table);
}

/** What the system tells of its processes. */
export interface ProcessTable {
  /** The text of `/proc/<pid>/stat` (proc(5)). Throws as reading a file does. */
  stat(pid: number): string;
  answersSignal(pid: number): boolean;
}

const systemProcesses: ProcessTable = {
  stat: (pid) => readFileSync(`/proc/${pid}/stat`, 'utf8'),
  answersSignal,
};

/**
 * Not being able to look is no sign of an end: a process that has no file descriptor left reads nothing, and with `hidepid` or systemd's
 * `ProtectProc=` the processes of other users seem not to be there, while a signal still meets them.
 */
function hasEnded({ pid, startTicks }: ProcessIdentity, table: ProcessTable): boolean {
  try {
    return ticksIn(table.stat(pid)) !== startTicks;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'ENOENT' && code !== 'ESRCH') return false;
    return !table.answersSignal(pid);
  }
}

function startTicksOf(pid: number): string | undefined {
  const stat = read(`/proc/${pid}/stat`);
  return stat === undefined ? undefined : ticksIn(stat);
}

/** The command's name, field 2, is in parentheses and may hold anything; what follows the last one is numbers. */
function ticksIn(stat: string): string | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A zombie has ended and only waits for its parent to notice.
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

function answersSignal(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
