import { expect, it } from 'vitest';
import { parseIni } from './ini.ts';

const plain = (text: string) =>
  Object.fromEntries([...parseIni(text)].map(([name, section]) => [name, Object.fromEntries(section)]));

it('has sections, names in any case, remarks and values of several lines', () => {
  const text = `\ufeff# remark
[One]
Name = value = more
other: x
empty =
nested =
  a = b
  ; remark
  C = d
[two words]
[One]
name=last\r
`;
  expect(plain(text)).toEqual({
    One: { name: 'last', other: 'x', empty: '', nested: '\na = b\nC = d' },
    'two words': {},
  });
  expect(plain('')).toEqual({});
});

it.each([
  ['a = 1', 'line 1'],
  ['[x]\nnothing', 'line 2'],
  ['[x]\n = 1', 'line 2'],
])('%j is refused', (text, message) => expect(() => parseIni(text)).toThrow(message));
