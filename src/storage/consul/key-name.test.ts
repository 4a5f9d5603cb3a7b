import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareKeys } from '../key-order.ts';
import { folderNameOf, keyOfName, nameOf } from './key-name.ts';

const anyKey = fc.string({
  unit: fc.constantFrom('a', 'z', '/', '.', '-', '_', ',', '=', '0', 'Z', '~', ' ', 'é', 'ｘ', '𝒳'),
});
const compareBytes = (a: string, b: string) => Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b)));

describe('names of records in Consul', () => {
  it.each([
    ['core/token/id/ab12', '_core/_token/_id/_ab12'],
    ['', '_'],
    ['a//b', '_a/_/_b'],
    ['../.', '_.,.,/_.,'],
    ['a b,c', '_a,Sb,dc'],
    ['a:_z', '_a=,_2y-'],
    ['é', '_z6yi'],
  ])('spell %j as %s', (key, name) => {
    expect(nameOf(key)).toBe(name);
    expect(keyOfName(name)).toBe(key);
  });

  it('hold nothing that a path is changed for', () => {
    fc.assert(
      fc.property(anyKey, (key) => {
        const name = nameOf(key);
        expect(name).toMatch(/^[A-Za-z0-9,_./=-]+$/);
        expect(name.split('/').every((part) => !['', '.', '..'].includes(part))).toBe(true);
        expect(name).not.toContain('..');
        expect(new URL(`http://h/${name}`).pathname).toBe(`/${name}`);
        expect(keyOfName(name)).toBe(key);
      }),
    );
  });

  it('keep the order of keys, and begin as their folders do', () => {
    fc.assert(
      fc.property(anyKey, anyKey, (a, b) => {
        expect(compareBytes(nameOf(a), nameOf(b))).toBe(Math.sign(compareKeys(a, b)));
        expect(nameOf(a + b).startsWith(nameOf(a))).toBe(true);
        expect(nameOf(b).startsWith(nameOf(a))).toBe(b.startsWith(a));
        expect(nameOf(`${a}/${b}`).startsWith(folderNameOf(`${a}/`))).toBe(true);
      }),
    );
  });

  it('are refused where Coffer did not make them', () => {
    for (const name of ['a', '_a/b', '_A,', '_,z', '_.-', '_zz', '_z6', '_é', '', '_a//_b', '_y', '_a\nb'])
      expect(() => keyOfName(name), name).toThrow(expect.objectContaining({ code: 'integrity' }));
  });
});
