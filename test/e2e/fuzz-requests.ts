/** Requests for a server, made from its own OpenAPI document: what it declares, and what nobody should send. */
import fc from 'fast-check';
import type { FieldSpec, Fields, FieldType } from '../../src/core/endpoint.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../src/json.ts';
import { fieldsFor, hostileTexts } from '../fakes/field-values.ts';
import { at } from './wire.ts';

/** Which token a request brings; the texts are the fuzzer's to put in. */
export type TokenKind = 'powerful' | 'weak' | 'none' | 'garbage';

export interface FuzzRequest {
  readonly method: string;
  /** Below `/v1/`, as it goes over the wire, query included. */
  readonly path: string;
  readonly token: TokenKind;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
}

export interface FuzzTarget {
  /** Method and path template. */
  readonly name: string;
  readonly requests: fc.Arbitrary<FuzzRequest>;
}

/** Every operation of the document, but for those whose success would end the run: `spared` is asked of `POST /sys/seal`. */
export function fuzzTargets(document: JsonObject, spared: (name: string) => boolean): readonly FuzzTarget[] {
  return Object.entries(document['paths'] as JsonObject).flatMap(([template, item]) =>
    Object.entries(item as JsonObject).flatMap(([method, operation]) => {
      if (!isJsonObject(operation) || !['get', 'post', 'patch', 'delete'].includes(method)) return [];
      const name = `${method.toUpperCase()} ${template}`;
      return [{ name, requests: requestsFor(method.toUpperCase(), template, operation, spared(name)) }];
    }),
  );
}

const wireMethods = [
  'GET',
  'HEAD',
  'LIST',
  'SCAN',
  'HELP',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'PROPFIND',
  'REPORT',
];

/** GET of a folder is a list, and may be sent as one. */
function methodsOf(method: string, template: string): readonly string[] {
  if (method === 'GET' && template.endsWith('/')) return ['LIST', 'SCAN', 'GET'];
  return method === 'POST' ? ['POST', 'PUT'] : [method];
}

function requestsFor(
  method: string,
  template: string,
  operation: JsonObject,
  spare: boolean,
): fc.Arbitrary<FuzzRequest> {
  const own = fc.constantFrom(...methodsOf(method, template));
  const other = fc.constantFrom(...wireMethods);
  const token = fc.oneof(
    { weight: 6, arbitrary: fc.constant<TokenKind>('powerful') },
    { weight: 2, arbitrary: fc.constant<TokenKind>('weak') },
    { weight: 1, arbitrary: fc.constantFrom<TokenKind>('none', 'garbage') },
  );
  const body = fc.oneof(
    { weight: 5, arbitrary: fieldsFor(bodyFields(operation)).map(jsonBytes) },
    { weight: 2, arbitrary: fc.constantFrom(...oddBodies) },
  );
  return fc
    .record({
      method: fc.oneof({ weight: 8, arbitrary: own }, { weight: 1, arbitrary: other }),
      path: fc
        .tuple(pathsFrom(template), queriesFor(method, template, operation))
        .map(([path, query]) => path + query),
      token,
      headers: headersFor(method),
      body,
    })
    .map((request) => ({
      ...request,
      // Only tokens that may not do it ask for what would end the run.
      token: spare && request.token === 'powerful' ? ('weak' as const) : request.token,
      body: withBody(request.method) || request.headers['x-odd'] !== undefined ? request.body : undefined,
    }));
}

function withBody(method: string): boolean {
  return ['POST', 'PUT', 'PATCH'].includes(method);
}

const names = ['sample', 'sample/below', 'b-1', 'A'];

/** Mostly well encoded; sometimes with what an encoder would never leave. */
function pathsFrom(template: string): fc.Arbitrary<string> {
  const captures = template.match(/\{[^}]+\}/g)?.length ?? 0;
  const segment = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...names) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(...hostileTexts.filter((text) => text.length < 400)).map(encoded),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        '%',
        '%zz',
        '%00',
        '%2f',
        '%5c',
        '%c0%af',
        '%ff',
        'a//b',
        './a',
        'a/..',
        '%2e%2e',
        'a#b',
        '\\',
      ),
    },
  );
  const end = fc.oneof(
    { weight: 12, arbitrary: fc.constant('') },
    { weight: 1, arbitrary: fc.constantFrom('/', '//', '/x', '%20') },
  );
  return fc
    .tuple(fc.array(segment, { minLength: captures, maxLength: captures }), end)
    .map(([values, last]) => {
      let next = 0;
      return template.slice(1).replace(/\{[^}]+\}/g, () => values[next++] ?? '') + last;
    });
}

function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

const oddQueries = [
  '?',
  '?=',
  '?&&',
  '?%zz',
  '?a=%ff',
  '?list=maybe',
  '?scan=true',
  '?list=true&scan=true',
  '?help=1',
  '?help=perhaps',
  '?list=true&list=true',
  '?__proto__=a',
  '??',
  '?a=1#b',
];

function queriesFor(method: string, template: string, operation: JsonObject): fc.Arbitrary<string> {
  const fields = queryFields(operation);
  const list = method === 'GET' && template.endsWith('/') ? { list: 'true' } : {};
  const sensible = fieldsFor(fields).map((values) => queryText({ ...list, ...values }));
  return fc.oneof(
    { weight: 2, arbitrary: fc.constant(queryText(list)) },
    { weight: 3, arbitrary: sensible },
    { weight: 1, arbitrary: fc.constantFrom(...oddQueries) },
  );
}

function queryText(values: JsonObject): string {
  const pairs = Object.entries(values).map(([name, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return `${encoded(name)}=${encoded(text.slice(0, 2_000))}`;
  });
  return pairs.length === 0 ? '' : `?${pairs.join('&').slice(0, 6_000).replace(/%.?$/, '')}`;
}

const types = [
  'application/json',
  'application/json; charset=utf-8',
  'application/x-www-form-urlencoded',
  'application/merge-patch+json',
  'text/plain',
  'nonsense',
  '',
];

function headersFor(method: string): fc.Arbitrary<Readonly<Record<string, string>>> {
  const type =
    method === 'PATCH'
      ? fc.oneof(fc.constant('application/merge-patch+json'), fc.constantFrom(...types))
      : fc.constantFrom(...types);
  const odd: fc.Arbitrary<Record<string, string>> = fc.constantFrom<Record<string, string>>(
    { 'x-vault-wrap-ttl': '60' },
    { 'x-vault-wrap-ttl': '-1' },
    { 'x-vault-wrap-ttl': '9'.repeat(400) },
    { 'x-vault-namespace': 'team/a' },
    { 'x-vault-namespace': 'root' },
    { 'x-forwarded-for': '127.0.0.1, ::1' },
    { authorization: 'Bearer  ' },
    { authorization: `Basic ${'A'.repeat(2_000)}` },
    { 'x-vault-token': 'a, b' },
    { 'content-encoding': 'gzip' },
    { 'x-odd': '1' },
    { 'x-large': 'x'.repeat(12_000) },
    { 'x-too-large': 'x'.repeat(20_000) },
    Object.fromEntries(Array.from({ length: 140 }, (_, index) => [`x-many-${index}`, '1'])),
    { expect: 'something' },
    { upgrade: 'websocket', connection: 'upgrade' },
    { 'x-vault-mfa': 'a:b' },
    { cookie: 'a=b' },
  );
  return fc
    .tuple(type, fc.oneof({ weight: 6, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: odd }))
    .map(([one, two]) => ({ 'content-type': one, ...two }));
}

function jsonBytes(fields: JsonObject): Buffer {
  return Buffer.from(JSON.stringify(fields));
}

const oddBodies: readonly Buffer[] = [
  '',
  ' ',
  'null',
  '[]',
  '"text"',
  '{',
  '{"a":',
  '{"a":1}}',
  '{"a":1,"a":2}',
  '{"data":{"a":1e999,"b":-0,"c":12345678901234567890}}',
  `${'{"a":'.repeat(200)}1${'}'.repeat(200)}`,
  `${'['.repeat(100_000)}`,
  `{"a":"${'x'.repeat(200_000)}"}`,
  `{${Array.from({ length: 5_000 }, (_, index) => `"n${index}":${index}`).join(',')}}`,
  `{"data":"${'{\\"a\\":'.repeat(5_000)}1${'}'.repeat(5_000)}"}`,
  'a=1&a=2&b=%ff&__proto__=x',
  '\u0000\u0001\u0002',
  '{"data":{"\\ud800":"\\udfff"}}',
]
  .map((text) => Buffer.from(text))
  .concat(
    Buffer.from([0xff, 0xfe, 0x00, 0x80]),
    Buffer.from('{"a":"\xff"}', 'latin1'),
    Buffer.from('1f8b0800', 'hex'),
  );

function bodyFields(operation: JsonObject): Fields {
  const content = at(operation, 'requestBody', 'content');
  const media = isJsonObject(content) ? Object.values(content)[0] : undefined;
  const properties = at(media, 'schema', 'properties');
  if (!isJsonObject(properties)) return {};
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, fieldOf(schema)]));
}

function queryFields(operation: JsonObject): Fields {
  const parameters = operation['parameters'];
  if (!Array.isArray(parameters)) return {};
  const entries = parameters.flatMap((parameter: JsonValue): [string, FieldSpec][] => {
    const name = at(parameter, 'name');
    const schema = at(parameter, 'schema') ?? at(parameter, 'content', 'application/json', 'schema') ?? {};
    return typeof name === 'string' && name !== 'list' && name !== 'scan' ? [[name, fieldOf(schema)]] : [];
  });
  return Object.fromEntries(entries);
}

function fieldOf(schema: JsonValue): FieldSpec {
  return { type: typeOf(schema), help: '' };
}

function typeOf(schema: JsonValue): FieldType {
  const inner = at(schema, 'items', 'type');
  switch (at(schema, 'type')) {
    case 'string':
      return 'string';
    case 'number':
      return 'float';
    case 'boolean':
      return 'bool';
    case 'integer':
      return at(schema, 'format') === 'seconds' ? 'duration' : 'int';
    case 'array':
      return inner === 'integer' ? 'ints' : 'list';
    case 'object':
      return at(schema, 'additionalProperties', 'type') === 'string' ? 'pairs' : 'object';
    default:
      return 'any';
  }
}

/** Whole connections that no HTTP client would make. `token` is a real one where a request wants to get far. */
export function rawConnections(token: string): readonly Buffer[] {
  const head = `Host: a\r\nX-Vault-Token: ${token}\r\n`;
  const get = `GET /v1/secret/data/known HTTP/1.1\r\n${head}\r\n`;
  const texts = [
    '\r\n\r\n\r\n',
    'GET\r\n\r\n',
    'GET / HTTP/9.9\r\n\r\n',
    'GET /v1/sys/health HTTP/1.1\r\n\r\n',
    `GET /v1/sys/health HTTP/1.0\r\n\r\n`,
    `LIST /v1/secret/metadata HTTP/1.1\r\n${head}\r\n`,
    `LIST /v1/secret/metadata HTTP/1.1\r\n${head}\r\n${get}`,
    `${get}LIST /v1/secret/metadata HTTP/1.1\r\n${head}\r\n`,
    `${get.repeat(10)}`,
    `${get.repeat(200)}`,
    `LISTEN /v1/a HTTP/1.1\r\n${head}\r\n`,
    `GET /v1/${'a/'.repeat(5_000)} HTTP/1.1\r\n${head}\r\n`,
    `GET /v1/\u0001\u0002 HTTP/1.1\r\n${head}\r\n`,
    `GET http://elsewhere/v1/sys/health HTTP/1.1\r\n${head}\r\n`,
    `GET * HTTP/1.1\r\n${head}\r\n`,
    `CONNECT elsewhere:443 HTTP/1.1\r\n${head}\r\n`,
    `POST /v1/secret/data/raw HTTP/1.1\r\n${head}Content-Length: 5\r\nContent-Length: 6\r\n\r\n{"a":`,
    `POST /v1/secret/data/raw HTTP/1.1\r\n${head}Content-Length: -1\r\n\r\n`,
    `POST /v1/secret/data/raw HTTP/1.1\r\n${head}Content-Length: 99999999999\r\n\r\n{}`,
    `POST /v1/secret/data/raw HTTP/1.1\r\n${head}Content-Length: 20\r\n\r\n{"data"`,
    `POST /v1/secret/data/raw HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n`,
    `POST /v1/secret/data/raw HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
    `POST /v1/secret/data/raw HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
    `POST /v1/secret/data/raw HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\n2;${'x'.repeat(20_000)}\r\n{}\r\n0\r\n\r\n`,
    `POST /v1/secret/data/raw HTTP/1.1\r\n${head}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    `GET /v1/sys/health HTTP/1.1\r\n${head}${'X-Flood: a\r\n'.repeat(400)}\r\n`,
    `GET /v1/sys/health HTTP/1.1\r\n${head}X-Large: ${'a'.repeat(40_000)}\r\n\r\n`,
    `GET /v1/sys/health HTTP/1.1\r\n${head}X-Fold: a\r\n b\r\n\r\n`,
    `GET /v1/sys/health HTTP/1.1\r\n${head}X-Nul: a\u0000b\r\n\r\n`,
    `GET /v1/sys/health HTTP/1.1\n${head}\n`,
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  ];
  return [
    ...texts.map((text) => Buffer.from(text, 'latin1')),
    Buffer.from('16030100c8010000c4', 'hex'),
    Buffer.alloc(70_000, 0xff),
  ];
}
