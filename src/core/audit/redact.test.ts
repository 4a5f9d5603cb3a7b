import { createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fields, ResponseSchema } from '../endpoint.ts';
import { RawJson } from '../request.ts';
import { digestKey } from './audit.fixture.ts';
import { keyedDigest } from './digest.ts';
import { nullAuditLog } from './null-log.ts';
import { redactAnswer as redactAnswerText, redactRequest as redactRequestText } from './redact.ts';

const digest = keyedDigest(digestKey);

function redactRequest(...asked: Parameters<typeof redactRequestText>): Record<string, unknown> {
  return JSON.parse(redactRequestText(...asked).text);
}

function redactAnswer(...asked: Parameters<typeof redactAnswerText>): Record<string, unknown> {
  return JSON.parse(redactAnswerText(...asked).text);
}

const canary = 'canary-7d1f4c';

const fields: Fields = {
  password: { type: 'string', help: '', sensitive: true, aliases: ['pass'] },
  role: { type: 'string', help: '', aliases: ['name'] },
  count: { type: 'int', help: '' },
  on: { type: 'bool', help: '' },
  ttl: { type: 'duration', help: '' },
  policies: { type: 'list', help: '' },
  parts: { type: 'ints', help: '' },
  meta: { type: 'pairs', help: '' },
  options: { type: 'object', help: '' },
};

describe('what the log shows of a request', () => {
  it('shows declared fields that are not sensitive, under each of their names', () => {
    const data = {
      role: 'web',
      name: 'web',
      count: '12',
      on: true,
      ttl: '1h30m',
      policies: ['a', 'b'],
      parts: '1, 2',
      meta: { team: 'x' },
      options: { cas: 1 },
    };
    expect(redactRequest(data, fields, digest)).toEqual(data);
  });

  it('puts digests in place of sensitive and undeclared fields, aliases included', () => {
    const shown = redactRequest(
      { password: canary, pass: canary, other: canary, gone: null },
      fields,
      digest,
    );
    expect(shown).toEqual({
      password: digest(canary),
      pass: digest(canary),
      other: digest(canary),
      gone: null,
    });
    expect(digest(canary)).toMatch(/^hmac-sha256:[0-9a-f]{64}$/);
  });

  it('depends on the key', () => {
    expect(keyedDigest(createSecretKey(Buffer.alloc(32, 1)))(canary)).not.toBe(digest(canary));
  });

  it('cuts long texts and says how long they were', () => {
    const shown = redactRequest({ role: 'ü'.repeat(2000) }, fields, digest);
    expect(shown['role']).toBe(`${'ü'.repeat(1024)}… (4000 bytes)`);
  });

  it('keeps one line small, whatever is sent', () => {
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`n${n}`, n]));
    expect(redactRequest(many, fields, digest)).toEqual({ '*': digest(JSON.stringify(many)) });
    const long = { ['n'.repeat(1000)]: 1, policies: Array.from({ length: 5000 }, () => 'policy') };
    expect(JSON.stringify(redactRequest(long, fields, digest)).length).toBeLessThan(500);
  });

  it('treats __proto__ as a name like others', () => {
    const data = JSON.parse('{"__proto__": "x"}') as Record<string, string>;
    expect(JSON.stringify(redactRequest(data, fields, digest))).toBe(`{"__proto__":"${digest('x')}"}`);
  });

  it('threat 16: a value that is not of its field’s type is not shown', () => {
    const odd: [string, unknown][] = [
      ['role', { password: canary }],
      ['role', [canary]],
      ['count', canary],
      ['count', { n: canary }],
      ['on', canary],
      ['ttl', canary],
      ['policies', [{ password: canary }]],
      ['policies', { password: canary }],
      ['parts', [canary]],
      ['parts', canary],
      ['meta', { a: { b: canary } }],
      ['meta', canary],
      ['meta', [canary]],
      ['options', canary],
      ['options', [canary]],
      ['role', Buffer.from(canary)],
      ['options', new Map([[canary, canary]])],
      ['options', { big: 1n, canary }],
      ['role', Symbol(canary)],
      ['role', () => canary],
      ['role', new Error(canary)],
    ];
    for (const [name, value] of odd) {
      const shown = JSON.stringify(redactRequest({ [name]: value } as never, fields, digest));
      expect(shown, name).not.toContain(canary);
      expect(shown, name).toMatch(/hmac-sha256:|\[not JSON\]/);
    }
  });

  it('threat 16: no value of an undeclared or sensitive member is shown, of whatever JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const shown = redactRequest({ password: value as never, other: value as never }, fields, digest);
        const expected =
          value === null ? null : digest(typeof value === 'string' ? value : JSON.stringify(value));
        expect({ ...shown }).toEqual({ password: expected, other: expected });
      }),
    );
  });

  it('threat 16: a name that is sensitive for one field and an alias of another is sensitive', () => {
    const clash: Fields = {
      key: { type: 'string', help: '', sensitive: true },
      label: { type: 'string', help: '', aliases: ['key'] },
    };
    expect(redactRequest({ key: canary }, clash, digest)).toEqual({ key: digest(canary) });
  });
});

describe('what the log shows of an answer', () => {
  const schema: ResponseSchema = {
    data: { type: 'object', sensitive: true },
    metadata: { type: 'object' },
    keys: { type: 'list' },
  };

  it('gives a secret the same digest when it is written and when it is read as raw text', () => {
    const secret = { user: 'u', password: canary };
    const raw = new RawJson(JSON.stringify(secret));
    const written = redactRequest(
      { data: secret },
      { data: { type: 'object', help: '', sensitive: true } },
      digest,
    );
    const read = redactAnswer({ data: raw, metadata: { version: 1 }, keys: ['a'] }, schema, digest);
    expect({ ...read }).toEqual({ data: written['data'], metadata: { version: 1 }, keys: ['a'] });
  });

  it('shows raw text that is declared, and digests raw text inside what is not', () => {
    const raw = new RawJson(`{"a":"${canary}"}`);
    expect({ ...redactAnswer({ metadata: raw }, schema, digest) }).toEqual({ metadata: { a: canary } });
    expect({ ...redactAnswer({ metadata: { inner: raw } }, schema, digest) }).toEqual({
      metadata: { inner: { a: canary } },
    });
    expect({ ...redactAnswer({ data: { inner: raw } }, schema, digest) }).toEqual({
      data: digest(`{"inner":{"a":"${canary}"}}`),
    });
  });

  it('threat 16: without a schema, or under a name that it lacks, everything is a digest', () => {
    for (const unknown of [undefined, {}, { '*': { type: 'string', sensitive: true } } as const]) {
      expect(redactAnswer({ value: canary, n: 5 }, unknown, digest)).toEqual({
        value: digest(canary),
        n: digest('5'),
      });
    }
    expect(redactAnswer({ value: 'shown' }, { '*': { type: 'string' } }, digest)).toEqual({ value: 'shown' });
  });

  it('threat 16: raw text that is not JSON is not shown', () => {
    const shown = redactAnswer({ metadata: new RawJson(canary) }, schema, digest);
    expect(shown).toEqual({ metadata: digest(canary) });
  });
});

it('JSON laid out on several lines stays on one line of the log', () => {
  const text = redactAnswerText(
    { shown: new RawJson('{\n"a": 1}') },
    { shown: { type: 'object' } },
    digest,
  ).text;
  expect(text).toBe('{"shown":{"a":1}}');
});

it('a log that keeps nothing still redacts', async () => {
  const log = nullAuditLog(digestKey);
  await log.append({ type: 'event' }, 'disk');
  expect(JSON.parse(log.redactRequest({ password: canary }, fields).text)).toEqual({
    password: digest(canary),
  });
  expect(JSON.parse(log.redactAnswer({ v: canary }, undefined).text)).toEqual({ v: digest(canary) });
  expect(log.digest(canary)).toBe(digest(canary));
  await log.close();
});
