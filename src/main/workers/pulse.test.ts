import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { isStoppedProcess, Pulse } from './pulse.ts';

function rounds(pulse: Pulse, count: number): readonly string[] {
  return Array.from({ length: count }, () => pulse.round());
}

describe('the pulse of a worker', () => {
  it('that answers is well', () => {
    const pulse = new Pulse(() => true);
    for (let round = 0; round < 100; round++) {
      expect(pulse.round()).toBe('well');
      pulse.answered();
    }
  });

  it('that is stopped is told after five rounds without an answer, and not before', () => {
    const pulse = new Pulse(() => true);
    expect(rounds(pulse, 6)).toEqual(['well', 'well', 'well', 'well', 'well', 'stopped']);
  });

  it('that is silent and runs has a minute', () => {
    const pulse = new Pulse(() => false);
    expect(new Set(rounds(pulse, 60))).toEqual(new Set(['well']));
    expect(pulse.round()).toBe('silent');
    pulse.answered();
    expect(pulse.round()).toBe('well');
  });

  it.runIf(process.platform === 'linux')('is stopped as the kernel says', async () => {
    const child = spawn(process.execPath, ['-e', 'process.send(1); setInterval(() => {}, 1000)'], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    await once(child, 'message');
    const { pid = 0 } = child;
    expect(isStoppedProcess(pid)).toBe(false);
    child.kill('SIGSTOP');
    while (!isStoppedProcess(pid)) await new Promise((resolve) => setImmediate(resolve));
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(isStoppedProcess(pid)).toBe(false);
  });
});
