import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import {
  createServer as createHttpServer,
  type Server as HttpServer,
  type IncomingHttpHeaders,
} from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HandClock } from '../../test/fakes/hand-clock.ts';
import { systemClock } from '../clock.ts';
import { auditDeviceContract, type DeviceSubject, refusal } from './audit-device.contract.ts';
import { type AuditDeviceType, type DevicePlaces, noPlaces } from './audit-device.ts';
import { http } from './http/http.ts';
import { socket } from './socket/socket.ts';
import { syslog } from './syslog/syslog.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

const placesWith = (...targets: readonly string[]): DevicePlaces => ({
  ...noPlaces,
  targets,
  clock: systemClock,
});

/** Collects what peers receive, and tells when enough is there. */
class Received {
  text = '';
  readonly #waiting: (() => void)[] = [];

  add(piece: string): void {
    this.text += piece;
    for (const check of [...this.#waiting]) check();
  }

  lines(count: number): Promise<readonly string[]> {
    return new Promise((resolve) => {
      const check = () => {
        const lines = this.text.split('\n').slice(0, -1);
        if (lines.length >= count) resolve(lines);
      };
      this.#waiting.push(check);
      check();
    });
  }
}

async function tcpPeer(at?: string): Promise<{ received: Received; port: number; sockets: Socket[] }> {
  const received = new Received();
  const sockets: Socket[] = [];
  const server: Server = createServer((peer) => {
    sockets.push(peer);
    peer.on('error', () => undefined);
    peer.setEncoding('utf8').on('data', (piece: string) => received.add(piece));
  });
  await new Promise<void>((resolve) =>
    at === undefined ? server.listen(0, '127.0.0.1', resolve) : server.listen(at, resolve),
  );
  closing.push(() => {
    for (const each of sockets) each.destroy();
    server.close();
  });
  const bound = server.address();
  return { received, sockets, port: typeof bound === 'object' && bound !== null ? bound.port : 0 };
}

async function udpPeer(): Promise<{ received: Received; port: number }> {
  const received = new Received();
  const peer: UdpSocket = createSocket('udp4');
  peer.on('message', (message) => received.add(message.toString()));
  await new Promise<void>((resolve) => peer.bind(0, '127.0.0.1', resolve));
  closing.push(() => peer.close());
  return { received, port: peer.address().port };
}

async function collector(answer: (count: number) => number) {
  const received = new Received();
  const headers: IncomingHttpHeaders[] = [];
  const server: HttpServer = createHttpServer((request, response) => {
    headers.push(request.headers);
    let body = '';
    request.setEncoding('utf8').on('data', (piece: string) => {
      body += piece;
    });
    request.on('end', () => {
      const status = answer(headers.length);
      if (status < 300) received.add(body);
      response.writeHead(status, { Location: 'http://127.0.0.1:1/elsewhere' }).end('ignored');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/audit`;
  return { received, headers, url };
}

/** The contract's tests ask for their subject at once; peers take a turn to listen. */
function contractOf(name: string, make: () => Promise<DeviceSubject>): void {
  describe(name, () => {
    let subject: DeviceSubject;
    beforeEach(async () => {
      subject = await make();
    });
    auditDeviceContract(() => subject);
  });
}

contractOf('a TCP socket', async () => {
  const { received, port } = await tcpPeer();
  const address = `127.0.0.1:${port}`;
  const arrived = (count: number) => received.lines(count);
  return { type: socket, options: { address }, places: placesWith(`tcp://${address}`), arrived };
});

contractOf('a collector', async () => {
  const { received, url } = await collector(() => 200);
  const arrived = (count: number) => received.lines(count);
  return { type: http, options: { url }, places: placesWith(url), arrived };
});

describe('socket', () => {
  it('threat 21: requests to chosen hosts — refuses a target that the configuration does not list', () => {
    const places = placesWith('tcp://127.0.0.1:9000', 'http://127.0.0.1:9001/audit', 'unix:///run/a.sock');
    const attempts: readonly (readonly [AuditDeviceType, Readonly<Record<string, string>>])[] = [
      [socket, { address: '127.0.0.1:9001' }],
      [socket, { address: '127.0.0.1:90001' }],
      [socket, { address: '127.0.0.1:9000 ' }],
      [socket, { address: 'localhost:9000' }],
      [socket, { address: '127.0.0.1:9000', socket_type: 'udp' }],
      [socket, { address: '169.254.169.254:80' }],
      [socket, { address: '/run/b.sock', socket_type: 'unix' }],
      [socket, { address: '/run/../run/a.sock', socket_type: 'unix' }],
      [socket, { address: 'run/a.sock', socket_type: 'unix' }],
      [socket, { address: '', socket_type: 'tcp' }],
      [socket, { address: '127.0.0.1:9000', socket_type: 'raw' }],
      [syslog, { address: '127.0.0.1:9000' }],
      [http, { url: 'http://127.0.0.1:9001/' }],
      [http, { url: 'http://127.0.0.1:9001/audit?x=1' }],
      [http, { url: 'http://127.0.0.1:9001/audit/../admin' }],
      [http, { url: 'http://user@127.0.0.1:9001/audit' }],
      [http, { url: 'file:///etc/passwd' }],
      [http, {}],
    ];
    for (const [type, options] of attempts) {
      expect(
        refusal(() => type.prepare(options, places)),
        JSON.stringify(options),
      ).toMatchObject({
        code: 'invalid_request',
      });
    }
    expect(() => socket.prepare({ address: '127.0.0.1:9000' }, places)).not.toThrow();
    expect(() => socket.prepare({ address: '/run/a.sock', socket_type: 'unix' }, places)).not.toThrow();
    expect(() => http.prepare({ url: 'http://127.0.0.1:9001/audit' }, places)).not.toThrow();
  });

  it('writes to TCP, in order', async () => {
    const { received, port } = await tcpPeer();
    const places = placesWith(`tcp://127.0.0.1:${port}`);
    const device = await socket.prepare({ address: `127.0.0.1:${port}` }, places).open();
    await device.write(['{"n":1}', '{"n":2}']);
    await device.write(['{"n":3}']);
    expect(await received.lines(3)).toEqual(['{"n":1}', '{"n":2}', '{"n":3}']);
    await device.close();
  });

  it('writes to a socket of this machine', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'coffer-socket-'));
    closing.push(() => rmSync(directory, { recursive: true, force: true }));
    const path = join(directory, 'audit.sock');
    const { received } = await tcpPeer(path);
    const options = { address: path, socket_type: 'unix' };
    const device = await socket.prepare(options, placesWith(`unix://${path}`)).open();
    await device.write(['{"n":1}']);
    expect(await received.lines(1)).toEqual(['{"n":1}']);
    await device.close();
  });

  it('sends one datagram a line over UDP, and says of one that no datagram holds that it was there', async () => {
    const { received, port } = await udpPeer();
    const options = { address: `127.0.0.1:${port}`, socket_type: 'udp' };
    const device = await socket.prepare(options, placesWith(`udp://127.0.0.1:${port}`)).open();
    await device.write(['{"n":1}', `{"long":"${'x'.repeat(70_000)}"}`]);
    const [first, second] = await received.lines(2);
    expect(first).toBe('{"n":1}');
    expect(JSON.parse(second ?? '')).toMatchObject({ event: 'line too long for a datagram', bytes: 70_012 });
    await device.close();
  });

  it('fails when its peer is not there, or goes away', async () => {
    const { port, sockets } = await tcpPeer();
    const places = placesWith(`tcp://127.0.0.1:${port}`);
    const prepared = socket.prepare({ address: `127.0.0.1:${port}` }, places);
    const device = await prepared.open();
    await device.write(['{}']);
    for (const each of sockets) each.destroy();
    await expect(
      (async () => {
        for (let turn = 0; turn < 10_000; turn++) await device.write(['{}']);
      })(),
    ).rejects.toMatchObject({ code: 'unavailable' });
    for (const close of closing.splice(0)) close();
    await expect(prepared.open()).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('syslog', () => {
  const head = /^<38>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \S+ coffer \d+ audit - /;

  it('sends messages of RFC 5424 over UDP', async () => {
    const { received, port } = await udpPeer();
    const address = `127.0.0.1:${port}`;
    const device = await syslog.prepare({ address }, placesWith(`udp://${address}`)).open();
    await device.write(['{"n":1}\n'.trim()]);
    await new Promise<void>((resolve) => {
      const look = () => (received.text === '' ? setImmediate(look) : resolve());
      look();
    });
    expect(received.text).toMatch(head);
    expect(received.text.replace(head, '')).toBe('{"n":1}');
    await device.close();
  });

  it('counts octets over TCP (RFC 6587)', async () => {
    const { received, port } = await tcpPeer();
    const address = `127.0.0.1:${port}`;
    const options = { address, socket_type: 'tcp', facility: 'LOCAL0', tag: 'audit-1' };
    const device = await syslog.prepare(options, placesWith(`tcp://${address}`)).open();
    await device.write(['{"text":"ä"}']);
    await new Promise<void>((resolve) => {
      const look = () => (received.text.endsWith('}') ? resolve() : setImmediate(look));
      look();
    });
    const [, length, rest] = /^(\d+) (.*)$/s.exec(received.text) ?? [];
    expect(Number(length)).toBe(Buffer.byteLength(rest ?? ''));
    expect(rest).toContain(' audit-1 ');
    expect(rest?.startsWith('<134>1 ')).toBe(true);
    await device.close();
  });

  it('refuses facilities and tags that would break a message', () => {
    const places = placesWith('udp://127.0.0.1:514');
    for (const more of [
      { facility: 'NONE' },
      { facility: '' },
      { tag: 'a b' },
      { tag: 'a\n<0>1 x' },
      { tag: '' },
    ]) {
      expect(
        refusal(() => syslog.prepare({ address: '127.0.0.1:514', ...more }, places)),
        JSON.stringify(more),
      ).toMatchObject({ code: 'invalid_request' });
    }
  });
});

describe('http', () => {
  it('threat 17: tokens passed on — posts lines with headers of its own and no others', async () => {
    const { received, headers, url } = await collector(() => 204);
    const device = await http.prepare({ url }, placesWith(url)).open();
    await device.write(['{"n":1}', '{"n":2}']);
    await device.write(['{"n":3}']);
    expect(await received.lines(3)).toEqual(['{"n":1}', '{"n":2}', '{"n":3}']);
    expect(Object.keys(headers[0] ?? {}).toSorted()).toEqual([
      'connection',
      'content-length',
      'content-type',
      'host',
    ]);
    await device.close();
  });

  it('follows no redirect and takes no other status for a delivery', async () => {
    for (const status of [301, 307, 400, 503]) {
      const { url } = await collector(() => status);
      const device = await http.prepare({ url }, placesWith(url)).open();
      await expect(device.write(['{}'])).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining(`HTTP ${status}`) as string,
      });
      await device.close();
    }
  });

  it('gives up on a collector that does not answer', async () => {
    const clock = new HandClock();
    let asked = () => {};
    const arrived = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const silent: Server = createServer((peer) => {
      peer.on('error', () => undefined).once('data', () => asked());
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    closing.push(() => silent.close());
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/audit`;
    const device = await http.prepare({ url }, { ...noPlaces, targets: [url], clock }).open();
    const writing = device.write(['{}']);
    await arrived;
    clock.advance(31);
    await expect(writing).rejects.toMatchObject({ code: 'unavailable' });
  });
});
