/** Streams on the wire: no faster than they are taken, whole or visibly not, and always closed. */
import { get, type IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import type { AnswerStream } from '../core/request.ts';
import { openTestListener, requestBytes, type TestListener } from './listener.fixture.ts';

/** Pieces of 64 KiB, `count` of them; then the end, or a failure. */
class Pieces implements AnswerStream {
  readonly #count: number;
  readonly #fails: boolean;
  handed = 0;
  closed = 0;
  #onClose: () => void = () => {};
  readonly ended = new Promise<void>((resolve) => {
    this.#onClose = resolve;
  });

  constructor(count: number, fails = false) {
    this.#count = count;
    this.#fails = fails;
  }

  async next(): Promise<Buffer | undefined> {
    if (this.handed < this.#count) return Buffer.alloc(65_536, this.handed++ % 251);
    if (this.#fails) throw new Error('the store went away');
    return undefined;
  }

  async close(): Promise<void> {
    this.closed += 1;
    this.#onClose();
  }
}

function serve(body: AnswerStream): Promise<TestListener> {
  return openTestListener({
    handle: async ({ id }) => ({
      kind: 'stream',
      status: 200,
      requestId: id,
      contentType: 'application/octet-stream',
      body,
    }),
  });
}

function response(server: TestListener): Promise<IncomingMessage> {
  const { port } = server.listener.address;
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/v1/x' }, resolve).on('error', reject);
  });
}

test('a stream arrives as it was made, and the connection serves on', async () => {
  const pieces = new Pieces(40);
  await using server = await serve(pieces);
  const answer = await response(server);
  expect(answer.headers).toMatchObject({
    'content-type': 'application/octet-stream',
    'cache-control': 'no-store',
  });
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) bytes += chunk.length;
  expect([bytes, pieces.closed]).toEqual([40 * 65_536, 1]);
  expect((await response(server)).statusCode).toBe(200);
});

test('a client that takes nothing is not run ahead of', async () => {
  const pieces = new Pieces(10_000);
  await using server = await serve(pieces);
  const answer = await response(server);
  answer.pause();
  // As much as socket buffers hold, and then no more, however many turns go by.
  let before = -1;
  for (let turns = 0; before !== pieces.handed || turns % 200 !== 0; turns++) {
    if (turns % 200 === 0) before = pieces.handed;
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(pieces.handed).toBeLessThan(1_000);
  answer.destroy();
  await pieces.ended;
});

test('a client that leaves ends the stream', async () => {
  const pieces = new Pieces(10_000);
  await using server = await serve(pieces);
  const answer = await response(server);
  answer.once('data', () => answer.destroy());
  await pieces.ended;
  expect(pieces.handed).toBeLessThan(10_000);
  await expect.poll(() => server.logged.join()).toContain('a stream was cut before its end');
});

test('a stream that fails never looks whole, and its reason stays inside', async () => {
  const pieces = new Pieces(3, true);
  await using server = await serve(pieces);
  const taken = (async () => {
    for await (const _ of (await response(server)) as AsyncIterable<Buffer>);
  })();
  await expect(taken).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect(server.logged.join()).not.toContain('went away');
});

test('a stream that comes when nobody waits any more is closed', async () => {
  const pieces = new Pieces(3);
  let answer: () => void = () => {};
  const asked = new Promise<void>((resolve) => {
    answer = resolve;
  });
  await using server = await openTestListener({
    handle: async ({ id }) => {
      await asked;
      return { kind: 'stream', status: 200, requestId: id, contentType: 'text/plain', body: pieces };
    },
  });
  const client = await server.connect();
  client.send(requestBytes('GET /v1/x'));
  await expect.poll(() => server.requests.length).toBe(1);
  client.destroy();
  await expect.poll(() => server.listener.usage().connections).toBe(0);
  answer();
  await pieces.ended;
  expect(pieces.handed).toBe(0);
});
