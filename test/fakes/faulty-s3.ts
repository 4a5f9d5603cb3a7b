/** A way to S3 that goes wrong when a test says so: before a real answer is fetched from upstream, in the middle of it, or in place of it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type S3Fault =
  | {
      readonly kind: 'error';
      readonly status: number;
      readonly code: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** It is said to be done, and was not. */
  | { readonly kind: 'feign' }
  /** Taken, and never answered. */
  | { readonly kind: 'hang' }
  /** The connection breaks before anything was done. */
  | { readonly kind: 'drop' }
  /** It is done, and the connection breaks before, or in the middle of, the answer. */
  | { readonly kind: 'lost' }
  | { readonly kind: 'cut' };

export interface S3Call {
  /** `PutObject`, `UploadPart`, `CreateMultipartUpload`, … */
  readonly action: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export interface FaultyS3 {
  readonly endpoint: string;
  readonly calls: S3Call[];
  /** Undefined lets a call through. Called again for each attempt. */
  fault: (call: S3Call) => S3Fault | undefined;
  close(): Promise<void>;
}

export async function startFaultyS3(upstream: string): Promise<FaultyS3> {
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  const faulty: FaultyS3 = {
    get endpoint() {
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    },
    calls: [],
    fault: () => undefined,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const path = request.url ?? '/';
    const call = { action: actionOf(request.method ?? '', path), path, headers: request.headers, body };
    faulty.calls.push(call);
    const fault = faulty.fault(call);
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'drop') return void response.destroy();
    if (fault?.kind === 'feign') return void response.writeHead(200, { etag: '"0"' }).end();
    if (fault?.kind === 'error') {
      response.writeHead(fault.status, { 'content-type': 'application/xml', ...fault.headers });
      return void response.end(`<Error><Code>${fault.code}</Code><Message>no</Message></Error>`);
    }
    const { host: _, connection: __, 'content-length': ___, expect: ____, ...headers } = request.headers;
    const real = await fetch(upstream + path, {
      method: request.method ?? 'GET',
      headers: headers as Record<string, string>,
      ...(body.length > 0 ? { body } : {}),
    });
    const bytes = Buffer.from(await real.arrayBuffer());
    if (fault?.kind === 'lost') return void response.destroy();
    const given = Object.fromEntries(real.headers);
    if (request.method !== 'HEAD') given['content-length'] = String(bytes.length);
    delete given['transfer-encoding'];
    response.writeHead(real.status, given);
    if (fault?.kind !== 'cut') return void response.end(bytes);
    response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy());
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return faulty;
}

function actionOf(method: string, path: string): string {
  const { searchParams, pathname } = new URL(path, 'http://s3');
  const ofBucket = pathname.split('/').filter((part) => part !== '').length < 2;
  if (method === 'GET' && ofBucket)
    return searchParams.has('uploads') ? 'ListMultipartUploads' : 'ListObjects';
  if (method === 'POST')
    return searchParams.has('uploads') ? 'CreateMultipartUpload' : 'CompleteMultipartUpload';
  if (method === 'DELETE') return searchParams.has('uploadId') ? 'AbortMultipartUpload' : 'DeleteObject';
  if (method === 'PUT') return searchParams.has('uploadId') ? 'UploadPart' : 'PutObject';
  return method === 'HEAD' ? 'HeadObject' : 'GetObject';
}

/** A bucket, made for a test. */
export async function makeBucket(endpoint: string, bucket: string, region = 'eu-central-1'): Promise<void> {
  const answer = await fetch(`${endpoint}/${bucket}`, {
    method: 'PUT',
    headers: {
      authorization: `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/${region}/s3/aws4_request, SignedHeaders=host, Signature=0`,
    },
    body: `<CreateBucketConfiguration><LocationConstraint>${region}</LocationConstraint></CreateBucketConfiguration>`,
  });
  if (!answer.ok) throw new Error(`bucket: ${answer.status} ${await answer.text()}`);
}
