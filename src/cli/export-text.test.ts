import { describe, expect, it } from 'vitest';
import { exportText } from './export-text.ts';
import type { NamedSecret } from './format/format.ts';
import { type FormatName, loadFormat } from './format/formats.ts';

async function text(
  name: FormatName,
  words: readonly string[],
  secrets: readonly NamedSecret[],
  only: readonly string[] = [],
) {
  async function* coming() {
    yield* secrets;
  }
  const flattened: string[] = [];
  const pieces: string[] = [];
  const wishes = {
    words,
    only,
    prefix: undefined,
    upper: false,
    flattened: (field: string) => flattened.push(field),
  };
  for await (const piece of exportText(await loadFormat(name), coming(), wishes)) pieces.push(piece);
  return { text: pieces.join(''), pieces: pieces.length, flattened };
}

const secrets = [
  { name: 'shop/10', data: { user: 'app', text: 'two\nlines' } },
  { name: 'shop/2', data: {} },
  { name: 'shop/__proto__', data: { port: 1 } },
];

describe('the text of an export', () => {
  it('is one JSON document, in the order in which secrets come', async () => {
    const { text: document, pieces } = await text('json', ['shop/'], secrets);
    expect(document).toBe(
      '{\n  "10": {\n    "user": "app",\n    "text": "two\\nlines"\n  },\n  "2": {},\n  "__proto__": {\n    "port": 1\n  }\n}\n',
    );
    expect(pieces).toBe(4);
  });

  it('keeps whole names where several places come together', async () => {
    const { text: document } = await text('json', ['shop/', 'a'], [{ name: 'a', data: { x: 1 } }]);
    expect(JSON.parse(document)).toEqual({ a: { x: 1 } });
  });

  it('is an empty document where nothing came, of one secret too', async () => {
    for (const words of [['shop/'], ['shop/a']]) {
      expect((await text('json', words, [])).text).toBe('{}\n');
      expect((await text('yaml', words, [])).text).toBe('{}\n');
      expect((await text('dotenv', words, [])).text).toBe('');
    }
  });

  it('refuses variables that meet, over all secrets, and names what stood nowhere', async () => {
    const two = [
      { name: 'a', data: { x: 'one', n: 1 } },
      { name: 'b', data: { x: 'two' } },
    ];
    await expect(text('dotenv', ['a', 'b'], two)).rejects.toThrow('x of a and x of b would both be x');
    await expect(text('dotenv', ['a', 'b'], two, ['y'])).rejects.toThrow('there are: x, n');
    expect(await text('dotenv', ['a', 'b'], two, ['n'])).toEqual({
      text: 'n=1\n',
      pieces: 1,
      flattened: ['n'],
    });
  });
});
