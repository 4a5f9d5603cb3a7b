/** A way to IAM and STS that goes wrong when a test says so: before the real answer is fetched from upstream, or in place of it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type QueryFault =
  | { readonly kind: 'error'; readonly status: number; readonly code: string; readonly message?: string }
  /** The XML of an answer. */
  | { readonly kind: 'answer'; readonly body: string }
  /** Taken, and never answered. */
  | { readonly kind: 'hang' }
  /** The connection breaks. */
  | { readonly kind: 'drop' }
  /** It is done, and the connection breaks before the answer. */
  | { readonly kind: 'lose' };

export interface FaultyQuery {
  readonly endpoint: string;
  /** Actions asked for, as in `AssumeRole`, in order. */
  readonly calls: string[];
  /** Everything that was sent, as text, headers included. */
  readonly sent: string[];
  /** Undefined lets a call through. Called again for each attempt. */
  fault: (
    action: string,
    parameters: URLSearchParams,
  ) => QueryFault | undefined | Promise<QueryFault | undefined>;
  /** Around each call that goes through; where it throws, the connection breaks. */
  around: <T>(call: () => Promise<T>) => Promise<T>;
  close(): Promise<void>;
}

export async function startFaultyQuery(upstream: string): Promise<FaultyQuery> {
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  const faulty: FaultyQuery = {
    get endpoint() {
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    },
    calls: [],
    sent: [],
    fault: () => undefined,
    around: (call) => call(),
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
    faulty.sent.push(`${JSON.stringify(request.headers)}\n${body}`);
    const parameters = new URLSearchParams(body);
    const action = parameters.get('Action') ?? '';
    faulty.calls.push(action);
    const fault = await faulty.fault(action, parameters);
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'drop') return void response.destroy();
    if (fault?.kind === 'answer')
      return void response.writeHead(200, { 'content-type': 'text/xml' }).end(fault.body);
    if (fault?.kind === 'error') {
      const { status, code, message = 'no' } = fault;
      const text = `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>r</RequestId></ErrorResponse>`;
      return void response.writeHead(status, { 'content-type': 'text/xml' }).end(text);
    }
    const { host: _, connection: __, 'content-length': ___, ...headers } = request.headers;
    const real = await faulty.around(async () => {
      const got = await fetch(upstream, { method: 'POST', headers: headers as Record<string, string>, body });
      return { status: got.status, text: await got.text() };
    });
    if (fault?.kind === 'lose') return void response.destroy();
    response.writeHead(real.status, { 'content-type': 'text/xml' }).end(real.text);
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return faulty;
}
