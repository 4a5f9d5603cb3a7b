import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { s3Reader } from './s3-reader.ts';

interface Seen {
  readonly path: string;
  /** Of the signature. */
  readonly region: string;
  readonly etag: string | undefined;
  readonly authorization: string;
}

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

type Answer = (seen: Seen, response: ServerResponse) => void;

/** An S3 that answers as a test says. */
async function startS3(answer: Answer): Promise<{ readonly endpoint: string; readonly seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    const { authorization = '' } = request.headers;
    const region = /Credential=[^/]+\/\d+\/([^/]+)\//.exec(authorization)?.[1] ?? '';
    const each = { path: request.url ?? '', region, etag: request.headers['if-none-match'], authorization };
    seen.push(each);
    request.resume();
    answer(each, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

const keys = { AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE', AWS_SECRET_ACCESS_KEY: 'of-a-test' };

function reader(endpoint: string, more: Readonly<Record<string, string>> = {}, most = 1_000) {
  const env = { ...keys, AWS_CONFIG_FILE: '/nowhere', AWS_ENDPOINT_URL_S3: endpoint, ...more };
  const opened = s3Reader({ env, attempts: 1 }, { bucket: 'mint', most });
  open.push(() => opened.close());
  return opened;
}

const refusal = (code: string) => `<Error><Code>${code}</Code><Message>no</Message></Error>`;

/** The bucket is in eu-west-1, and this is how others say so. */
function inEurope(status: number, code: string): Answer {
  return ({ region }, response) => {
    if (region === 'eu-west-1') return void response.writeHead(200, { ETag: '"1"' }).end('{}');
    response.writeHead(status, { 'x-amz-bucket-region': 'eu-west-1', 'Content-Type': 'application/xml' });
    response.end(refusal(code));
  };
}

describe('an object of a bucket', () => {
  it.each([
    [301, 'PermanentRedirect'],
    [307, 'TemporaryRedirect'],
    [400, 'AuthorizationHeaderMalformed'],
  ])('is found in the region that S3 names with %i', async (status, code) => {
    const s3 = await startS3(inEurope(status, code));
    const opened = reader(s3.endpoint);
    expect(await opened.read('shop/user.json')).toMatchObject({ kind: 'found', etag: '"1"' });
    await opened.read('shop/client.json');
    // The second one goes there at once.
    expect(s3.seen.map(({ region, path }) => [region, path.split('?')[0]])).toEqual([
      ['us-east-1', '/mint/shop/user.json'],
      ['eu-west-1', '/mint/shop/user.json'],
      ['eu-west-1', '/mint/shop/client.json'],
    ]);
  });

  it('is not looked for in circles', async () => {
    const s3 = await startS3(({ region }, response) => {
      const other = region === 'eu-west-1' ? 'eu-central-1' : 'eu-west-1';
      response.writeHead(301, { 'x-amz-bucket-region': other }).end(refusal('PermanentRedirect'));
    });
    await expect(reader(s3.endpoint).read('a')).rejects.toMatchObject({ code: 'invalid_request' });
    // With a region that was said it were one more.
    expect(s3.seen).toHaveLength(2);
  });

  it('threat 21: is not looked for at a host that a header makes up', async () => {
    const s3 = await startS3((_, response) => {
      response.writeHead(301, { 'x-amz-bucket-region': 'evil.example/' }).end(refusal('PermanentRedirect'));
    });
    await expect(reader(s3.endpoint).read('a')).rejects.toMatchObject({ code: 'invalid_request' });
    expect(s3.seen).toHaveLength(1);
  });

  it('is not sent again where it is known', async () => {
    const s3 = await startS3(({ etag }, response) => {
      if (etag === '"1"') response.writeHead(304).end();
      else response.writeHead(200, { ETag: '"1"' }).end('{}');
    });
    const opened = reader(s3.endpoint, { AWS_REGION: 'eu-west-1' });
    expect(await opened.read('a')).toEqual({ kind: 'found', body: Buffer.from('{}'), etag: '"1"' });
    expect(await opened.read('a', '"1"')).toEqual({ kind: 'unchanged' });
  });

  it('is refused where it is too large, missing or denied', async () => {
    const answers: Readonly<Record<string, Answer>> = {
      large: (_, response) => void response.writeHead(200).end('x'.repeat(2_000)),
      missing: (_, response) => void response.writeHead(404).end(refusal('NoSuchKey')),
      denied: (_, response) => void response.writeHead(403).end(refusal('AccessDenied')),
    };
    const s3 = await startS3((seen, response) =>
      answers[seen.path.split('?')[0]?.slice(6) ?? '']?.(seen, response),
    );
    const opened = reader(s3.endpoint, { AWS_REGION: 'eu-west-1' });
    await expect(opened.read('large')).rejects.toMatchObject({ reason: 'invalid' });
    await expect(opened.read('missing')).rejects.toMatchObject({ reason: 'not-found', code: 'not_found' });
    await expect(opened.read('denied')).rejects.toMatchObject({
      reason: 'denied',
      code: 'permission_denied',
    });
  });
});
