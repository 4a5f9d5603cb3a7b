import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sealedRecord } from '../../test/fakes/dssss-records.ts';
import { CofferError } from '../errors.ts';
import { openRecord } from './record.ts';

interface Vectors {
  readonly masterKeyHex: string;
  readonly records: readonly {
    readonly parameterName: string;
    readonly parameterValue: string;
    readonly roles: readonly string[] | null;
    readonly secret: string;
  }[];
}

const url = new URL('../../test/vectors/dssss-records.json', import.meta.url);
const { masterKeyHex, records } = JSON.parse(readFileSync(url, 'utf8')) as Vectors;
const master = Buffer.from(masterKeyHex, 'hex');

it.each(records)('$parameterName opens', ({ parameterValue, roles, secret }) => {
  const opened = openRecord(parameterValue, master);
  expect(opened.secret.toString('utf8')).toBe(secret);
  // A list that is null is nobody.
  expect(opened.roles).toEqual(roles ?? []);
});

function codeOf(text: string, key: Uint8Array = master): string {
  try {
    openRecord(text, key);
    return 'opened';
  } catch (error) {
    expect(error).toBeInstanceOf(CofferError);
    return error instanceof CofferError ? error.code : '';
  }
}

describe('threat 25: a record is refused', () => {
  const [{ parameterValue } = { parameterValue: '' }] = records;
  const fields = JSON.parse(parameterValue) as { Bytes: string; KeyCiphertext: string };

  it('with any bit of it changed, or cut anywhere', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('Bytes' as const, 'KeyCiphertext' as const),
        fc.nat(),
        fc.nat(7),
        fc.boolean(),
        (field, at, bit, cuts) => {
          const bytes = Buffer.from(fields[field], 'base64');
          const place = at % bytes.length;
          bytes[place] = (bytes[place] ?? 0) ^ (1 << bit);
          const changed = (cuts ? bytes.subarray(0, place) : bytes).toString('base64');
          expect(codeOf(JSON.stringify({ ...fields, [field]: changed }))).toBe('integrity');
        },
      ),
    );
  });

  it('under another master key, and under one that is none', () => {
    expect([codeOf(parameterValue, Buffer.alloc(32)), codeOf(parameterValue, Buffer.alloc(16))]).toEqual([
      'integrity',
      'integrity',
    ]);
  });

  it('with the key of another', () => {
    const other = JSON.parse(records[1]?.parameterValue ?? '{}') as typeof fields;
    expect(codeOf(JSON.stringify({ ...fields, KeyCiphertext: other.KeyCiphertext }))).toBe('integrity');
  });

  it('that is short, is none, or lists what is no name', () => {
    const short = Buffer.alloc(23).toString('base64');
    for (const text of [
      '',
      'null',
      '[]',
      '{}',
      'x',
      JSON.stringify({ ...fields, Bytes: short }),
      JSON.stringify({ ...fields, KeyCiphertext: short }),
      JSON.stringify({ ...fields, Bytes: `${fields.Bytes}!` }),
      JSON.stringify({ ...fields, Bytes: 7 }),
      sealedRecord(master, 'x', [1]),
      sealedRecord(master, 'x', 'admin'),
    ])
      expect(codeOf(text), text).toBe('integrity');
  });

  it('and no message repeats what it holds', () => {
    const text = sealedRecord(master, 'hunter2', { hunter2: 1 });
    expect(() => openRecord(text, master)).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('hunter2') }),
    );
  });
});
