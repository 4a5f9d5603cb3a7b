import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { currentProcess, isGone, isSurelyGone, type ProcessTable } from './process-identity.ts';

const self = currentProcess('here');

function failing(code: string, answers: boolean): ProcessTable {
  return {
    stat() {
      throw Object.assign(new Error(code), { code });
    },
    answersSignal: () => answers,
  };
}

describe('a process of this machine', () => {
  it('that runs is not gone, and one that has ended is, also where another has its number', async () => {
    expect([isGone(self, self), isSurelyGone(self, self)]).toEqual([false, false]);
    const reused = { ...self, startTicks: '1' };
    expect([isGone(reused, self), isSurelyGone(reused, self)]).toEqual([true, true]);
    const child = spawn(process.execPath, ['-e', '0']);
    const ended = { ...self, pid: child.pid ?? 0, startTicks: '1' };
    await once(child, 'exit');
    expect([isGone(ended, self), isSurelyGone(ended, self)]).toEqual([true, true]);
  });

  it.each([
    ['EMFILE', false],
    ['ENFILE', false],
    ['EACCES', false],
    ['EPERM', true],
    ['EIO', true],
  ])('that could not be looked at (%s) is not taken for gone', (code, answers) => {
    const table = failing(code, answers);
    expect([isGone(self, self, table), isSurelyGone(self, self, table)]).toEqual([false, false]);
  });

  it('that is hidden from us is not taken for gone: a signal would meet it', () => {
    const hidden = failing('ENOENT', true);
    expect([isGone(self, self, hidden), isSurelyGone(self, self, hidden)]).toEqual([false, false]);
    const none = failing('ENOENT', false);
    expect([isGone(self, self, none), isSurelyGone(self, self, none)]).toEqual([true, true]);
  });

  it('that has ended and whose parent has not noticed is gone', () => {
    const stat = readFileSync(`/proc/${process.pid}/stat`, 'utf8').replace(/\) [A-Z] /, ') Z ');
    const table: ProcessTable = { stat: () => stat, answersSignal: () => true };
    expect(isSurelyGone(self, self, table)).toBe(true);
  });
});
