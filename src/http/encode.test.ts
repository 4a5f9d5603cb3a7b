import { describe, expect, test } from 'vitest';
import { type Answer, type AnswerData, RawJson } from '../core/request.ts';
import { encodeAnswer, encodeErrors, statusOfAnswer } from './encode.ts';

const empty = {
  kind: 'envelope',
  status: 200,
  requestId: 'id-1',
  data: null,
  auth: null,
  lease: null,
  warnings: null,
  mountType: 'kv',
  wrap: null,
  repeatData: false,
} as const satisfies Answer;

function encode(changes: Partial<Extract<Answer, { kind: 'envelope' }>>): string {
  return encodeAnswer({ ...empty, ...changes }) ?? '';
}

describe('the envelope', () => {
  test('has every key, null where unused', () => {
    expect(encode({})).toBe(
      '{"request_id":"id-1","lease_id":"","renewable":false,"lease_duration":0,"data":null,"wrap_info":null,' +
        '"warnings":null,"auth":null,"mount_type":"kv"}',
    );
  });

  test('has a lease', () => {
    expect(
      JSON.parse(encode({ lease: { id: 'aws/creds/a/"b', renewable: true, duration: 60 } })),
    ).toMatchObject({
      lease_id: 'aws/creds/a/"b',
      renewable: true,
      lease_duration: 60,
    });
  });

  test.each([
    [null, null],
    [[], null],
    [
      ['a', '"'],
      ['a', '"'],
    ],
  ])('warnings %j are %j', (warnings, shown) => {
    expect(JSON.parse(encode({ warnings })).warnings).toEqual(shown);
  });

  test('has auth in the shape that clients read', () => {
    const auth = {
      clientToken: 't',
      accessor: 'a',
      policies: ['default', 'p'],
      tokenPolicies: ['default', 'p'],
      metadata: { user: 'x' },
      leaseDuration: 3_600,
      renewable: true,
      entityId: '',
      tokenType: 'service',
      orphan: true,
      numUses: 0,
    } as const;
    const shown = {
      client_token: 't',
      accessor: 'a',
      policies: ['default', 'p'],
      token_policies: ['default', 'p'],
      metadata: { user: 'x' },
      lease_duration: 3_600,
      renewable: true,
      entity_id: '',
      token_type: 'service',
      orphan: true,
      mfa_requirement: null,
      num_uses: 0,
    };
    expect(JSON.parse(encode({ auth })).auth).toStrictEqual(shown);
    expect(JSON.parse(encode({ auth: { ...auth, metadata: null } })).auth.metadata).toBeNull();
  });

  test('repeats data at the top where asked, and its own keys win', () => {
    const data = { keys: ['a'], data: 'x', auth: 'y', 'b/': { c: 1 } };
    const text = encode({ data, repeatData: true });
    expect(JSON.parse(text)).toMatchObject({ data, auth: null, keys: ['a'], 'b/': { c: 1 } });
    expect(text.match(/"auth":/g)).toHaveLength(2);
    expect(JSON.parse(encode({ data }))).not.toHaveProperty('keys');
    expect(JSON.parse(encode({ data: null, repeatData: true })).data).toBeNull();
  });
});

describe('data', () => {
  test.each<[AnswerData]>([
    [{}],
    [{ a: null, b: true, c: 1.5, d: 'é\u2028"\\', e: [], f: {}, g: [{ h: [1] }] }],
    [{ a: { b: { c: { d: [null] } } } }],
    [{ '': { '': '' }, '"': '"' }],
  ])('%j is as JSON.stringify has it', (data) => {
    expect(encode({ data })).toContain(`"data":${JSON.stringify(data)},"wrap_info"`);
  });

  test('names of the prototype are names', () => {
    const data = JSON.parse('{"__proto__":{"a":1},"constructor":"b"}');
    expect(encode({ data })).toContain('"data":{"__proto__":{"a":1},"constructor":"b"}');
  });

  test('text that is JSON already goes in as it is, on the first two levels', () => {
    const raw = new RawJson('{ "n": 12345678901234567890 }');
    expect(encode({ data: { data: raw, metadata: { custom: raw, version: 1 }, list: [1] } })).toContain(
      '"data":{"data":{ "n": 12345678901234567890 },"metadata":{"custom":{ "n": 12345678901234567890 },"version":1},"list":[1]}',
    );
    expect(encode({ data: { a: raw }, repeatData: true })).toMatch(/"a":\{ "n": \d+ \}\}$/);
  });
});

describe('other answers', () => {
  test.each<[Answer, number, string | undefined]>([
    [{ kind: 'empty' }, 204, undefined],
    [{ kind: 'plain', status: 429, body: { sealed: false } }, 429, '{"sealed":false}'],
    [{ kind: 'error', status: 404, requestId: 'x', errors: [] }, 404, '{"errors":[]}'],
    [{ kind: 'error', status: 403, requestId: 'x', errors: ['a "b"'] }, 403, '{"errors":["a \\"b\\""]}'],
    [
      { kind: 'error', status: 400, requestId: 'x', errors: ['a'], data: { b: 1 } },
      400,
      '{"errors":["a"],"data":{"b":1}}',
    ],
  ])('%j', (answer, status, body) => {
    expect(statusOfAnswer(answer)).toBe(status);
    expect(encodeAnswer(answer)).toBe(body);
  });

  test('errors alone', () => {
    expect(encodeErrors(['é\n'])).toBe('{"errors":["é\\n"]}');
  });
});
