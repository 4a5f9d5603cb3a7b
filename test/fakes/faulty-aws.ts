/** A way to AWS that goes wrong when a test says so: before a real answer is fetched from upstream, or in place of one. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JsonObject } from '../../src/json.ts';

export type AwsFault =
  | {
      readonly kind: 'error';
      readonly status: number;
      readonly type: string;
      readonly message?: string;
      readonly headers?: Readonly<Record<string, string>>;
      /** What the answer says besides. */
      readonly fields?: JsonObject;
    }
  | { readonly kind: 'answer'; readonly body: string; readonly headers?: Readonly<Record<string, string>> }
  /** Taken, and never answered. */
  | { readonly kind: 'hang' }
  /** The connection breaks. */
  | { readonly kind: 'drop' }
  /** It is done, and the connection breaks before the answer. */
  | { readonly kind: 'lose' }
  /** It goes through when something else has happened. */
  | { readonly kind: 'wait'; readonly until: Promise<unknown> };

export interface FaultyAws {
  readonly endpoint: string;
  /** Actions asked for, as in `Decrypt`, in order. */
  readonly calls: string[];
  /** Undefined lets a call through. Called again for each attempt. */
  fault: (action: string, body: JsonObject) => AwsFault | undefined;
  /** Every request as it came; what it gives is the answer, before anything else. */
  seen: (headers: IncomingHttpHeaders, body: string) => string | undefined;
  close(): Promise<void>;
}

/** `port` asks for the same one as before: for something that comes back. */
export async function startFaultyAws(upstream?: string, port = 0): Promise<FaultyAws> {
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  const faulty: FaultyAws = {
    get endpoint() {
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    },
    calls: [],
    fault: () => undefined,
    seen: () => undefined,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const given = faulty.seen(request.headers, body);
    if (given !== undefined) return void response.end(given);
    const { action, parameters } = asked(request.headers, body);
    faulty.calls.push(action);
    const fault = faulty.fault(action, parameters);
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'drop') return void response.destroy();
    if (fault?.kind === 'answer') return void response.writeHead(200, fault.headers).end(fault.body);
    if (fault?.kind === 'error') {
      response.writeHead(fault.status, { 'content-type': 'application/x-amz-json-1.1', ...fault.headers });
      const { type, message = 'no', fields = {} } = fault;
      return void response.end(JSON.stringify({ __type: type, message, ...fields }));
    }
    if (upstream === undefined) return void response.writeHead(500).end('{}');
    if (fault?.kind === 'wait') await fault.until;
    const { host: _, connection: __, 'content-length': ___, ...headers } = request.headers;
    const real = await fetch(upstream, { method: 'POST', headers: headers as Record<string, string>, body });
    if (fault?.kind === 'lose') {
      await real.arrayBuffer();
      return void response.destroy();
    }
    const type = real.headers.get('content-type') ?? 'application/x-amz-json-1.1';
    response.writeHead(real.status, { 'content-type': type });
    response.end(Buffer.from(await real.arrayBuffer()));
  }

  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return faulty;
}

/** STS and IAM take forms, the others JSON. */
function asked(
  headers: IncomingHttpHeaders,
  body: string,
): { readonly action: string; readonly parameters: JsonObject } {
  const target = headers['x-amz-target'];
  if (target !== undefined) {
    const action = String(target).replace(/^.*\./, '');
    return { action, parameters: body === '' ? {} : (JSON.parse(body) as JsonObject) };
  }
  const parameters = Object.fromEntries(new URLSearchParams(body));
  return { action: parameters['Action'] ?? '', parameters };
}
