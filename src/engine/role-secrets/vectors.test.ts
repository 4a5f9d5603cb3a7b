/** Secrets and replaced versions at rest, held against vectors that never change. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  decodeOldVersion,
  decodeSecret,
  encodeOldVersion,
  encodeSecret,
  type OldVersion,
  type Secret,
} from './secret-record.ts';

interface Vectors {
  readonly secrets: readonly { readonly what: string; readonly bytes: string; readonly secret: Secret }[];
  readonly versions: readonly {
    readonly what: string;
    readonly bytes: string;
    readonly version: OldVersion;
  }[];
  readonly fails: readonly { readonly why: string; readonly bytes: string; readonly code: string }[];
}

const path = join(import.meta.dirname, '../../../test/vectors/role-secret-v1.json');
const vectors = JSON.parse(readFileSync(path, 'utf8')) as Vectors;

describe('a secret at rest', () => {
  it.each(vectors.secrets)('opens and is written the same: $what', ({ bytes, secret }) => {
    const opened = decodeSecret(Buffer.from(bytes, 'hex'));
    expect(JSON.parse(JSON.stringify(opened))).toEqual(secret);
    expect(encodeSecret(opened).toString('hex')).toBe(bytes);
  });

  it.each(vectors.versions)('opens and is written the same: $what', ({ bytes, version }) => {
    const opened = decodeOldVersion(Buffer.from(bytes, 'hex'));
    expect(opened).toEqual(version);
    expect(encodeOldVersion(opened).toString('hex')).toBe(bytes);
  });

  it.each(vectors.fails)('is refused: $why', ({ bytes, code }) => {
    for (const decode of [decodeSecret, decodeOldVersion])
      expect(() => decode(Buffer.from(bytes, 'hex'))).toThrow(expect.objectContaining({ code }));
  });
});
