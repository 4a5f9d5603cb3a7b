/**
 * A socket of this host where programs ask the agent, by GET over HTTP: `/v1/status`, and `/v1/applications/ID/user.json` and `client.json` as
 * they are in the files. Who may connect is who may write to the socket's file (unix(7)): its owner alone, unless the configuration says so.
 */
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { createConnection } from 'node:net';
import { CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import type { ApplicationOutput } from './application-output.ts';
import { documentNames, parseJson } from './document.ts';
import { systemCode, unwritable } from './file-error.ts';
import type { Files } from './files.ts';
import { requireOwnDirectory } from './trusted-path.ts';

export interface SocketSettings {
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
}

export interface Shown {
  describe(): JsonObject;
  readonly applications: readonly ApplicationOutput[];
}

export interface OpenSocket {
  close(): Promise<void>;
}

export interface SocketSurroundings {
  readonly files: Files;
  readonly uid: number;
  /** Runs an action with no rights of others for what it makes. */
  withMask(mask: number, action: () => void): void;
}

/** Milliseconds that a request may take to come. */
const patience = 5_000;
const mostConnections = 64;

/** Throws `usage` where the socket cannot be, `conflict` where somebody answers there already. */
export async function openSocket(
  { path, mode }: SocketSettings,
  shown: Shown,
  { files, uid, withMask }: SocketSurroundings,
): Promise<OpenSocket> {
  requireOwnDirectory(files, path.replace(/\/[^/]*$/, '') || '/', uid);
  await removeStale(files, path);
  const server = createServer((asked, answer) => respond(asked, answer, shown));
  server.maxConnections = mostConnections;
  server.headersTimeout = patience;
  server.requestTimeout = patience;
  await listen(server, path, mode, withMask);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Node takes the file away itself when it closes; what is there was left by a crash, or is somebody's. */
async function removeStale(files: Files, path: string): Promise<void> {
  const there = files.look(path);
  if (there === undefined) return;
  if (there.kind !== 'other') throw new CofferError('usage', `${path} is there and is no socket`);
  const answers = await new Promise<boolean>((resolve) => {
    const connection = createConnection(path);
    connection.once('connect', () => resolve(true)).once('error', () => resolve(false));
    connection.setTimeout(patience, () => resolve(true)).once('connect', () => connection.destroy());
  });
  if (answers) throw new CofferError('conflict', `another program serves ${path} already`);
  files.remove(path);
}

function listen(
  server: Server,
  path: string,
  mode: number,
  withMask: SocketSurroundings['withMask'],
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(unwritable(path, error)));
    server.once('listening', resolve);
    // It is made within the call, so that nobody else gets in before its mode is what it should be.
    withMask(0o777 & ~mode, () => server.listen(path));
  });
}

function respond(asked: IncomingMessage, answer: ServerResponse, shown: Shown): void {
  asked.resume();
  const [status, text] = answerTo(asked, shown);
  const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', Connection: 'close' };
  answer.writeHead(status, headers).end(`${text}\n`);
}

function answerTo({ method, url = '' }: IncomingMessage, shown: Shown): readonly [number, string] {
  if (method !== 'GET') return [405, refusal('only GET is answered here')];
  if (url === '/v1/status') return [200, JSON.stringify(shown.describe())];
  const [, id, name] = /^\/v1\/applications\/([a-z0-9._-]{1,100})\/(\w+)\.json$/.exec(url) ?? [];
  const application = shown.applications.find((each) => each.name === id);
  const wanted = documentNames.find((each) => each === name);
  const text = wanted === undefined ? undefined : application?.document(wanted);
  if (text !== undefined) return [200, text];
  return [404, refusal('there is nothing; ask /v1/status, or /v1/applications/ID/user.json')];
}

function refusal(message: string): string {
  return JSON.stringify({ errors: [message] });
}

const longestStatus = 4 * 1024 * 1024;

/** What an agent says of itself at its socket. Throws `unavailable` where none answers. */
export function askStatus(path: string): Promise<JsonObject> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => {
      const denied = systemCode(error) === 'EACCES';
      const message = denied
        ? `you may not ask the agent at ${path}`
        : `no agent answers at ${path}: does it run?`;
      reject(new CofferError(denied ? 'permission_denied' : 'unavailable', message, { cause: error }));
    };
    const asking = request({ socketPath: path, path: '/v1/status', timeout: patience }, (answer) => {
      const chunks: Buffer[] = [];
      let size = 0;
      answer.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= longestStatus) chunks.push(chunk);
      });
      answer.on('error', fail);
      answer.on('end', () => {
        const value = parseJson(Buffer.concat(chunks).toString('utf8'));
        if (answer.statusCode === 200 && isJsonObject(value)) resolve(value);
        else fail(undefined);
      });
    });
    asking.on('timeout', () => asking.destroy(new Error('no answer in time')));
    asking.on('error', fail);
    asking.end();
  });
}
