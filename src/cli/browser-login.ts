/** A login by browser: the server says where to go, the browser comes back here, and the server trades what it brought. */
import { randomBytes } from 'node:crypto';
import type { Client } from '../client/client.ts';
import { CofferError } from '../errors.ts';
import { awaitBrowser, type BrowserReturn } from './browser-return.ts';
import { childEnvironment } from './child-environment.ts';
import { type Login, trade } from './login-trade.ts';
import { dataOf } from './safe.ts';
import type { Shell } from './shell.ts';

export interface BrowserLoginOptions {
  readonly role: string | undefined;
  readonly path: string | undefined;
  readonly port: number | undefined;
  readonly 'skip-browser': boolean;
  readonly 'mfa-code-stdin': boolean | undefined;
}

/** Vault's own, which providers have been told of. */
const defaultPort = 8250;
/** As long as the server waits, in milliseconds. */
const patience = 5 * 60_000;

/** Throws `permission_denied` when the server gives no address, `request_timeout` when nobody comes back. */
export async function loginByBrowser(
  shell: Shell,
  client: Client,
  options: BrowserLoginOptions,
): Promise<Login> {
  const port = options.port ?? defaultPort;
  if (port < 1 || port > 65_535) throw new CofferError('usage', '--port is a number from 1 to 65535');
  const back = await awaitBrowser(port);
  try {
    return await throughBrowser(shell, client, options, back);
  } finally {
    back.close();
  }
}

async function throughBrowser(
  shell: Shell,
  client: Client,
  options: BrowserLoginOptions,
  back: BrowserReturn,
): Promise<Login> {
  const path = `auth/${options.path ?? 'oidc'}/oidc`;
  // Kept here until the end: whoever else gets hold of code and state cannot trade them.
  const nonce = randomBytes(24).toString('base64url');
  const role = options.role === undefined ? {} : { role: options.role };
  const body = { ...role, redirect_uri: back.redirectUri, client_nonce: nonce };
  const { auth_url: address } = dataOf((await client.request('POST', `${path}/auth_url`, { body })).body);
  const url = parseAuthUrl(address, back.redirectUri);
  const state = url.searchParams.get('state') ?? '';
  const coming = back.wait(state, patience);
  // It is waited for below; nobody is to hear of it where that is never come to.
  coming.catch(() => undefined);
  shell.ui.talk(`log in with a browser at\n${url.toString()}`);
  if (!options['skip-browser']) await openBrowser(shell, url);
  const brought = await coming;
  const code = brought['code'] ?? '';
  if (code === '') throw new CofferError('permission_denied', 'the provider did not let you in');
  const iss = brought['iss'] === undefined ? {} : { iss: brought['iss'] };
  // In the body: what is in an address is written down in many places.
  return trade(shell, client, options, `${path}/callback`, { state, code, client_nonce: nonce, ...iss });
}

/** A web address and nothing that a program could take for something else. */
function parseAuthUrl(address: unknown, redirectUri: string): URL {
  if (address === '') {
    throw new CofferError(
      'permission_denied',
      `the server gives no address to log in at: there is no such role, or it does not allow ${redirectUri}`,
    );
  }
  const url = typeof address === 'string' && URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new CofferError('unavailable', 'the server answered no address to log in at');
  }
  return url;
}

/** The address is printed, so it is no matter if this fails. */
async function openBrowser(shell: Shell, url: URL): Promise<void> {
  const [command, ...args] = openers[process.platform] ?? ['xdg-open'];
  const env = childEnvironment([], shell.env, { pristine: false, keepToken: false });
  const { startBeside } = await import('./run-child.ts');
  startBeside({ command, args: [...args, url.toString()], env, searchPath: shell.env['PATH'] });
}

const openers: Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
};
