import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareKeys } from '../key-order.ts';
import { behindPrefix, rootOf, rootsAbove, settledRoot } from './layout.ts';

const segment = fc.constantFrom(
  'core',
  'token',
  'lease',
  'due',
  'a',
  'b',
  '',
  'é',
  '𝒳',
  '\ud7ff',
  '\u{10ffff}',
);
const text = fc.array(segment, { minLength: 1, maxLength: 6 }).map((parts) => parts.join('/'));

describe('where records lie', () => {
  it('is said by their first folders', () => {
    expect(
      ['a', 'boot/store', 'due/a/0029/12/lease/x', 'mount/uuid/data/a/b', 'core/epoch', 'core/node/x/y'].map(
        rootOf,
      ),
    ).toEqual(['', 'boot/', 'due/a/', 'mount/uuid/', 'core/', 'core/node/']);
  });

  it('keeps what grows with use apart from its neighbours', () => {
    expect(
      ['core/token/id/x', 'core/token/child/p/c', 'core/lease/id/a/b/c', 'core/token/x'].map(rootOf),
    ).toEqual(['core/token/id/', 'core/token/child/', 'core/lease/id/', 'core/token/']);
  });

  it('is one root for all keys of a settled prefix, and a root above or below for any other', () => {
    fc.assert(
      fc.property(text, text, (prefix, rest) => {
        const root = rootOf(prefix + rest);
        const settled = settledRoot(prefix);
        if (settled !== undefined) expect(root).toBe(settled);
        else expect(root.startsWith(prefix) || rootsAbove(prefix).includes(root)).toBe(true);
      }),
    );
  });

  it('has every key in the root of its own folders', () => {
    fc.assert(fc.property(text, (key) => key.startsWith(rootOf(key)) && /^$|\/$/.test(rootOf(key))));
  });
});

describe('behindPrefix', () => {
  const letters = fc.string({
    unit: fc.constantFrom('a', '/', '\ud7ff', '\ue000', '\uffff', '𝒳', '\u{10ffff}'),
  });

  it('is not before any text that starts with the prefix, and not behind any other that is', () => {
    fc.assert(
      fc.property(letters, letters, letters, (prefix, rest, other) => {
        const end = behindPrefix(prefix);
        if (end === undefined) return;
        expect(compareKeys(prefix + rest, end)).toBeLessThan(0);
        if (!other.startsWith(prefix) && compareKeys(other, prefix) > 0) {
          expect(compareKeys(other, end)).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });

  it('is nothing where nothing is behind', () => {
    expect(behindPrefix('')).toBeUndefined();
    expect(behindPrefix('\u{10ffff}\u{10ffff}')).toBeUndefined();
    expect(behindPrefix('core/')).toBe('core0');
  });
});
