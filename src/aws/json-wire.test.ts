import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { EarlyConnection } from './early-connection.ts';
import { JsonWire } from './json-wire.ts';

const never = new AbortController().signal;
const bounds = { connecting: 3_000, answering: 5_000, most: 1_000 };

let server: Server;
let wire: JsonWire;
let connections: Socket[];
beforeEach(async () => {
  connections = [];
  server = createServer((_request, response) => response.end('{}'));
  server.on('connection', (socket) => connections.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  wire = await JsonWire.open(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
});
afterEach(async () => {
  wire.close();
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
});

const ask = (signal = never) => wire.send({ headers: {}, body: '' }, bounds, signal);
const connected = async () => {
  if (connections.length === 0) await once(server, 'connection');
};

it('connects ahead, once, and has the first request take that connection', async () => {
  wire.prepare();
  wire.prepare();
  await connected();
  expect(await ask()).toMatchObject({ status: 200, text: '{}' });
  await ask();
  wire.prepare();
  expect(connections).toHaveLength(1);
});

it('gives no connection away that is gone', async () => {
  const early = new EarlyConnection();
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  early.open(() => socket);
  await connected();
  connections[0]?.destroy();
  await once(socket.ref(), 'close');
  expect(early.take()).toBeUndefined();
});

it('has the request tell that nobody is there', async () => {
  server.close();
  wire.prepare();
  await expect(ask()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

it('ends a connection ahead that nobody took', async () => {
  wire.prepare();
  await connected();
  wire.close();
  await once(connections[0] as Socket, 'close');
});

it('ends connections at rest, also where it is closed while nothing else happens', async () => {
  await ask();
  wire.close();
  await once(connections[0] as Socket, 'close');
});

it('gives up a request when its signal says so, and listens no longer than the request takes', async () => {
  const ended = new AbortController();
  let listeners = 0;
  const signal: AbortSignal = ended.signal;
  const { addEventListener: add, removeEventListener: remove } = signal;
  signal.addEventListener = (...words: Parameters<typeof add>) => {
    listeners++;
    add.apply(signal, words);
  };
  signal.removeEventListener = (...words: Parameters<typeof remove>) => {
    listeners--;
    remove.apply(signal, words);
  };
  await ask(signal);
  await new Promise(setImmediate);
  expect(listeners).toBe(0);
  server.removeAllListeners('request').on('request', () => ended.abort());
  await expect(ask(signal)).rejects.toMatchObject({ name: 'AbortError' });
  await expect(ask(signal)).rejects.toMatchObject({ name: 'AbortError' });
});
