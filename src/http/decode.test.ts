import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, test } from 'vitest';
import { decodeHead } from './decode.ts';
import { mediaTypeOf } from './media-type.ts';

function decode(line: string, headers: IncomingHttpHeaders = {}) {
  const [method = '', target = ''] = line.split(' ');
  return decodeHead({ method, target, headers });
}

function refusal(code: string, message?: string) {
  return expect.objectContaining({ code, ...(message === undefined ? {} : { message }) });
}

const patchType = { 'content-type': 'application/merge-patch+json' };

describe('operations', () => {
  test.each([
    ['GET /v1/a/b', 'read', 'a/b', {}],
    ['GET /v1/a/b?version=2', 'read', 'a/b', { version: '2' }],
    ['GET /v1/a/?list=true', 'list', 'a/', {}],
    ['GET /v1/a?list=1', 'list', 'a/', {}],
    ['GET /v1/a?list=t', 'list', 'a/', {}],
    ['GET /v1/a?list=T', 'list', 'a/', {}],
    ['GET /v1/a?list=TRUE', 'list', 'a/', {}],
    ['GET /v1/a?list=True&after=x', 'list', 'a/', { after: 'x' }],
    ['GET /v1/a?list=false', 'read', 'a', {}],
    ['GET /v1/a?list=0', 'read', 'a', {}],
    ['GET /v1/a?list=', 'read', 'a', {}],
    ['GET /v1/a?scan=true', 'scan', 'a/', {}],
    ['GET /v1/a?scan=true&list=false', 'scan', 'a/', {}],
    ['GET /v1/a?help=1', 'help', 'a', {}],
    ['GET /v1/a?help=1&list=true', 'help', 'a', {}],
    ['LIST /v1/a', 'list', 'a/', {}],
    ['LIST /v1/a/?after=x', 'list', 'a/', { after: 'x' }],
    ['LIST /v1/', 'list', '', {}],
    ['SCAN /v1/a', 'scan', 'a/', {}],
    ['HELP /v1/a', 'help', 'a', {}],
    ['HEAD /v1/sys/health?standbyok=true', 'header', 'sys/health', { standbyok: 'true' }],
    ['DELETE /v1/a?list=true&versions=1', 'delete', 'a', { list: 'true', versions: '1' }],
    ['DELETE /v1/a/', 'delete', 'a/', {}],
    ['POST /v1/a?list=true', 'update', 'a', undefined],
    ['PUT /v1/a', 'update', 'a', undefined],
  ])('%s', (line, operation, path, data) => {
    const head = decode(line);
    expect(head).toMatchObject({ kind: 'request', operation, path });
    expect(head.kind === 'request' && head.data && { ...head.data }).toEqual(data);
  });

  test.each(['FOO', 'OPTIONS', 'TRACE', 'CONNECT', 'list', 'get', 'LINK', '__proto__', 'constructor', ''])(
    'method %j is 405',
    (method) => {
      expect(() => decode(`${method} /v1/a`)).toThrow(
        refusal('unsupported_operation', 'unsupported operation'),
      );
    },
  );

  test.each([
    'GET /v1/a?list=maybe',
    'GET /v1/a?list=tRUE',
    'GET /v1/a?list=true&list=true',
    'GET /v1/a?scan=yes',
    'GET /v1/a?help=yes',
    'GET /v1/a?list=true&scan=true',
    'LIST /v1/a?scan=true',
    'SCAN /v1/a?list=1',
  ])('%s is 400', (line) => {
    expect(() => decode(line)).toThrow(refusal('invalid_request'));
  });

  test.each(['POST', 'PUT'])('%s to a folder is 400', (method) => {
    const message = "cannot write to a path ending in '/'";
    expect(() => decode(`${method} /v1/a/`)).toThrow(refusal('invalid_request', message));
    expect(() => decode('PATCH /v1/a/', patchType)).toThrow(refusal('invalid_request', message));
  });

  test.each([
    ['GET', 301],
    ['HEAD', 301],
    ['LIST', 301],
    ['POST', 308],
    ['PUT', 308],
    ['PATCH', 308],
    ['DELETE', 308],
  ])('%s of a doubled slash is %d', (method, status) => {
    expect(decode(`${method} /v1/a//b?x=1`)).toEqual({ kind: 'redirect', status, location: '/v1/a/b?x=1' });
  });

  test('what is not below /v1/ is absent, before any header is looked at', () => {
    expect(decode('GET /', { 'x-vault-namespace': 'x' })).toEqual({ kind: 'absent' });
  });
});

describe('the type of a PATCH', () => {
  test.each([
    'application/merge-patch+json',
    'application/merge-patch+json; charset=utf-8',
    'Application/Merge-Patch+JSON ;a=b',
  ])('%j is taken', (type) => {
    expect(decode('PATCH /v1/a', { 'content-type': type })).toMatchObject({
      operation: 'patch',
      data: undefined,
    });
  });

  test.each(['application/json', 'text/plain', 'application/merge-patch+jsonx'])('%j is 415', (type) => {
    expect(() => decode('PATCH /v1/a', { 'content-type': type })).toThrow(refusal('unsupported_media_type'));
  });

  test.each([undefined, '', 'merge-patch', '/', 'a/', ';', 'a b/c', 'application/merge-patch+json x'])(
    '%j is 400',
    (type) => {
      const headers = type === undefined ? {} : { 'content-type': type };
      expect(() => decode('PATCH /v1/a', headers)).toThrow(refusal('invalid_request'));
    },
  );

  test('a media type is read without its parameters', () => {
    expect(mediaTypeOf(' Text/HTML;charset=x')).toBe('text/html');
    expect(mediaTypeOf(undefined)).toBeUndefined();
  });
});

describe('the token', () => {
  test.each([
    [{}, undefined],
    [{ 'x-vault-token': 'T' }, 'T'],
    [{ authorization: 'Bearer T' }, 'T'],
    [{ authorization: 'Bearer   T ' }, 'T'],
    [{ 'x-vault-token': 'T', authorization: 'Bearer U' }, 'T'],
    [{ 'x-vault-token': '', authorization: 'Bearer U' }, 'U'],
    [{ authorization: 'bearer T' }, undefined],
    [{ authorization: 'Basic T' }, undefined],
    [{ authorization: 'Bearer' }, undefined],
    [{ authorization: 'Bearer  ' }, undefined],
  ])('%j', (headers, token) => {
    expect(decode('GET /v1/a', headers)).toMatchObject({ token });
  });

  test.each(['T\n', 'T\r\n', 'T\t', ' T', 'T, T', 'T\0', 'T\x7f', 'T\xa0', 'Té'])(
    '%j is never taken for T',
    (token) => {
      expect(() => decode('GET /v1/a', { 'x-vault-token': token })).toThrow(refusal('invalid_request'));
    },
  );
});

describe('namespace and wrapping', () => {
  test.each(['', '/', 'root'])('namespace %j is the root one', (namespace) => {
    expect(decode('GET /v1/a', { 'x-vault-namespace': namespace })).toMatchObject({ kind: 'request' });
  });

  test.each(['a', 'a/', 'root/', '/root', 'ROOT', ' root', '//', 'root, root', '..'])(
    'threat 12: namespace %j is 404',
    (namespace) => {
      expect(() => decode('GET /v1/a', { 'x-vault-namespace': namespace })).toThrow(
        refusal('not_found', 'namespace not found'),
      );
    },
  );

  test.each([
    [undefined, 0],
    ['', 0],
    ['0', 0],
    ['60', 60],
    ['5m', 300],
    ['1h30m', 5_400],
    ['500ms', 1],
  ])('wrap TTL %j is %d seconds', (text, wrapTtl) => {
    const headers = text === undefined ? {} : { 'x-vault-wrap-ttl': text };
    expect(decode('GET /v1/a', headers)).toMatchObject({ wrapTtl });
  });

  test.each(['-1', '-5m', 'soon', '60, 60', '1e3', ' 60'])('wrap TTL %j is 400', (text) => {
    expect(() => decode('GET /v1/a', { 'x-vault-wrap-ttl': text })).toThrow(refusal('invalid_request'));
  });
});
