/** What `coffer doctor` finds on this machine: data directory, disk, audit log, memory, limits of the process. */
import { existsSync, readdirSync, readFileSync, statfsSync, statSync } from 'node:fs';
import inspector from 'node:inspector';
import * as os from 'node:os';
import { join } from 'node:path';
import { type Finding, fail, ok, warn } from '../cli/doctor/finding.ts';
import { verifyAudit } from '../core/audit/verify.ts';
import { asCofferError } from '../errors.ts';
import { hasDataFile } from '../storage/lmdb/directory.ts';
import { auditDirectoryOf, storeDirectoryOf } from './node.ts';
import { laxDirectories } from './private-place.ts';

const mebibyte = 1024 * 1024;
/** Bytes of free disk: below the first the audit log is soon full, below the second somebody should look. */
const leastFree = 64 * mebibyte;
const littleFree = 1024 * mebibyte;
/** Bytes of audit log that are read without being asked to. */
const mostVerified = 256 * mebibyte;

/** By the magic number of statfs(2). */
const fileSystems: Readonly<Record<number, { readonly name: string; readonly problem?: string }>> = {
  61267: { name: 'ext4' },
  1481003842: { name: 'xfs' },
  2435016766: { name: 'btrfs' },
  801189825: { name: 'zfs' },
  16914836: { name: 'tmpfs', problem: 'it is gone when the machine stops' },
  26985: { name: 'nfs', problem: 'locks and flushes over a network do not keep what they promise' },
  4283649346: { name: 'cifs', problem: 'locks and flushes over a network do not keep what they promise' },
  4266872130: { name: 'smb', problem: 'locks and flushes over a network do not keep what they promise' },
  2035054128: { name: 'overlayfs', problem: 'in a container it goes with the container: use a volume' },
};

/**
 * `data`: the data directory, absolute. Reads only; a server may be running over it. Never rejects.
 */
export async function checkHost(data: string, setting: HostSetting): Promise<readonly Finding[]> {
  return [...(await checkData(data, setting)), ...checkProcess(), ...checkMachine()];
}

export interface HostSetting {
  /** The data directory has the audit log alone. */
  readonly storeElsewhere: boolean;
  /** The audit log is in the store, so that none need be here. */
  readonly storesLog: boolean;
}

async function checkData(
  data: string,
  { storeElsewhere, storesLog }: HostSetting,
): Promise<readonly Finding[]> {
  if (storeElsewhere ? !existsSync(auditDirectoryOf(data)) : !hasDataFile(storeDirectoryOf(data))) {
    const what = storeElsewhere ? 'audit log' : 'store';
    return [ok('data directory', `no ${what} in ${data}: the server’s data is elsewhere, or not there yet`)];
  }
  const lax = laxDirectories(data).map((message) => {
    const [what = message, advice = 'make them private'] = message.split('; say: ');
    return fail('data directory', what, advice);
  });
  const modes = lax.length > 0 ? lax : [ok('data directory', `${data} is for its owner alone`)];
  return [...modes, ...checkDisk(data), await checkAudit(auditDirectoryOf(data), storesLog)];
}

function checkDisk(data: string): readonly Finding[] {
  try {
    const { type, bavail, blocks, bsize } = statfsSync(data);
    const free = bavail * bsize;
    const share = `${Math.floor(free / mebibyte)} MiB of ${Math.floor((blocks * bsize) / mebibyte)} MiB are free`;
    const advice = 'make room: when the disk is full only revoking and deleting go on';
    const level = free < leastFree ? fail : warn;
    const { name, problem } = fileSystems[type] ?? { name: `of type 0x${type.toString(16)}` };
    return [
      free < littleFree ? level('disk', share, advice) : ok('disk', share),
      problem === undefined
        ? ok('file system', name)
        : warn('file system', `${name}: ${problem}`, 'put the data directory on a local disk'),
    ];
  } catch (error) {
    return [
      fail('disk', `cannot be looked at (${reasonOf(error)})`, 'see that this user may read the directory'),
    ];
  }
}

async function checkAudit(directory: string, storesLog: boolean): Promise<Finding> {
  const full = 'coffer audit verify compares it with the store as well';
  try {
    if (!existsSync(directory)) {
      if (storesLog) return ok('audit chains', 'in the store: coffer audit verify reads them there');
      return fail('audit chains', `there is no audit log in ${directory}`, full);
    }
    const bytes = sizeBelow(directory);
    if (bytes > mostVerified) {
      return ok('audit chains', `${Math.floor(bytes / mebibyte)} MiB, not read here: ${full}`);
    }
    const { chains, intact, problems } = await verifyAudit({ directory, anchors: undefined });
    if (intact) return ok('audit chains', `${chains.length}, unbroken; ${full}`);
    const count = problems.length + chains.reduce((sum, chain) => sum + chain.problems.length, 0);
    return fail('audit chains', `${count} lines or files do not fit`, 'see which: coffer audit verify');
  } catch (error) {
    return fail(
      'audit chains',
      `cannot be read: ${reasonOf(error)}`,
      'see that this user may read the directory',
    );
  }
}

function sizeBelow(directory: string): number {
  let bytes = 0;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.startsWith('reserve')) continue;
    // One that is gone meanwhile was removed by rule.
    bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

function checkProcess(): readonly Finding[] {
  const node = `Node.js ${process.versions.node}`;
  const old = Number(process.versions.node.split('.')[0]) < 20;
  return [
    old ? fail('node', `${node} is too old`, 'install Node.js 20 or later') : ok('node', node),
    coreDumps(),
    inspector.url() === undefined
      ? ok('inspector', 'closed')
      : fail('inspector', 'it is open and shows every secret', 'start without --inspect'),
  ];
}

/** The server keeps its memory out of core dumps itself where the system lets it; the limit holds wherever it does not. */
function coreDumps(): Finding {
  try {
    const limit = /^Max core file size +(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    if (limit === '0') return ok('core dumps', 'off for what is started from here');
    return warn(
      'core dumps',
      'not limited for what is started from here',
      'ulimit -c 0, or LimitCORE=0 in the unit of the service',
    );
  } catch {
    return ok('core dumps', 'this system does not tell');
  }
}

function checkMachine(): readonly Finding[] {
  const total = os.totalmem();
  const available = availableMemory() ?? os.freemem();
  const memory = `${Math.floor(available / mebibyte)} MiB of ${Math.floor(total / mebibyte)} MiB of memory are available`;
  const cpus = os.availableParallelism();
  const load = os.loadavg()[0] ?? 0;
  const busy = `load ${load.toFixed(1)} on ${cpus} CPUs`;
  return [
    available < 128 * mebibyte || available / total < 0.05
      ? warn('memory', memory, 'give the machine more, or run less on it')
      : ok('memory', memory),
    load > 4 * cpus ? warn('cpu', busy, 'see what else runs on this machine') : ok('cpu', busy),
  ];
}

/** What programs can still get, which is more than what is free. */
function availableMemory(): number | undefined {
  try {
    const kilobytes = /^MemAvailable: +(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return asCofferError(error).message;
}
