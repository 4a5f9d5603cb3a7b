/** One-time codes as clients meet them, and as those who would use one twice do. */

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask as askAs, auditText, makePlace, type Place, storedText } from '../../../test/fakes/client.ts';
import type { Operation } from '../../core/request.ts';
import { decodeBase32, encodeBase32 } from '../../crypto/base32.ts';
import { codeAt, stepAt } from '../../crypto/one-time-code.ts';
import { parseOtpauth } from '../../crypto/otpauth.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;
beforeAll(async () => {
  place = await makePlace();
  node = await place.node();
  await ask('update', 'sys/mounts/totp', { type: 'totp' });
});
afterAll(() => place.remove());

const ask = (operation: Operation, path: string, data: JsonObject = {}, on = node) =>
  askAs(on, operation, path, data);
const write = (path: string, data: JsonObject = {}, on = node) => ask('update', `totp/${path}`, data, on);
const read = (path: string) => ask('read', `totp/${path}`);
const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
const usual = { algorithm: 'SHA1', digits: 6, period: 30 } as const;
const given = { key: secret, issuer: 'Example', account_name: 'ann@example.com' };

/** The code of a number of periods from now. */
function codeOf(steps = 0, settings: Parameters<typeof codeAt>[2] = usual): string {
  return codeAt(Buffer.from('12345678901234567890'), stepAt(place.clock.now(), settings) + steps, settings);
}

async function refused(path: string, data: JsonObject, text: string, status = 400): Promise<void> {
  const answer = await write(path, data);
  expect({ status: answer.status, errors: answer.errors }).toEqual({ status, errors: [text] });
}

describe('codes', () => {
  /** RFC 6238, appendix B. */
  const seeds = { SHA1: 20, SHA256: 32, SHA512: 64 };
  it.each([
    [59, '94287082', '46119246', '90693936'],
    [1111111109, '07081804', '68084774', '25091201'],
    [1111111111, '14050471', '67062674', '99943326'],
    [1234567890, '89005924', '91819424', '93441116'],
    [2000000000, '69279037', '90698825', '38618901'],
    [20000000000, '65353130', '77737706', '47863826'],
  ])('at %d are those of RFC 6238', (seconds, ...codes) => {
    for (const [index, algorithm] of (['SHA1', 'SHA256', 'SHA512'] as const).entries()) {
      const key = Buffer.from('1234567890'.repeat(7).slice(0, seeds[algorithm]));
      const settings = { algorithm, digits: 8, period: 30 } as const;
      expect(codeAt(key, stepAt(seconds * 1_000, settings), settings)).toBe(codes[index]);
    }
  });

  /** RFC 4226, appendix D. */
  it('by counter are those of RFC 4226', () => {
    const key = Buffer.from('12345678901234567890');
    const codes = [
      '755224',
      '287082',
      '359152',
      '969429',
      '338314',
      '254676',
      '287922',
      '162583',
      '399871',
      '520489',
    ];
    expect(codes.map((_, counter) => codeAt(key, counter, usual))).toEqual(codes);
  });

  it('base32 is RFC 4648’s, and undone by its reading', () => {
    expect(
      ['f', 'fo', 'foo', 'foob', 'fooba', 'foobar'].map((text) => encodeBase32(Buffer.from(text))),
    ).toEqual(['MY', 'MZXQ', 'MZXW6', 'MZXW6YQ', 'MZXW6YTB', 'MZXW6YTBOI']);
    expect(decodeBase32('mzxw6ytboi======')?.toString()).toBe('foobar');
    for (const bad of ['', 'A', 'ABC', '1', 'MY ', 'M-Y', 'MZXW6YTB1', 'ＭＹ'])
      expect(decodeBase32(bad)).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
        expect(decodeBase32(encodeBase32(Buffer.from(bytes)))).toEqual(Buffer.from(bytes));
      }),
    );
  });
});

describe('keys', () => {
  it('that are given show codes', async () => {
    expect((await write('keys/given', given)).status).toBe(204);
    expect((await read('keys/given')).data).toEqual({
      account_name: 'ann@example.com',
      algorithm: 'SHA1',
      digits: 6,
      issuer: 'Example',
      period: 30,
    });
    expect((await read('code/given')).data).toEqual({ code: codeOf() });
    expect((await ask('list', 'totp/keys')).data['keys']).toContain('given');
    expect((await ask('delete', 'totp/keys/given')).status).toBe(204);
    expect((await read('keys/given')).status).toBe(404);
    expect((await read('code/given')).errors).toEqual(['unknown key: given']);
  });

  it('that are made here answer a url, and a barcode of it', async () => {
    const wish = { generate: true, issuer: 'Acme & Söhne', account_name: 'ann:x@example.com' };
    const made = await write('keys/made', wish);
    expect(made.status).toBe(200);
    expect(Object.keys(made.data)).toEqual(['barcode', 'url']);
    expect(Buffer.from(String(made.data['barcode']), 'base64').toString('latin1', 1, 4)).toBe('PNG');
    const url = String(made.data['url']);
    expect(parseOtpauth(url)).toMatchObject({
      issuer: wish.issuer,
      period: '30',
      digits: '6',
      algorithm: 'SHA1',
    });
    expect((await write('keys/again', { url })).status).toBe(204);
    expect((await read('code/again')).data).toEqual((await read('code/made')).data);
    const { data } = await read('code/again');
    expect((await write('code/made', { code: data['code'] ?? '' })).data).toEqual({ valid: true });
    expect((await write('keys/made', { ...wish, qr_size: 0 })).data['barcode']).toBe('');
    const long = { ...wish, issuer: '…'.repeat(200), account_name: '…'.repeat(200) };
    const undrawn = await write('keys/long', long);
    expect([Object.keys(undrawn.data), undrawn.warnings]).toEqual([
      ['url'],
      ['the url is longer than a barcode holds'],
    ]);
    expect((await write('keys/none', { ...wish, qr_size: 2_001 })).status).toBe(400);
    expect((await read('keys/none')).status).toBe(404);
    expect((await write('keys/made', { ...wish, exported: false })).status).toBe(204);
  });

  it.each<[JsonObject, string]>([
    [{}, 'the key value is required'],
    [{ key: 'not base32!' }, 'invalid key value: it is base32 of 10 to 512 bytes'],
    [{ key: 'MZXW6YTBOI' }, 'invalid key value: it is base32 of 10 to 512 bytes'],
    [{ ...given, digits: 7 }, 'the digits value can only be 6 or 8'],
    [{ ...given, algorithm: 'MD5' }, 'the algorithm value is not valid'],
    [{ ...given, period: 0 }, 'the period value must be greater than zero'],
    [{ ...given, period: '48h' }, 'the period value is at most 86400 seconds'],
    [{ ...given, skew: 2 }, 'the skew value must be 0 or 1'],
    [{ ...given, qr_size: -1 }, 'the qr_size value must be greater than or equal to zero'],
    [{ ...given, key_size: 0 }, 'the key_size value must be greater than zero'],
    [{ generate: true, key: secret }, 'a key should not be passed if generate is true'],
    [{ generate: true, url: 'otpauth:' }, 'a url should not be passed if generate is true'],
    [{ generate: true, issuer: 'x' }, 'the account_name value is required for generated keys'],
    [{ generate: true, account_name: 'x' }, 'the issuer value is required for generated keys'],
    [{ url: 'https://example.com/' }, 'the url is not valid: it begins with otpauth://totp/'],
    [{ url: `otpauth://hotp/a?secret=${secret}` }, 'the url is not valid: it begins with otpauth://totp/'],
    [
      { url: `otpauth://totp/a?secret=${secret}&secret=${secret}` },
      'the url is not valid: it says secret more than once',
    ],
    [{ url: `otpauth://totp/%ff?secret=${secret}` }, 'the url is not valid: its label cannot be read'],
    [{ url: `otpauth://totp/a%0ab?secret=${secret}` }, 'the url is not valid: its label cannot be read'],
    [
      { url: `otpauth://totp/a?secret=${secret}&issuer=%e2%80%ae` },
      'the url is not valid: its issuer cannot be read',
    ],
    [
      { url: `otpauth://totp/a?secret=${secret}&period=1e9` },
      'an error occurred while parsing period value in url',
    ],
    [{ url: `otpauth://totp/a?secret=${secret}&digits=9` }, 'the digits value can only be 6 or 8'],
    [{ url: `otpauth://totp/a?secret=${secret}&algorithm=__proto__` }, 'the algorithm value is not valid'],
    [{ url: 'otpauth://totp/a' }, 'the key value is required'],
    [{ url: `otpauth://totp/${'a'.repeat(5_000)}` }, 'the url is not valid: it has at most 4096 characters'],
  ])('refuse %j', async (fields, text) => {
    await refused('keys/refused', fields, text);
    expect((await read('keys/refused')).status).toBe(404);
  });
});

describe('checking', () => {
  it('accepts codes of the periods around now, as far as the skew goes', async () => {
    await write('keys/skew', given);
    place.clock.jump(30);
    for (const steps of [-1, 0, 1])
      expect((await write('code/skew', { code: codeOf(steps) })).data).toEqual({ valid: true });
    await write('keys/strict', { ...given, skew: 0 });
    expect((await write('code/strict', { code: codeOf(1) })).data).toEqual({ valid: false });
    expect((await write('code/strict', { code: codeOf() })).data).toEqual({ valid: true });
    await write('keys/eight', { ...given, digits: 8 });
    expect((await write('code/eight', { code: codeOf() })).data).toEqual({ valid: false });
    expect((await write('code/eight', { code: codeOf(0, { ...usual, digits: 8 }) })).data).toEqual({
      valid: true,
    });
    await refused('code/none', { code: '123456' }, 'unknown key: none');
    await refused('code/eight', {}, 'the code value is required');
  });

  it('threat 04: a code is accepted once, and so is none of an earlier period after it', async () => {
    await write('keys/once', given);
    expect((await write('code/once', { code: codeOf() })).data).toEqual({ valid: true });
    const used = 'code already used; wait until the next time period';
    await refused('code/once', { code: codeOf() }, used);
    await refused('code/once', { code: codeOf(-1) }, used);
    place.clock.jump(30);
    await refused('code/once', { code: codeOf(-1) }, used);
    expect((await write('code/once', { code: codeOf() })).data).toEqual({ valid: true });
  });

  it('threat 04: nothing but ASCII digits is a code, however much it looks like one', async () => {
    await write('keys/plain', given);
    const code = codeOf();
    const fullWidth = [...code].map((digit) => String.fromCodePoint(0xff10 + Number(digit))).join('');
    const arabic = [...code].map((digit) => String.fromCodePoint(0x0660 + Number(digit))).join('');
    const variants = [
      ` ${code}`,
      `${code} `,
      `${code}\n`,
      `\u00a0${code}`,
      `${code.slice(0, 3)} ${code.slice(3)}`,
      `+${code}`,
      `${code}\u0000`,
      `0${code}`,
      fullWidth,
      arabic,
      `${code}\u200b`,
      code.slice(1),
      'x'.repeat(100_000),
    ];
    for (const variant of variants) {
      await refused('code/plain', { code: variant }, 'a code has 6 or 8 digits and nothing else');
    }
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), async (text) => {
        fc.pre(!/^[0-9]{6}([0-9]{2})?$/.test(text));
        expect((await write('code/nothing-there', { code: text })).status).toBe(400);
      }),
      { numRuns: 50 },
    );
    expect((await write('code/plain', { code })).data).toEqual({ valid: true });
  });

  it('threat 04: of many who send one code at once on two nodes, exactly one is let in', async () => {
    const other = await place.node();
    for (let round = 0; round < 5; round++) {
      place.clock.jump(90);
      await write('keys/raced', given);
      const code = codeOf();
      const answers = await Promise.all(
        Array.from({ length: 16 }, (_, index) =>
          write('code/raced', { code }, index % 2 === 0 ? node : other),
        ),
      );
      expect(answers.filter(({ data }) => data['valid'] === true)).toHaveLength(1);
      expect(answers.filter(({ status }) => status === 400)).toHaveLength(15);
    }
  });

  it('threat 04: guesses are counted for all nodes, and wait for the next period', async () => {
    const other = await place.node();
    await write('keys/guessed', given);
    place.clock.jump(90);
    const right = [codeOf(-1), codeOf(), codeOf(1)];
    const wrong = ['000000', '111111', '222222', '333333'].find((code) => !right.includes(code)) ?? '';
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        write('code/guessed', { code: wrong }, index % 2 === 0 ? node : other),
      ),
    );
    expect(answers.filter(({ data }) => data['valid'] === false)).toHaveLength(5);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(15);
    await refused(
      'code/guessed',
      { code: codeOf() },
      'too many wrong codes; wait until the next time period',
      429,
    );
    place.clock.jump(30);
    expect((await write('code/guessed', { code: codeOf() })).data).toEqual({ valid: true });
  });

  it('threat 16: secrets, urls and codes rest sealed and are in no audit line', async () => {
    const { data } = await write('keys/hidden', { generate: true, issuer: 'x', account_name: 'y' });
    const url = String(data['url']);
    const own = parseOtpauth(url).secret;
    await write('keys/hidden2', { url });
    await write('keys/hidden3', { key: own });
    const code = String((await read('code/hidden')).data['code']);
    await write('code/hidden', { code });
    const log = auditText(place.auditDirectory);
    const rest = await storedText(place.storage);
    for (const text of [own, url, `"${code}"`]) {
      expect(log).not.toContain(text);
      expect(rest).not.toContain(text);
    }
  });
});
