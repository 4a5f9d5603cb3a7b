/** The machine: what `sys/host-info` answers. */
import { statfs } from 'node:fs/promises';
import * as os from 'node:os';
import { timestamp } from '../clock.ts';
import type { AnswerData } from '../core/request.ts';

/** `directory` is where the data is; undefined where nothing is on disk. `now` in milliseconds. */
export async function hostInfo(directory: string | undefined, now: number): Promise<AnswerData> {
  const cpus = os.cpus();
  const total = os.totalmem();
  const available = os.freemem();
  return {
    timestamp: timestamp(now),
    cpu: cpus.map(({ model, speed }, cpu) => ({ cpu, modelName: model, mhz: speed })),
    cpu_times: cpus.map(({ times }, cpu) => ({
      cpu: `cpu${cpu}`,
      user: times.user / 1_000,
      system: times.sys / 1_000,
      idle: times.idle / 1_000,
      nice: times.nice / 1_000,
      irq: times.irq / 1_000,
    })),
    disk: directory === undefined ? [] : await disk(directory),
    host: {
      hostname: os.hostname(),
      os: os.type(),
      platform: os.platform(),
      kernelVersion: os.release(),
      kernelArch: os.machine(),
      uptime: Math.floor(os.uptime()),
    },
    memory: { total, available, used: total - available, usedPercent: percent(total - available, total) },
  };
}

interface Disk {
  readonly [name: string]: number;
}

async function disk(directory: string): Promise<Disk[]> {
  const found = await statfs(directory).catch(() => undefined);
  if (found === undefined) return [];
  const total = found.blocks * found.bsize;
  // What a process without special rights can still write.
  const free = found.bavail * found.bsize;
  const used = total - found.bfree * found.bsize;
  return [{ total, free, used, usedPercent: percent(used, total) }];
}

function percent(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.round((part / whole) * 1_000) / 10;
}
