/** Requests that are made to look like proof, and answers that are made to look like STS's: each is refused, with one answer for all. */
import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Asked, ask, makePlace, type Place } from '../../../test/fakes/client.ts';
import {
  base64,
  callerAnswer,
  FakeSts,
  type KnownCaller,
  question,
  type SignedFields,
  signedHeaders,
  signedLogin,
  xml,
} from '../../../test/fakes/fake-sts.ts';
import { type WatchedMethod, watched } from '../../../test/fakes/watched-method.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';
import { aws } from './aws.ts';

const account = '123456789012';
const app: KnownCaller = {
  accessKey: 'ASIAAPPAPPAPPAPPAPPA',
  secretKey: 'secret-of-app',
  token: 'session-of-app',
  arn: `arn:aws:sts::${account}:assumed-role/app/one`,
  userId: 'AROAAPPAPPAPPAPPAPPAP:one',
  account,
};
const roleArn = `arn:aws:iam::${account}:role/app`;
const serverId = 'coffer.example.com';

let sts: FakeSts;
let place: Place;
let node: CofferNode;
let method: WatchedMethod;

beforeAll(async () => {
  sts = await new FakeSts().open();
  sts.callers.push(app);
  sts.roles.set('app', { arn: roleArn, id: 'AROAAPPAPPAPPAPPAPPAP' });
  const keys = { AWS_ACCESS_KEY_ID: 'AKIAOFTHESERVER00000', AWS_SECRET_ACCESS_KEY: 'test' };
  const env = { ...keys, AWS_ENDPOINT_URL: sts.endpoint };
  method = watched(aws({ env, endpoints: [sts.endpoint], profiles: [] }));
  place = await makePlace({ authMethods: [method.type], silent: true });
  node = await place.node();
  await ask(node, 'update', 'sys/auth/aws', { type: 'aws' });
  await ask(node, 'update', 'auth/aws/role/app', { bound_iam_principal_arn: roleArn, token_policies: 'app' });
});
afterAll(async () => {
  await place.remove();
  await sts.close();
});
beforeEach(async () => {
  await ask(node, 'update', 'auth/aws/config/client', {
    iam_server_id_header_value: serverId,
    allowed_sts_header_values: 'x-extra,accept,connection',
  });
  place.clock.advance(1);
  method.reason();
});
afterEach(() => {
  sts.instead = undefined;
  sts.seen.length = 0;
});

type Order = Parameters<typeof signedLogin>[1];

function order(change: Partial<Order> = {}): Order {
  const headers = { 'X-Vault-AWS-IAM-Server-ID': serverId, ...change.headers };
  return { at: place.clock.now(), ...change, headers };
}

function logIn(fields: SignedFields | JsonObject, from = '192.0.2.1'): Promise<Asked> {
  return ask(node, 'update', 'auth/aws/login', { role: 'app', ...fields }, null, { from });
}

const good = () => signedLogin(app, order());

/** Headers as they would be right, changed after they were signed. */
function withHeaders(change: (headers: Record<string, string>) => unknown): JsonObject {
  const headers = signedHeaders(app, order());
  const changed = change(headers) ?? headers;
  return { ...good(), iam_request_headers: base64(JSON.stringify(changed)) };
}

function without(name: string): (headers: Record<string, string>) => unknown {
  return (headers) => Object.fromEntries(Object.entries(headers).filter(([each]) => each !== name));
}

function authorization(change: (text: string) => string): (headers: Record<string, string>) => unknown {
  return (headers) => ({ ...headers, Authorization: change(headers['Authorization'] ?? '') });
}

const signed = (change: Partial<Order>) => () => signedLogin(app, order(change));
const url = (text: string) => () => ({ ...good(), iam_request_url: base64(text) });
const header = (name: string, value: string) => signed({ headers: { [name]: value } });
const bent = (change: (headers: Record<string, string>) => unknown) => () => withHeaders(change);
const raw = (fields: JsonObject) => () => ({ ...good(), ...fields });

const requests: readonly (readonly [string, () => SignedFields | JsonObject])[] = [
  ['the method GET', signed({ method: 'GET' })],
  ['the method post', raw({ iam_http_request_method: 'post' })],
  ['the method PUT', signed({ method: 'PUT' })],
  ['a method with a space', raw({ iam_http_request_method: 'POST ' })],
  ['another host', signed({ host: 'sts.evil.example' })],
  ['a host below another', signed({ host: 'sts.amazonaws.com.evil.example' })],
  ['a host that begins alike', signed({ host: 'sts.amazonaws.com.' })],
  ['a region that is none', signed({ host: 'sts.evil-1.amazonaws.com', region: 'evil-1' })],
  ['a bucket’s host', signed({ host: 'sts.us-east-1.s3.amazonaws.com' })],
  ['this machine', signed({ host: '127.0.0.1' })],
  ['the metadata service', signed({ host: '169.254.169.254' })],
  ['a host in capitals', signed({ host: 'STS.AMAZONAWS.COM' })],
  ['a URL of another host than Host', url('https://sts.eu-central-1.amazonaws.com/')],
  ['a URL with a user', url('https://sts.amazonaws.com@evil.example/')],
  ['a URL with a user before', url('https://evil.example@sts.amazonaws.com/')],
  ['a URL with a port', url('https://sts.amazonaws.com:8443/')],
  ['a URL with the usual port', url('https://sts.amazonaws.com:443/')],
  ['a URL with a query', url('https://sts.amazonaws.com/?Action=AssumeRole')],
  ['a URL with an empty query', url('https://sts.amazonaws.com/?')],
  ['a URL with a fragment', url('https://sts.amazonaws.com/#')],
  ['a URL with a path', url('https://sts.amazonaws.com/a')],
  ['a URL with a path that leads back', url('https://sts.amazonaws.com/a/..')],
  ['a URL with two slashes', url('https://sts.amazonaws.com//')],
  ['a URL without TLS', url('http://sts.amazonaws.com/')],
  ['a URL of a file', url('file:///etc/passwd')],
  ['a URL with a tab', url('https://sts.amazonaws.com/\t')],
  ['a URL with a line', url('https://sts.amazonaws.com/\r\nX-A: b')],
  ['a URL with a backslash', url('https://sts.amazonaws.com\\@evil.example/')],
  ['a URL in other letters', url('https://sts.amazonаws.com/')],
  ['no URL', raw({ iam_request_url: base64(' ') })],
  ['a URL that is no base64', raw({ iam_request_url: 'https://sts.amazonaws.com/' })],
  [
    'a URL in base64 with something behind',
    raw({ iam_request_url: `${base64('https://sts.amazonaws.com/')}!` }),
  ],
  ['a URL in base64 with a line', raw({ iam_request_url: `${base64('https://sts.amazonaws.com/')}\n` })],
  [
    'base64 without its end',
    raw({ iam_request_url: `${base64('https://sts.amazonaws.com').replace(/=+$/, '')}B` }),
  ],
  ['another action', signed({ body: 'Action=GetFederationToken&Version=2011-06-15' })],
  ['a second action', signed({ body: `${question}&Action=AssumeRole` })],
  ['a second action before', signed({ body: `Action=AssumeRole&${question}` })],
  ['one parameter more', signed({ body: `${question}&Foo=bar` })],
  ['the parameters in another order', signed({ body: 'Version=2011-06-15&Action=GetCallerIdentity' })],
  ['the action in lower case', signed({ body: 'action=getcalleridentity&version=2011-06-15' })],
  ['an escaped action', signed({ body: 'Action=GetCaller%49dentity&Version=2011-06-15' })],
  ['a line behind the action', signed({ body: `${question}\n` })],
  ['a long body', signed({ body: question + '&'.repeat(5_000) })],
  ['Host twice in two spellings', bent((all) => ({ ...all, host: 'evil.example' }))],
  ['Host with two values', bent((all) => ({ ...all, Host: ['sts.amazonaws.com', 'evil.example'] }))],
  ['Host with no value', bent((all) => ({ ...all, Host: [] }))],
  ['Host of another region', bent((all) => ({ ...all, Host: 'sts.eu-central-1.amazonaws.com' }))],
  ['Authorization twice', bent((all) => ({ ...all, authorization: all['Authorization'] ?? '' }))],
  ['a server id twice', bent((all) => ({ ...all, 'x-vault-aws-iam-server-id': serverId }))],
  ['a server id of another server', header('X-Vault-AWS-IAM-Server-ID', 'other.example.com')],
  ['a server id in capitals', header('X-Vault-AWS-IAM-Server-ID', serverId.toUpperCase())],
  ['no server id', bent(without('X-Vault-AWS-IAM-Server-ID'))],
  [
    'a server id that is not signed',
    () => {
      const headers = signedHeaders(app, { at: place.clock.now() });
      const added = { ...headers, 'X-Vault-AWS-IAM-Server-ID': serverId };
      return { ...good(), iam_request_headers: base64(JSON.stringify(added)) };
    },
  ],
  ['Accept for JSON', header('Accept', 'application/json')],
  ['Accept, although it was allowed', header('accept', 'text/xml')],
  ['Accept-Encoding', header('Accept-Encoding', 'gzip')],
  ['a header that is not allowed', header('X-Foo', 'bar')],
  ['X-Amz-Target', header('X-Amz-Target', 'AWSSecurityTokenServiceV20110615.AssumeRole')],
  ['another header of AWS’s', header('X-Amz-Foo', 'bar')],
  ['Transfer-Encoding', header('Transfer-Encoding', 'chunked')],
  ['Connection, although it was allowed', header('Connection', 'X-Amz-Date')],
  ['Expect', header('Expect', '100-continue')],
  ['X-HTTP-Method-Override', header('X-HTTP-Method-Override', 'GET')],
  ['X-Forwarded-Host', header('X-Forwarded-Host', 'evil.example')],
  ['a line in a value', header('X-Extra', 'a\r\nHost: evil.example')],
  ['a space behind a value', header('X-Extra', 'a ')],
  ['a value that is not ASCII', header('X-Extra', 'ä')],
  ['a NUL in a value', header('X-Extra', 'a\0')],
  ['an empty value', header('X-Extra', '')],
  ['a value that is too long', header('X-Extra', 'a'.repeat(9_000))],
  ['a line in a name', bent((all) => ({ ...all, 'X-Extra\r\nHost': 'evil.example' }))],
  [
    'another name of a prototype',
    bent((all) => JSON.parse(JSON.stringify(all).replace('{', '{"__proto__":"a",'))),
  ],
  ['JSON’s content type', header('Content-Type', 'application/json')],
  ['no content type', bent(without('Content-Type'))],
  ['another length', header('Content-Length', '44')],
  ['the digest of another body', header('X-Amz-Content-Sha256', 'UNSIGNED-PAYLOAD')],
  ['no Authorization', bent(without('Authorization'))],
  ['an older version of signatures', bent(authorization((text) => text.replace('AWS4-HMAC-SHA256', 'AWS3')))],
  [
    'a signature by ECDSA',
    bent(authorization((text) => text.replace('AWS4-HMAC-SHA256', 'AWS4-ECDSA-P256-SHA256'))),
  ],
  ['a second Credential', bent(authorization((text) => `${text}, Credential=a`))],
  ['a second signature', bent(authorization((text) => `${text}, Signature=${'0'.repeat(64)}`))],
  ['a signature for another service', signed({ service: 'iam' })],
  ['a region with a path', bent(authorization((text) => text.replace('us-east-1', '../us-east-1')))],
  ['signed headers without Host', bent(authorization((text) => text.replace('host;', '')))],
  ['signed headers without the date', bent(authorization((text) => text.replace('x-amz-date;', '')))],
  ['signed headers that are not there', bent(authorization((text) => text.replace('host;', 'host;x-a;')))],
  [
    'signed headers in another order',
    bent(authorization((text) => text.replace('content-type;host', 'host;content-type'))),
  ],
  ['a signed header twice', bent(authorization((text) => text.replace('host;', 'host;host;')))],
  [
    'Authorization that signs itself',
    bent(authorization((text) => text.replace('SignedHeaders=', 'SignedHeaders=authorization;'))),
  ],
  ['a session that is not signed', bent(authorization((text) => text.replace('x-amz-security-token;', '')))],
  ['no date', bent(without('X-Amz-Date'))],
  ['a date that is none', header('X-Amz-Date', 'yesterday')],
  ['a date of another day', header('X-Amz-Date', '20200101T000000Z')],
  ['a month that is none', header('X-Amz-Date', '20261322T000000Z')],
  ['a date long ago', () => signedLogin(app, order({ at: place.clock.now() - 901_000 }))],
  ['a date in the future', () => signedLogin(app, order({ at: place.clock.now() + 902_000 }))],
];

describe('a login by a request that is not as it must be', () => {
  it('is the change alone: as it is, the request logs in, and STS sees what was signed and nothing else', async () => {
    const { status, auth } = await logIn(good());
    expect([status, auth?.policies]).toEqual([200, ['app', 'default']]);
    const [seen] = sts.seen;
    expect([seen?.method, seen?.url, seen?.body]).toEqual(['POST', '/', question]);
    expect(seen?.headers.map(([name]) => name.toLowerCase()).toSorted()).toEqual([
      'accept',
      'accept-encoding',
      'authorization',
      'connection',
      'content-length',
      'content-type',
      'host',
      'x-amz-date',
      'x-amz-security-token',
      'x-vault-aws-iam-server-id',
    ]);
  });

  it.each(requests)('threat 01: %s', async (_what, made) => {
    const { status, errors, auth } = await logIn(made());
    expect([status, errors, auth]).toEqual([400, ['permission denied'], null]);
    expect(method.reason()).toMatch(/signed request proves nothing/);
    expect(sts.seen).toEqual([]);
  });

  it.each([
    ['headers that are no JSON', { iam_request_headers: base64('Host: a') }],
    ['headers that are a list', { iam_request_headers: base64('["Host"]') }],
    ['headers in headers', { iam_request_headers: base64('{"Host":{"a":"b"}}') }],
    ['a part of the fields', { iam_request_body: '' }],
    ['an instance’s proof besides', { pkcs7: 'YQ==' }],
    ['headers that are no base64', { iam_request_headers: '%%%' }],
  ] as const)('threat 01: %s is no login', async (_what, fields) => {
    const { status, auth } = await logIn({ ...good(), ...fields });
    expect([status, auth]).toEqual([400, null]);
    expect(sts.seen).toEqual([]);
  });

  it('threat 21: never leads to the host that a client names', async () => {
    const evil = await new FakeSts().open();
    evil.callers.push(app);
    const { host } = new URL(evil.endpoint);
    for (const named of [evil.endpoint, `${evil.endpoint}/`])
      expect((await logIn(signedLogin(app, order({ host, url: named })))).status).toBe(400);
    await evil.close();
    expect([evil.seen, sts.seen]).toEqual([[], []]);
  });
});

const right = callerAnswer(app);
const other = 'arn:aws:sts::210987654321:assumed-role/app/one';
const answers: readonly (readonly [string, (response: ServerResponse) => void])[] = [
  ['JSON', (to) => to.writeHead(200, { 'content-type': 'application/json' }).end(right)],
  ['no kind', (to) => to.writeHead(200).end(right)],
  ['another kind of XML', (to) => to.writeHead(200, { 'content-type': 'application/xml' }).end(right)],
  ...[
    ['another namespace', right.replace('2011-06-15', '2010-05-08')],
    ['no namespace', right.replace(/ xmlns="[^"]*"/, '')],
    ['another root', right.replaceAll('GetCallerIdentityResponse', 'AssumeRoleResponse')],
    ['a prefix', right.replaceAll('<Arn>', '<a:Arn>').replaceAll('</Arn>', '</a:Arn>')],
    ['a DTD', `<!DOCTYPE a [<!ENTITY b "c">]>${right}`],
    ['a comment', right.replace('<Arn>', '<!-- --><Arn>')],
    ['a comment in the ARN', right.replace('role/app', 'role/<!-- -->app')],
    ['CDATA', right.replace(app.arn, `<![CDATA[${app.arn}]]>`)],
    ['an entity', right.replace('role/app', 'role/&#97;pp')],
    ['an instruction', right.replace('<Arn>', '<?a b?><Arn>')],
    ['two ARNs', right.replace('<Arn>', `<Arn>${other}</Arn><Arn>`)],
    ['two accounts', right.replace('<Account>', '<Account>210987654321</Account><Account>')],
    [
      'two results',
      right.replace(
        '<ResponseMetadata>',
        '<GetCallerIdentityResult></GetCallerIdentityResult><ResponseMetadata>',
      ),
    ],
    [
      'an ARN elsewhere',
      right.replace('<RequestId>', `<Arn>${app.arn}</Arn><RequestId>`).replace(/<Arn>.*?<\/Arn>/, ''),
    ],
    ['no account', right.replace(/<Account>.*<\/Account>/, '')],
    ['another account', right.replace(`<Account>${account}`, '<Account>210987654321')],
    ['an ARN of another account', right.replace(app.arn, other)],
    ['another session', right.replace(':one</UserId>', ':two</UserId>')],
    ['an ARN that is none', right.replace(app.arn, 'arn:aws:sts::*')],
    ['a role in place of its session', right.replace(app.arn, roleArn)],
    ['one element more', right.replace('<Arn>', '<Foo>a</Foo><Arn>')],
    ['elements in an ARN', right.replace(app.arn, `<b>${app.arn}</b>`)],
    ['attributes', right.replace('<Arn>', '<Arn a="b">')],
    ['text around elements', right.replace('<Arn>', 'a<Arn>')],
    ['something behind', `${right}<a></a>`],
    ['something before', `a${right}`],
    ['elements that do not end', right.replace('</GetCallerIdentityResponse>', '')],
    ['elements across each other', right.replace('</Arn>', '</UserId>')],
    ['letters beyond ASCII', right.replace('role/app', 'role/аpp')],
    ['a NUL', right.replace('<Arn>', '<Arn>\0')],
    ['too much of it', right.replace('<Arn>', `${' '.repeat(9_000)}<Arn>`)],
    ['nothing', ''],
    ['an error as if it were none', '<ErrorResponse><Error><Code>a</Code></Error></ErrorResponse>'],
  ].map(([what, text]): readonly [string, (response: ServerResponse) => void] => [
    what ?? '',
    (to) => xml(to, 200, text ?? ''),
  ]),
  ['a right answer with another status', (to) => xml(to, 201, right)],
  [
    'a redirect',
    (to) => to.writeHead(302, { location: `${sts.endpoint}/`, 'content-type': 'text/xml' }).end(right),
  ],
  [
    'a compressed answer',
    (to) => to.writeHead(200, { 'content-type': 'text/xml', 'content-encoding': 'gzip' }).end(right),
  ],
];

describe('an answer that is not as STS’s', () => {
  it.each(answers)('threat 01: %s logs nobody in', async (_what, answer) => {
    sts.instead = (response) => answer(response);
    const { status, auth, errors } = await logIn(good(), '192.0.2.2');
    expect(auth).toBeNull();
    expect([status, errors]).toEqual(
      /STS answered|what STS/.test(method.reason())
        ? [400, ['permission denied']]
        : [503, ['AWS cannot be asked about this login now; try again']],
    );
    expect(sts.seen).toHaveLength(1);
  });
});
