/**
 * Waits on this machine for the one request that ends a login by browser: the provider sends the browser to
 * `http://localhost:PORT/oidc/callback` with a code (RFC 8252 §7.3). Whatever else comes is sent away, and the wait goes on.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { CofferError } from '../errors.ts';

/** What the browser brought: members of the query, or of a form. */
export type Brought = Readonly<Record<string, string>>;

export interface BrowserReturn {
  /** To be registered with the provider and with the role. */
  readonly redirectUri: string;
  /** Resolves when the browser comes back with this state. Throws `request_timeout`. */
  wait(state: string, patience: number): Promise<Brought>;
  /** Stops listening. */
  close(): void;
}

const path = '/oidc/callback';
const longestForm = 16 * 1024;

/** Throws `usage` when the port is taken. */
export async function awaitBrowser(port: number): Promise<BrowserReturn> {
  const requests: Requests = { expect: () => false };
  const server = createServer({ maxHeaderSize: 16 * 1024, requestTimeout: 10_000 }, (request, response) => {
    broughtBy(request, port)
      .then((brought) => answer(response, requests.expect(brought)))
      .catch(() => answer(response, false));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(cannotListen(port, error)));
    // Not the name: it could mean another address than the one that only we hear.
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    redirectUri: `http://localhost:${port}${path}`,
    wait: (state, patience) => waitFor(requests, state, patience),
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function cannotListen(port: number, error: Error): CofferError {
  const code = 'code' in error ? String(error.code) : 'it cannot be listened on';
  return new CofferError(
    'usage',
    `port ${port} of this machine cannot be used (${code}); choose another with --port`,
    {
      cause: error,
    },
  );
}

/** What is done with the next request: whether it was the one. */
interface Requests {
  expect: (brought: Brought | undefined) => boolean;
}

function waitFor(requests: Requests, state: string, patience: number): Promise<Brought> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(
      () => reject(new CofferError('request_timeout', 'nobody came back from the browser in time')),
      patience,
    );
    // What listens keeps the process alive.
    late.unref();
    requests.expect = (brought) => {
      if (brought === undefined || brought['state'] !== state) return false;
      clearTimeout(late);
      resolve(brought);
      return true;
    };
  });
}

/** Undefined for anything but the return: another path, method or host name. */
async function broughtBy(request: IncomingMessage, port: number): Promise<Brought | undefined> {
  const { host = '' } = request.headers;
  // A page elsewhere may have a name that leads here.
  if (![`localhost:${port}`, `127.0.0.1:${port}`].includes(host)) return undefined;
  const url = new URL(request.url ?? '/', 'http://localhost');
  if (url.pathname !== path) return undefined;
  if (request.method === 'GET') return Object.fromEntries(url.searchParams);
  if (request.method !== 'POST') return undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > longestForm) return undefined;
    chunks.push(chunk);
  }
  return Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString('utf8')));
}

/** Nothing of what came in is in the page, and the page may load and do nothing. */
function answer(response: ServerResponse, isOurs: boolean): void {
  const words = isOurs
    ? 'Back to the terminal: the login goes on there. This window can be closed.'
    : 'This is not the login that is waited for.';
  response.writeHead(isOurs ? 200 : 400, {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': "default-src 'none'",
    'Cache-Control': 'no-store',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    Connection: 'close',
  });
  response.end(`<!doctype html><title>Coffer</title><p>${words}</p>\n`);
}
