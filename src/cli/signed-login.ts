/** Logins with a token that somebody else signed: a JWT of a build system or a service account of Kubernetes. */
import { closeSync, openSync, readSync } from 'node:fs';
import type { Client } from '../client/client.ts';
import { CofferError } from '../errors.ts';
import { type Login, trade } from './login-trade.ts';
import { systemReason } from './private-file.ts';
import { readSecretLine } from './prompt.ts';
import type { Shell } from './shell.ts';

/** Where Kubernetes puts a pod's own token. */
export const serviceAccountToken = '/var/run/secrets/kubernetes.io/serviceaccount/token';

export interface SignedLoginOptions {
  readonly role: string | undefined;
  readonly path: string | undefined;
  readonly 'jwt-file': string | undefined;
  readonly 'mfa-code-stdin': boolean | undefined;
}

export async function loginByJwt(shell: Shell, client: Client, options: SignedLoginOptions): Promise<Login> {
  const file = options['jwt-file'];
  const jwt = file === undefined || file === '-' ? await readSecretLine(shell, 'JWT') : readJwtFile(file);
  return tradeSigned(shell, client, options, options.path ?? 'jwt', jwt);
}

export async function loginByKubernetes(
  shell: Shell,
  client: Client,
  options: SignedLoginOptions,
): Promise<Login> {
  const file = options['jwt-file'] ?? serviceAccountToken;
  const jwt = file === '-' ? await readSecretLine(shell, 'JWT') : readJwtFile(file);
  return tradeSigned(shell, client, options, options.path ?? 'kubernetes', jwt);
}

function tradeSigned(
  shell: Shell,
  client: Client,
  options: SignedLoginOptions,
  path: string,
  text: string,
): Promise<Login> {
  const { role } = options;
  const jwt = text.trim();
  // The text is not repeated: what somebody took for a JWT may be another secret.
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(jwt)) throw new CofferError('usage', 'what was given is not a JWT');
  return trade(shell, client, options, `auth/${path}/login`, {
    ...(role === undefined ? {} : { role }),
    jwt,
  });
}

/** Bytes: what a server takes, and some. */
const longest = 64 * 1024;

function readJwtFile(file: string): string {
  try {
    const descriptor = openSync(file, 'r');
    try {
      const buffer = Buffer.alloc(longest);
      return buffer.toString('utf8', 0, readSync(descriptor, buffer, 0, longest, null));
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw new CofferError('usage', `cannot read ${file}: ${systemReason(error)}`, { cause: error });
  }
}
