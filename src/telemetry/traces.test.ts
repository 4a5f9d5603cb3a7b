import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { ask, makePlace, makeToken, type Place } from '../../test/fakes/client.ts';
import { handTelemetry, valueIn } from './telemetry.fixture.ts';
import type { NodeTelemetry } from './telemetry.ts';
import { parseTraceParent } from './trace-parent.ts';

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly attributes: readonly {
    readonly key: string;
    readonly value: { readonly stringValue?: string; readonly intValue?: number };
  }[];
}

/** An OTLP/HTTP collector that keeps what it is sent, or refuses it. */
class Collector {
  readonly texts: string[] = [];
  readonly paths: string[] = [];
  readonly #server: Server;

  constructor(status: number) {
    this.#server = createServer((message, response) => {
      const chunks: Buffer[] = [];
      message.on('data', (chunk: Buffer) => chunks.push(chunk));
      message.on('end', () => {
        this.paths.push(message.url ?? '');
        this.texts.push(Buffer.concat(chunks).toString());
        response.writeHead(status, { 'Content-Type': 'application/json' }).end('{}');
      });
    });
  }

  listen(): Promise<string> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => {
        resolve(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`);
      });
    });
  }

  get spans(): readonly Span[] {
    return this.texts.flatMap((text) => {
      const { resourceSpans } = JSON.parse(text) as {
        readonly resourceSpans: readonly {
          readonly scopeSpans: readonly { readonly spans: readonly Span[] }[];
        }[];
      };
      return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
    });
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

let place: Place | undefined;
let collector: Collector | undefined;
afterEach(async () => {
  await place?.remove();
  collector?.close();
});

async function traced(status = 200, share = 1): Promise<{ telemetry: NodeTelemetry; sent: Collector }> {
  const sent = new Collector(status);
  collector = sent;
  const traces = { collector: await sent.listen(), share, instance: 'this-one' };
  const telemetry = await handTelemetry({ traces });
  place = await makePlace({ telemetry });
  return { telemetry, sent };
}

function attributesOf(span: Span | undefined): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    (span?.attributes ?? []).map(({ key, value }) => [key, value.stringValue ?? value.intValue]),
  );
}

it('a request is a span with what it did below it', async () => {
  const { telemetry, sent } = await traced();
  const node = await place?.node();
  if (node === undefined) throw new Error('no node');
  const { requestId } = await ask(node, 'update', 'secret/data/app', { data: { a: 1 } });
  await telemetry.close();
  expect(sent.paths[0]).toBe('/v1/traces');
  const request = sent.spans.find(({ name }) => name === 'update kv/data/:path*');
  expect(attributesOf(request)).toEqual({
    'coffer.request_id': requestId,
    'coffer.operation': 'update',
    'coffer.mount_type': 'kv',
    'coffer.endpoint': 'data/:path*',
    'http.response.status_code': 200,
  });
  const below = sent.spans.filter(({ parentSpanId }) => parentSpanId === request?.spanId);
  expect(new Set(below.map(({ name }) => name))).toEqual(
    new Set(['storage read_many', 'storage read', 'storage commit', 'audit kernel', 'audit disk']),
  );
  expect(below.every(({ traceId }) => traceId === request?.traceId)).toBe(true);
  expect(sent.texts.join()).toContain('"service.name","value":{"stringValue":"coffer"}');
});

it('goes on with the trace of its caller, and leaves alone what that one does not sample', async () => {
  const { telemetry, sent } = await traced(200, 0);
  const node = await place?.node();
  if (node === undefined) throw new Error('no node');
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  const read = (traceparent: string | undefined) =>
    ask(node, 'read', 'secret/data/app', {}, undefined, { request: { traceparent } });
  await read(`00-${trace}-00f067aa0ba902b7-01`);
  await read('00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-00f067aa0ba902b7-00');
  await read(undefined);
  await telemetry.close();
  const requests = sent.spans.filter(({ name }) => name.startsWith('read kv'));
  expect(requests).toHaveLength(1);
  expect(requests[0]).toMatchObject({ traceId: trace, parentSpanId: '00f067aa0ba902b7' });
});

it('threat 16: no path, name, token or value of a caller is in a span', async () => {
  const { telemetry, sent } = await traced();
  const node = await place?.node();
  if (node === undefined) throw new Error('no node');
  const canary = 'canary-7f3a91';
  const token = await makeToken(node, { policies: ['default'] });
  const traceparent = `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`;
  for (const path of [
    `secret/data/${canary}`,
    `${canary}/x`,
    `sys/${canary}`,
    `auth/token/lookup/${canary}`,
  ]) {
    for (const operation of ['read', 'update', 'delete', 'list'] as const) {
      await ask(node, operation, path, { [canary]: canary, data: { a: canary } });
      await ask(node, operation, path, { format: canary }, token, { request: { traceparent } });
      await ask(node, operation, path, {}, `hvs.${canary}`);
    }
  }
  await telemetry.close();
  expect(sent.spans.length).toBeGreaterThan(48);
  expect(sent.texts.join()).not.toContain(canary);
  expect(sent.texts.join()).not.toContain(token);
});

it.each([
  ['refuses', 400],
  ['fails', 500],
])('a collector that %s disturbs no request, and is counted', async (_what, status) => {
  const { telemetry } = await traced(status);
  const node = await place?.node();
  if (node === undefined) throw new Error('no node');
  for (let times = 0; times < 600; times++) {
    expect((await ask(node, 'update', 'secret/data/app', { data: { a: times } })).status).toBe(200);
  }
  await telemetry.close();
  if (status === 400) {
    const text = await telemetry.prometheus({ initialized: true, sealed: false });
    expect(valueIn(text, 'coffer_traces_failed_total')).toBeGreaterThan(0);
  }
});

it('a collector that is not there disturbs no request', async () => {
  const { telemetry } = await traced();
  collector?.close();
  const node = await place?.node();
  if (node === undefined) throw new Error('no node');
  expect((await ask(node, 'update', 'secret/data/app', { data: { a: 1 } })).status).toBe(200);
  await telemetry.close();
});

it.each([
  ['', undefined],
  ['garbage', undefined],
  ['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7', undefined],
  ['00-00000000000000000000000000000000-00f067aa0ba902b7-01', undefined],
  ['00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01', undefined],
  ['00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01', undefined],
  ['ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', undefined],
  ['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more', undefined],
  ['01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more', 1],
  ['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00', 0],
  ['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff', 1],
  [`01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-${'x'.repeat(300)}`, undefined],
])('reads the header %s', (text, flags) => {
  expect(parseTraceParent(text)?.flags).toBe(flags);
});

it('threat 05: a check that is not on every path — a traced road asks what the road itself is asked', async () => {
  const { telemetry } = await traced();
  const node = await place?.node();
  if (node === undefined) throw new Error('no node');
  expect(node.road.cors?.()).toBeUndefined();
  await ask(node, 'update', 'sys/config/cors', { allowed_origins: ['https://console.example.com'] });
  expect(node.road.cors?.()).toMatchObject({ origins: ['https://console.example.com'], credentials: false });
  expect(Object.keys(node.road).toSorted()).toEqual(['admit', 'cors', 'handle']);
  await telemetry.close();
});
