/** What the process does for its own memory. What it cannot do from within is in SECURITY.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import inspector from 'node:inspector';
import { CofferError } from '../errors.ts';
import type { Logger } from '../log.ts';

/** New files are for their owner alone, and SIGUSR1 does nothing: without a listener Node would open its inspector. */
export function guardProcess(): void {
  process.umask(0o077);
  process.on('SIGUSR1', () => {});
}

/**
 * Takes memory out of core dumps: the filter of core(5) decides what the kernel writes, and needs no right that a process does
 * not have over itself; its limit on their size cannot be changed from here. Warns where dumps would still hold memory.
 */
export function guardMemory(log: Logger): void {
  if (process.platform !== 'linux') return;
  try {
    writeFileSync('/proc/self/coredump_filter', '0');
    if (Number.parseInt(readFileSync('/proc/self/coredump_filter', 'utf8'), 16) === 0) return;
  } catch {
    // Then the limit decides.
  }
  if (coreLimit() === '0') return;
  log.warn(
    'a core dump of this process would hold keys; set the limit on core dumps to 0 (ulimit -c 0, LimitCORE=0)',
  );
}

/** Throws `usage` when a debugger may look into this process: it would see every key. */
export function refuseInspector(): void {
  if (inspector.url() === undefined) return;
  throw new CofferError(
    'usage',
    'the inspector is open, which shows every key; start without --inspect (see NODE_OPTIONS)',
  );
}

function coreLimit(): string | undefined {
  try {
    return /^Max core file size +(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}
