/** Connections of devices: to one target that the configuration lists, TCP, UDP or a socket of this machine. */
import type { Socket as UdpSocket } from 'node:dgram';
import { connect, isIPv6, type Socket } from 'node:net';
import { CofferError } from '../errors.ts';
import { type DeviceOptions, type DevicePlaces, deviceFailure, requireTarget } from './audit-device.ts';

export type Target =
  | { readonly kind: 'tcp' | 'udp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** A way to a peer. Closing it rejects what is being sent. */
export interface Wire {
  send(bytes: Buffer): Promise<void>;
  close(): void;
}

/** Milliseconds for a connection to come about. */
const connectWithin = 5_000;
/** Milliseconds for the peer to take what is sent. */
const sendWithin = 30_000;
/** Bytes: what one UDP datagram holds over IPv4, less the headers. */
export const longestDatagram = 65_507;

/** From `address` and `socket_type`, as Vault's socket device has them. Throws `invalid_request`, also for a target not listed. */
export function parseTarget(
  options: DeviceOptions,
  places: DevicePlaces,
  usual: 'tcp' | 'udp' = 'tcp',
): Target {
  const { address = '', socket_type: type = usual } = options;
  if (type === 'unix') {
    if (!address.startsWith('/')) {
      throw new CofferError('invalid_request', 'address is the absolute path of a socket');
    }
    requireTarget(`unix://${address}`, places);
    return { kind: 'unix', path: address };
  }
  if (type !== 'tcp' && type !== 'udp') {
    throw new CofferError('invalid_request', 'socket_type is tcp, udp or unix');
  }
  const [, bracketed, plain, port] = /^(?:\[([0-9a-f:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(address) ?? [];
  const host = bracketed ?? plain ?? '';
  const number = Number(port);
  if (host === '' || number < 1 || number > 65_535) {
    throw new CofferError('invalid_request', 'address is HOST:PORT');
  }
  requireTarget(`${type}://${address}`, places);
  return { kind: type, host, port: number };
}

/** Rejects with `unavailable`. */
export async function openWire(target: Target, places: DevicePlaces): Promise<Wire> {
  if (target.kind === 'udp') return datagrams(target.host, target.port);
  return openStream(target, places);
}

function openStream(target: Exclude<Target, { kind: 'udp' }>, { clock }: DevicePlaces): Promise<Wire> {
  return new Promise((resolve, reject) => {
    const socket: Socket =
      target.kind === 'unix' ? connect(target.path) : connect({ host: target.host, port: target.port });
    const late = clock.after(connectWithin, () => socket.destroy(new Error('no connection in time')));
    socket.unref();
    socket.once('error', (error) => {
      late[Symbol.dispose]();
      reject(deviceFailure('the target of the audit device cannot be reached', error));
    });
    socket.once('connect', () => {
      late[Symbol.dispose]();
      // What the peer says is nobody's business, and must not pile up.
      socket.resume();
      resolve(streamOver(socket, clock));
    });
  });
}

function streamOver(socket: Socket, clock: DevicePlaces['clock']): Wire {
  let failure: unknown;
  socket.on('error', (error) => {
    failure = error;
  });
  return {
    send: (bytes) =>
      new Promise((resolve, reject) => {
        const gone = () => reject(deviceFailure('the target of the audit device went away', failure));
        if (socket.destroyed || socket.readableEnded) {
          gone();
          return;
        }
        const late = clock.after(sendWithin, () => socket.destroy());
        socket.once('close', gone);
        socket.write(bytes, (error) => {
          late[Symbol.dispose]();
          socket.off('close', gone);
          if (error === undefined || error === null) resolve();
          else gone();
        });
      }),
    close: () => void socket.destroy(),
  };
}

async function datagrams(host: string, port: number): Promise<Wire> {
  const { createSocket } = await import('node:dgram');
  const socket: UdpSocket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  socket.unref();
  socket.on('error', () => undefined);
  let closed = false;
  return {
    send: (bytes) =>
      new Promise((resolve, reject) => {
        if (closed) {
          reject(deviceFailure('the audit device is closed', undefined));
          return;
        }
        socket.send(bytes, port, host, (error) => {
          if (error === null) resolve();
          else reject(deviceFailure('the target of the audit device cannot be reached', error));
        });
      }),
    close() {
      if (!closed) socket.close();
      closed = true;
    },
  };
}
