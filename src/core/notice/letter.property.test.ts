import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { systemRandom } from '../../crypto/random.ts';
import { letterText } from '../../notifier/letter-text.ts';
import { letterJson } from '../../notifier/notifier.ts';
import { isRefusal, parseKinds, wants } from './kinds.ts';
import { makeLetter } from './letter.ts';

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 1_200 }),
  fc.stringMatching(/^[\r\n\t\u2028\u202e\ud800-\udfffa: ]{0,80}$/u),
);
const fields = fc.dictionary(fc.oneof(fc.stringMatching(/^[a-z_]{1,12}$/), anyText), anyText, {
  maxKeys: 60,
});
const kind = fc.constantFrom('credentials.issued', 'login.totp', 'a', 'approval.requested');

describe('a letter', () => {
  it('threat 16: is bounded and of whole lines, whatever a notice says', () => {
    fc.assert(
      fc.property(kind, anyText, fields, (name, subject, said) => {
        const letter = makeLetter({ kind: name, subject, fields: said }, 1_000, systemRandom);
        const lines = [letter.subject, ...Object.keys(letter.fields), ...Object.values(letter.fields)];
        for (const line of lines) {
          expect(line).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u);
          expect(line.isWellFormed()).toBe(true);
          expect(line.length).toBeLessThanOrEqual(1_000);
        }
        expect(Buffer.byteLength(letterJson(letter))).toBeLessThan(32 * 1_024);
        expect(Object.keys(letter.fields).length).toBeLessThanOrEqual(33);
        // A line of the text for each field: none begins another.
        const { body } = letterText(letter);
        expect(body.endsWith('\n')).toBe(true);
        expect(body.split('\n').length).toBeLessThanOrEqual(Object.keys(letter.fields).length + 8);
      }),
    );
  });

  it('has a greater id the later it is, and never the same', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 40), fc.nat(2 ** 40), (one, other) => {
        const id = (at: number) => makeLetter({ kind: 'a', subject: '', fields: {} }, at, systemRandom).id;
        const [first, second] = [id(Math.min(one, other)), id(Math.max(one, other) + 1)];
        expect(first < second).toBe(true);
        expect(id(one)).not.toBe(id(one));
      }),
    );
  });
});

describe('kinds', () => {
  const word = fc.stringMatching(/^[a-z.]{0,6}$/);

  it('want what their regular expression would', () => {
    fc.assert(
      fc.property(
        word,
        fc.boolean(),
        word,
        fc.stringMatching(/^[a-z.]{1,12}$/),
        (before, star, after, name) => {
          const pattern = `${before}${star ? '*' : ''}${after}`;
          fc.pre(pattern !== '');
          const escaped = (text: string) => text.replaceAll('.', '\\.');
          const expected = new RegExp(`^${escaped(before)}${star ? '.*' : ''}${escaped(after)}$`);
          expect(wants(parseKinds([pattern]), name)).toBe(expected.test(name));
        },
      ),
    );
  });

  it('know what anybody can bring about', () => {
    expect(isRefusal({ kind: 'login.totp', fields: { outcome: 'refused' } })).toBe(true);
    expect(isRefusal({ kind: 'credentials.refused', fields: {} })).toBe(true);
    expect(isRefusal({ kind: 'login.totp', fields: { outcome: 'granted' } })).toBe(false);
    expect(isRefusal({ kind: 'refused', fields: {} })).toBe(false);
  });
});
