import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  decodeMigrationMark,
  encodeMigrationMark,
  type MigrationMark,
  markedRefusal,
} from './migration-mark.ts';

interface Vectors {
  readonly opens: readonly (MigrationMark & { readonly text: string })[];
  readonly fails: readonly { readonly why: string; readonly code: string; readonly text: string }[];
}

const path = join(import.meta.dirname, '../../test/vectors/migration-mark-v1.json');
const { opens, fails } = JSON.parse(readFileSync(path, 'utf8')) as Vectors;

describe('migration mark 1', () => {
  it.each(opens)('of $role is read, and written to the same bytes', ({ text, ...mark }) => {
    expect(decodeMigrationMark(Buffer.from(text))).toEqual(mark);
    expect(encodeMigrationMark(mark).toString()).toBe(text);
    expect(markedRefusal(mark)).toMatchObject({
      code: 'store_unusable',
      message: expect.stringContaining(mark.other),
    });
  });

  it.each(fails)('refuses: $why', ({ code, text }) => {
    expect(() => decodeMigrationMark(Buffer.from(text))).toThrow(expect.objectContaining({ code }));
  });
});
