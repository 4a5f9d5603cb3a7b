import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readTrace } from './system-calls.ts';

describe('what strace wrote', () => {
  const place = mkdtempSync(join(tmpdir(), 'coffer-trace-'));
  afterAll(() => rmSync(place, { recursive: true }));

  function trace(...lines: readonly string[]) {
    const file = join(place, 'trace');
    writeFileSync(file, `${lines.join('\n')}\n`);
    return readTrace(file);
  }

  it('puts both halves of an interrupted call together', () => {
    const calls = trace(
      '11 read(21<socket:[5]>,  <unfinished ...>',
      '12 openat(AT_FDCWD, "/d/a", O_RDWR|O_DSYNC <unfinished ...>',
      '13 fdatasync(7</d/a>) = 0',
      '11 <... read resumed>"PUT /v1/mark HTTP/1.1", 65536) = 21',
      '12 <... openat resumed>) = 9</d/a>',
    );
    expect(calls).toEqual([
      {
        name: 'fdatasync',
        descriptor: 7,
        target: '/d/a',
        text: 'fdatasync(7</d/a>) = 0',
        began: 2,
        ended: 2,
      },
      expect.objectContaining({ name: 'read', descriptor: 21, target: 'socket:[5]', began: 0, ended: 3 }),
      expect.objectContaining({ name: 'openat', descriptor: 9, target: '/d/a', began: 1, ended: 4 }),
    ]);
    expect(calls[1]?.text).toContain('/v1/mark');
    expect(calls[2]?.text).toContain('|O_DSYNC');
  });

  it('passes over lines that are no calls on descriptors', () => {
    expect(trace('11 +++ exited with 0 +++', '11 <... read resumed>"x", 1) = 1', 'torn li')).toEqual([]);
  });
});
