/** Pointers of secrets, held against vectors that never change: also those of the first format. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeSecret, encodeSecret, heldText, heldVersion, holdsText } from './pointer.ts';

interface Vectors {
  readonly opens: readonly {
    readonly what: string;
    readonly json?: string;
    readonly rows: string;
    /** Of the current version, where the pointer holds it. */
    readonly text?: string;
    readonly secret: object;
    readonly versions: object;
  }[];
  readonly fails: readonly { readonly why: string; readonly bytes: string; readonly code: string }[];
}

const path = join(import.meta.dirname, '../../../test/vectors/kv-pointer.json');
const vectors = JSON.parse(readFileSync(path, 'utf8')) as Vectors;

describe('a pointer at rest', () => {
  it.each(vectors.opens)('opens and is written the same: $what', ({ rows, text, secret, versions: all }) => {
    const bytes = Buffer.from(rows, 'hex');
    const { versions, ...head } = decodeSecret(bytes);
    expect(head).toEqual(secret);
    expect(Object.fromEntries(versions.entries())).toEqual(all);
    expect(holdsText(bytes) ? heldText(bytes) : undefined).toBe(text);
    const glanced = heldVersion(bytes);
    if (text === undefined || head.customMetadata !== null) expect(glanced).toBeUndefined();
    else expect(glanced).toEqual({ number: versions.last, version: versions.at(versions.last), text });
    const held = text === undefined ? undefined : Buffer.from(text);
    expect(encodeSecret({ ...head, versions }, held).toString('hex')).toBe(rows);
  });

  it.each(vectors.opens.filter(({ json }) => json !== undefined))(
    'of the first format opens, and is written in the second: $what',
    ({ json = '', rows }) => {
      expect(encodeSecret(decodeSecret(Buffer.from(json, 'hex'))).toString('hex')).toBe(rows);
    },
  );

  it.each(vectors.fails)('is refused: $why', ({ bytes, code }) => {
    expect(() => decodeSecret(Buffer.from(bytes, 'hex'))).toThrow(expect.objectContaining({ code }));
  });
});
