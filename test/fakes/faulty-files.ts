/** The agent's file system with something going wrong at a chosen step: a crash after which nothing happens any more, or a full disk. */
import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { type Files, type Rights, systemFiles } from '../../src/agent/files.ts';

export interface Faults {
  /** The step (from 1) at which the process dies; what it writes then is written by half. */
  readonly crashAt?: number;
  /** The step from which on there is no room. */
  readonly fullFrom?: number;
  /** Called after each step that changed something. */
  readonly after?: () => void;
}

export class Crash extends Error {}

const changing = [
  'makeDirectory',
  'setMode',
  'create',
  'mark',
  'link',
  'rename',
  'remove',
  'removeDirectory',
  'sync',
] as const;
const growing: readonly string[] = ['makeDirectory', 'create', 'mark', 'link'];

/** `steps` counts those that change something. */
export function faultyFiles({ crashAt, fullFrom, after }: Faults): {
  readonly files: Files;
  readonly steps: () => number;
} {
  let steps = 0;
  const quick: Files = { ...systemFiles, create: createQuickly, sync: () => undefined };
  const files: Record<string, unknown> = { ...quick };
  for (const name of changing) {
    const real = quick[name] as (...args: readonly unknown[]) => void;
    files[name] = (...args: readonly unknown[]) => {
      steps += 1;
      if (crashAt !== undefined && steps >= crashAt) {
        if (steps === crashAt && name === 'create') {
          const [path, bytes] = args as [string, Uint8Array];
          writeFileSync(path, bytes.subarray(0, bytes.length / 2), { mode: 0o600 });
        }
        throw new Crash(`at step ${crashAt}: ${name}`);
      }
      if (fullFrom !== undefined && steps >= fullFrom && growing.includes(name))
        throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      real(...args);
      after?.();
    };
  }
  return { files: files as unknown as Files, steps: () => steps };
}

/** Without waiting for a disk: what rests there after a power loss is not what these tests are about. */
function createQuickly(path: string, bytes: Uint8Array, { mode, owner, group }: Rights): void {
  writeFileSync(path, bytes, { flag: 'wx', mode: 0o600 });
  if (owner !== undefined || group !== undefined) chownSync(path, owner ?? -1, group ?? -1);
  chmodSync(path, mode);
}
