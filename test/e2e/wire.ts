/** Requests as they go over the wire: nothing normalises the path, and every method may be sent. */
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import type { JsonObject, JsonValue } from '../../src/json.ts';

export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The parsed body; an empty object when there is none. */
  readonly json: JsonObject;
}

export interface WireRequest {
  readonly token?: string;
  /** Sent as JSON; text and bytes go as they are. */
  readonly body?: JsonValue | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Wire {
  ask(method: string, path: string, options?: WireRequest): Promise<WireAnswer>;
  close(): void;
}

/** @param path below `/v1/`, sent as it is */
export function openWire(address: string, token?: string): Wire {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  return {
    ask: (method, path, options = {}) =>
      send(agent, address, method, path, token === undefined ? options : { token, ...options }),
    close: () => agent.destroy(),
  };
}

function send(
  agent: Agent,
  address: string,
  method: string,
  path: string,
  { token, body, headers }: WireRequest,
): Promise<WireAnswer> {
  const payload = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  const { hostname, port } = new URL(address);
  return new Promise((resolve, reject) => {
    const message = request(
      {
        agent,
        host: hostname,
        port,
        method,
        path: `/v1/${path}`,
        headers: {
          ...(token === undefined ? {} : { 'x-vault-token': token }),
          ...(payload === undefined ? {} : { 'content-length': Buffer.byteLength(payload) }),
          ...headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json: parsed(text) });
        });
      },
    );
    message.on('error', reject);
    message.end(payload);
  });
}

function parsed(text: string): JsonObject {
  try {
    return JSON.parse(text) as JsonObject;
  } catch {
    return {};
  }
}

/** Sends bytes over a socket of its own, and resolves with all that comes back until the other side closes. */
export function sendBytes(address: string, bytes: string | Buffer): Promise<string> {
  const { hostname, port } = new URL(address);
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
  });
}

/** What is at `names` inside an answer, such as `at(answer.json, 'data', 'data', 'value')`. */
export function at(value: JsonValue | undefined, ...names: readonly string[]): JsonValue | undefined {
  let found: unknown = value;
  for (const name of names) {
    found =
      typeof found === 'object' && found !== null ? (found as Record<string, unknown>)[name] : undefined;
  }
  return found as JsonValue | undefined;
}

/** The text there; throws when it is none. */
export function textAt(value: JsonValue | undefined, ...names: readonly string[]): string {
  const found = at(value, ...names);
  if (typeof found !== 'string') throw new Error(`no text at ${names.join('.')}: ${JSON.stringify(value)}`);
  return found;
}
