import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CofferError } from '../../errors.ts';
import { clientShown } from './client-authentication.ts';
import { parseForm } from './form.ts';

const type = 'application/x-www-form-urlencoded';
const text = fc.string({ unit: 'grapheme', maxLength: 40 });

it('threat 22: a form is read as every other program writes it', () => {
  const names = fc.uniqueArray(text, { maxLength: 20 });
  fc.assert(
    fc.property(names, fc.array(text, { minLength: 20, maxLength: 20 }), (fields, values) => {
      const pairs = fields.map((name, at) => [name, values[at] ?? ''] as const);
      const encoded = new URLSearchParams(
        pairs.map(([name, value]): [string, string] => [name, value]),
      ).toString();
      const form = parseForm(Buffer.from(encoded), `${type}; charset=UTF-8`);
      const sent = pairs.filter(([, value]) => value !== '');
      expect(Object.entries(form).toSorted()).toEqual(sent.map(([name, value]) => [name, value]).toSorted());
    }),
  );
});

it('threat 22: a field that is sent twice is refused, whatever it is and however it is written', () => {
  fc.assert(
    fc.property(text, text, text, (name, one, other) => {
      const escaped = [...Buffer.from(name)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
      const plain = new URLSearchParams([[name, one]]).toString();
      const body = `${plain}&a-name-of-its-own=1&${escaped}=${encodeURIComponent(other)}`;
      if (name !== 'a-name-of-its-own') {
        expect(() => parseForm(Buffer.from(body), type)).toThrow('sent twice');
      }
    }),
  );
});

it('threat 16: whatever bytes come, a form is read or refused, in words that repeat nothing of it', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const body = Buffer.concat([Buffer.from('canary-5d1='), bytes]);
      try {
        expect(Object.getPrototypeOf(parseForm(body, type))).toBeNull();
      } catch (error) {
        expect(error).toBeInstanceOf(CofferError);
        expect(String(error)).not.toContain('canary-5d1');
      }
    }),
  );
});

it('a client is shown by Basic as RFC 6749 and as curl write it', () => {
  const plain = fc.stringMatching(/^[A-Za-z0-9._-]{1,40}$/);
  fc.assert(
    fc.property(plain, text, (id, secret) => {
      const encoded = new URLSearchParams([[id, secret]]).toString().replace('=', ':');
      const header = `Basic ${Buffer.from(encoded).toString('base64')}`;
      expect(clientShown(header, {})).toEqual({ client_id: id, client_secret: secret });
    }),
  );
});
