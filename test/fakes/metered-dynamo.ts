/** A way to DynamoDB that counts what is asked and what of it DynamoDB says that it consumed. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JsonObject } from '../../src/json.ts';

export interface Bill {
  /** Actions in order, as in `TransactGetItems`. */
  readonly calls: readonly string[];
  /** Capacity units, as DynamoDB counts them: 4 KB a read, 1 KB a write, twice as many in transactions. */
  readonly read: number;
  readonly write: number;
}

export interface MeteredDynamo {
  readonly endpoint: string;
  /** What was asked until `action` ended, and what that cost. */
  bill<T>(action: () => Promise<T>): Promise<Bill & { readonly answer: T }>;
  close(): Promise<void>;
}

export async function startMeteredDynamo(upstream: string): Promise<MeteredDynamo> {
  let calls: string[] = [];
  let read = 0;
  let write = 0;
  const server = createServer((request, response) => {
    pass(request, response).catch(() => response.destroy());
  });

  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const asked = JSON.parse(Buffer.concat(chunks).toString()) as JsonObject;
    const action = String(request.headers['x-amz-target'] ?? '').replace(/^.*\./, '');
    calls.push(action);
    const { host: _, connection: __, 'content-length': ___, ...headers } = request.headers;
    const metered = /Item|Query|Scan/.test(action) ? { ...asked, ReturnConsumedCapacity: 'TOTAL' } : asked;
    const real = await fetch(upstream, {
      method: 'POST',
      headers: headers as Record<string, string>,
      body: JSON.stringify(metered),
    });
    const body = await real.text();
    for (const units of [(JSON.parse(body) as JsonObject)['ConsumedCapacity'] ?? []].flat()) {
      const count = Number((units as JsonObject)['CapacityUnits'] ?? 0);
      if (/Write|Put|Delete|Update/.test(action)) write += count;
      else read += count;
    }
    response.writeHead(real.status, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(body);
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async bill(action) {
      calls = [];
      read = 0;
      write = 0;
      const answer = await action();
      return { answer, calls: [...calls], read, write };
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
