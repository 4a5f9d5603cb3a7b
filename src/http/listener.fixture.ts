/** For tests: a listener on a real port with a road of the test's own, and a client that sends exactly the bytes it is given. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Clock } from '../clock.ts';
import type { Answer, Request, Road } from '../core/request.ts';
import type { CommonConnections } from './connection.ts';
import type { Dialect } from './dialect/dialect.ts';
import type { HttpLimits } from './limits.ts';
import { type Listener, openListener } from './listener.ts';
import type { TlsMaterial } from './tls.ts';

export interface TestListener extends AsyncDisposable {
  readonly listener: Listener;
  /** What the road was given, in order. */
  readonly requests: Request[];
  /** All that was logged, as text. */
  readonly logged: string[];
  connect(): Promise<RawClient>;
  /** Sends one request on a connection of its own and reads the answer. */
  ask(bytes: string | Buffer): Promise<RawAnswer>;
}

export interface TestOptions {
  readonly limits?: Partial<HttpLimits>;
  readonly clock?: Clock;
  readonly tls?: TlsMaterial;
  readonly trustedProxies?: readonly string[];
  readonly handle?: (request: Request) => Promise<Answer>;
  readonly admit?: NonNullable<Road['admit']>;
  readonly admitTogether?: NonNullable<Road['admitTogether']>;
  readonly common?: CommonConnections;
  readonly dialect?: Dialect;
  readonly oauth2?: string;
}

/** Answers with what it was asked, so that a test can tell answers apart. */
export async function echo(request: Request): Promise<Answer> {
  return { kind: 'plain', status: 200, body: { operation: request.operation, path: request.path } };
}

export async function openTestListener(options: TestOptions = {}): Promise<TestListener> {
  const requests: Request[] = [];
  const logged: string[] = [];
  const clients: RawClient[] = [];
  const handle = options.handle ?? echo;
  const road: Road = {
    ...(options.admit === undefined ? {} : { admit: options.admit }),
    ...(options.admitTogether === undefined ? {} : { admitTogether: options.admitTogether }),
    handle(request: Request) {
      requests.push(request);
      return handle(request);
    },
  };
  const listener = await openListener({
    road,
    host: '127.0.0.1',
    port: 0,
    limits: options.limits ?? {},
    tls: options.tls,
    trustedProxies: options.trustedProxies ?? [],
    common: options.common,
    dialect: options.dialect,
    oauth2: options.oauth2,
    log: (level, message, fields) => logged.push(`${level} ${message} ${JSON.stringify(fields)}`),
    ...(options.clock === undefined ? {} : { clock: options.clock }),
  });
  const connectClient = async () => {
    const client = await RawClient.connect(listener.address.port);
    clients.push(client);
    return client;
  };
  return {
    listener,
    requests,
    logged,
    connect: connectClient,
    async ask(bytes) {
      const client = await connectClient();
      client.send(bytes);
      const answer = await client.answer();
      client.destroy();
      return answer;
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.destroy();
      await listener.close({ withinMilliseconds: 1 });
    },
  };
}

/** A request's bytes: request line, `Host`, the given header lines, and a body with its length when there is one. */
export function requestBytes(line: string, headers: readonly string[] = [], body?: string | Buffer): Buffer {
  const bytes = Buffer.from(body ?? '');
  const length = body === undefined ? [] : [`Content-Length: ${bytes.length}`];
  const head = [`${line} HTTP/1.1`, 'Host: test', ...headers, ...length, '', ''].join('\r\n');
  return Buffer.concat([Buffer.from(head, 'latin1'), bytes]);
}

export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  /** Everything as received. */
  readonly text: string;
}

export class RawClient {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #wake: () => void = () => {};
  #closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const client = new RawClient(socket);
    await once(socket, 'connect');
    return client;
  }

  send(bytes: string | Buffer): void {
    this.#socket.write(bytes);
  }

  /** Bytes sent that have not left this process, because the server does not take them. */
  get unsent(): number {
    return this.#socket.writableLength;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Stops taking what the server sends. */
  pause(): void {
    this.#socket.pause();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** The next answer, without those that only say "continue". A HEAD's answer needs `bodiless`. */
  async answer(bodiless = false): Promise<RawAnswer> {
    for (;;) {
      const answer = this.#takeAnswer(bodiless);
      if (answer !== undefined && answer.status !== 100) return answer;
      if (answer !== undefined) continue;
      if (this.#closed) throw new Error(`closed after: ${this.#received.toString('latin1')}`);
      await this.#something();
    }
  }

  /** Resolves with what was received and not taken as an answer, once the server has closed. */
  async closed(): Promise<string> {
    while (!this.#closed) await this.#something();
    return this.#received.toString('latin1');
  }

  #takeAnswer(bodiless: boolean): RawAnswer | undefined {
    const end = this.#received.indexOf('\r\n\r\n');
    if (end === -1) return undefined;
    const [line = '', ...lines] = this.#received.toString('latin1', 0, end).split('\r\n');
    const headers = new Map(lines.map((header) => header.split(': ') as [string, string]));
    const named = new Map([...headers].map(([name, value]) => [name.toLowerCase(), value]));
    const length = bodiless ? 0 : Number(named.get('content-length') ?? 0);
    if (this.#received.length < end + 4 + length) return undefined;
    const text = this.#received.toString('utf8', 0, end + 4 + length);
    const body = this.#received.toString('utf8', end + 4, end + 4 + length);
    this.#received = this.#received.subarray(end + 4 + length);
    return { status: Number(line.split(' ')[1]), headers: named, body, text };
  }

  #something(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** A clock that stands still until it is moved. */
export class ManualClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ readonly at: number; readonly action: () => void }>();

  now(): number {
    return this.#now;
  }

  steady(): number {
    return this.#now;
  }

  after(milliseconds: number, action: () => void): Disposable {
    const timer = { at: this.#now + milliseconds, action };
    this.#timers.add(timer);
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) };
  }

  /** Runs what is due, in order, one second at a time. */
  pass(seconds: number): void {
    for (let second = 0; second < seconds; second++) {
      this.#now += 1_000;
      for (const timer of [...this.#timers]) {
        if (timer.at <= this.#now && this.#timers.delete(timer)) timer.action();
      }
    }
  }
}

/** Lets the event loop turn until something is so; the test's own time limit ends it otherwise. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate);
}
