/**
 * Which server and as whom, as the old program decides it: flag, `VAULT_*`, its token file; where none of these says anything,
 * what Coffer's own commands use.
 */
import { existsSync, readFileSync } from 'node:fs';
import { formatAddress } from '../../client/address.ts';
import {
  type Client,
  type ClientAnswer,
  type Method,
  openClient,
  type RequestOptions,
} from '../../client/client.ts';
import { asCofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';
import { defaultAddress, findToken } from '../context.ts';
import { systemReason } from '../private-file.ts';
import { type Environment, type Shell, variable } from '../shell.ts';
import { isReadableByOthers, parseToken, readTokenFile } from '../token-file.ts';
import { readUserFile } from '../user-file.ts';
import { failureOf, misuse } from './failure.ts';
import type { FlagSpecs, Flags } from './flags.ts';

/** Of every verb that speaks to a server. */
export const connectionFlags = {
  address: { type: 'text', help: 'address of the server (VAULT_ADDR)' },
  'agent-address': { type: 'text', help: 'address of an agent, in place of the server’s (VAULT_AGENT_ADDR)' },
  'ca-cert': { type: 'text', help: 'PEM file of authorities to trust (VAULT_CACERT)' },
  'ca-path': { type: 'text', help: 'directory of such files (VAULT_CAPATH)' },
  'client-cert': { type: 'text', help: 'PEM certificate to show (VAULT_CLIENT_CERT)' },
  'client-key': { type: 'text', help: 'its key (VAULT_CLIENT_KEY)' },
  'tls-server-name': { type: 'text', help: 'name in the server’s certificate (VAULT_TLS_SERVER_NAME)' },
  'tls-skip-verify': { type: 'bool', help: 'believe any certificate (VAULT_SKIP_VERIFY)' },
  header: { type: 'pairs', help: 'header of every request, name=value' },
  mfa: {
    type: 'list',
    help: 'METHOD:CODE of a login that wants one; may be given several times (VAULT_MFA)',
  },
  namespace: { type: 'text', help: 'refused: there are no namespaces' },
  ns: { type: 'text', help: 'the same' },
  'wrap-ttl': { type: 'duration', help: 'wrap the answer for this long (VAULT_WRAP_TTL)' },
  'policy-override': { type: 'bool', help: 'taken, without effect' },
  'non-interactive': { type: 'bool', help: 'never ask at a terminal' },
  'output-curl-string': { type: 'bool', help: 'refused: it would print the token' },
  'unlock-key': { type: 'text', help: 'refused: there is nothing to unlock' },
} as const satisfies FlagSpecs;

/** One command's way to its server. */
export class Session {
  readonly #shell: Shell;
  readonly #flags: Flags;
  #client: Client | undefined;

  constructor(shell: Shell, flags: Flags) {
    this.#shell = shell;
    this.#flags = flags;
  }

  /** The server's address, as it is shown. */
  get address(): string {
    return formatAddress(this.#connected().address);
  }

  /**
   * Asks as who is logged in. `doing` is such as `reading secret/foo`, for the message when it fails.
   *
   * @throws VaultFailure
   */
  async ask(
    doing: string,
    method: Method,
    path: string,
    options: RequestOptions & { readonly anonymous?: boolean } = {},
  ): Promise<ClientAnswer> {
    const { anonymous, ...rest } = options;
    const token = anonymous === true ? undefined : (rest.token ?? (await currentToken(this.#shell)));
    const wrapTtl = rest.wrapTtl ?? this.wrapTtl();
    const client = this.#connected();
    try {
      return await client.request(method, path.replace(/^\//, ''), {
        ...rest,
        ...(token === undefined ? {} : { token }),
        ...(wrapTtl === undefined ? {} : { wrapTtl }),
      });
    } catch (error) {
      const shown = method === 'LIST' ? `${path}?list=true` : path;
      const verb = method === 'LIST' ? 'GET' : method;
      throw failureOf(
        error,
        doing,
        `${verb} ${formatAddress(client.address)}/v1/${shown.replace(/^\//, '')}`,
        token,
      );
    }
  }

  /**
   * As `ask`, for what may be missing: the answer of a 404 that says something (data, warnings), and undefined for any other 404,
   * which is what clients of this wire make of it.
   */
  async look(
    doing: string,
    method: Method,
    path: string,
    options: RequestOptions = {},
  ): Promise<ClientAnswer | undefined> {
    const answer = await this.ask(doing, method, path, { ...options, accept: [404] });
    if (answer.status !== 404) return answer;
    const { body } = answer;
    return isJsonObject(body) && (isPresent(body['data']) || isPresent(body['warnings']))
      ? answer
      : undefined;
  }

  wrapTtl(): string | undefined {
    return this.#flags.text('wrap-ttl') ?? variable(this.#shell.env, 'VAULT_WRAP_TTL');
  }

  #connected(): Client {
    this.#client ??= this.#open();
    return this.#client;
  }

  #open(): Client {
    const flags = this.#flags;
    const { env, ui, places } = this.#shell;
    refuseWhatIsNot(flags, env);
    const address = addressOf(flags, env) ?? readUserFile(places.cliFile).address ?? defaultAddress;
    const unverified = skipsVerify(flags, env) && address.startsWith('https:');
    const client = openClient({
      address,
      ca: authorities(flags, env),
      certificate: certificate(flags, env),
      serverName: flags.text('tls-server-name') ?? variable(env, 'VAULT_TLS_SERVER_NAME'),
      headers: { ...headersOf(flags), ...mfaHeader(flags, env) },
      timeout: timeoutOf(env),
      unverified,
    });
    if (unverified) ui.warn('the certificate of the server is not checked: whoever answers gets the token');
    if (client.exposed)
      ui.warn(`${formatAddress(client.address)} is not encrypted: token and secrets can be read on the way`);
    return client;
  }
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function addressOf(flags: Flags, env: Environment): string | undefined {
  return (
    flags.text('agent-address') ??
    variable(env, 'VAULT_AGENT_ADDR') ??
    flags.text('address') ??
    variable(env, 'VAULT_ADDR') ??
    variable(env, 'COFFER_ADDR')
  );
}

function refuseWhatIsNot(flags: Flags, env: Environment): void {
  const namespace = flags.text('namespace') ?? flags.text('ns') ?? variable(env, 'VAULT_NAMESPACE') ?? '';
  if (!['', '/', 'root', 'root/'].includes(namespace))
    throw misuse('There are no namespaces here: leave -namespace out');
  for (const flag of ['unlock-key', 'output-curl-string']) {
    if (flags.has(flag) && (flag !== 'output-curl-string' || flags.bool(flag))) {
      const why =
        flag === 'output-curl-string' ? 'it would print the token' : 'there is nothing behind it here';
      throw misuse(`-${flag} is not taken: ${why}`);
    }
  }
}

function skipsVerify(flags: Flags, env: Environment): boolean {
  if (flags.has('tls-skip-verify')) return flags.bool('tls-skip-verify');
  return /^(1|t|true)$/i.test(variable(env, 'VAULT_SKIP_VERIFY') ?? '');
}

function authorities(flags: Flags, env: Environment): string | undefined {
  const file = flags.text('ca-cert') ?? variable(env, 'VAULT_CACERT') ?? variable(env, 'COFFER_CACERT');
  if (file !== undefined) return pem(file);
  if (flags.has('ca-path') || variable(env, 'VAULT_CAPATH') !== undefined)
    throw misuse('-ca-path is not taken: put the certificates into one file, and name it with -ca-cert');
  return undefined;
}

function certificate(flags: Flags, env: Environment): { certificate: string; key: string } | undefined {
  const cert = flags.text('client-cert') ?? variable(env, 'VAULT_CLIENT_CERT');
  const key = flags.text('client-key') ?? variable(env, 'VAULT_CLIENT_KEY');
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) throw misuse('-client-cert and -client-key go together');
  return { certificate: pem(cert), key: pem(key) };
}

function pem(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw misuse(`cannot read ${path}: ${systemReason(error)}`);
  }
}

/** Headers of the wire's own are set by what they mean, never by name. */
function headersOf(flags: Flags): Readonly<Record<string, string>> {
  const headers = flags.pairs('header');
  for (const [name, value] of Object.entries(headers)) {
    if (/^x-vault-/i.test(name)) throw misuse("-header: names that begin with 'X-Vault-' are reserved");
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) || !/^[\t\x20-\x7e]*$/.test(value))
      throw misuse('-header must be a name and a value that HTTP can carry');
  }
  return headers;
}

/** The codes of a login in one step. The server reads a list with commas as it reads the header several times. */
function mfaHeader(flags: Flags, env: Environment): Readonly<Record<string, string>> {
  const given = flags.has('mfa') ? flags.list('mfa') : [variable(env, 'VAULT_MFA') ?? ''];
  const codes = given.filter((code) => code !== '');
  if (!codes.every((code) => /^[\x21-\x7e]+$/.test(code)))
    throw misuse('-mfa must be METHOD:CODE, in characters that HTTP can carry');
  return codes.length === 0 ? {} : { 'X-Vault-MFA': codes.join(',') };
}

/** Milliseconds. */
function timeoutOf(env: Environment): number | undefined {
  const text = variable(env, 'VAULT_CLIENT_TIMEOUT');
  const seconds = /^(\d{1,6})s?$/.exec(text ?? '')?.[1];
  if (text !== undefined && seconds === undefined)
    throw misuse('VAULT_CLIENT_TIMEOUT must be seconds, such as 60');
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
}

/** The caller's token: `VAULT_TOKEN`, `~/.vault-token`, and then what Coffer's own commands use. */
export async function currentToken(shell: Shell): Promise<string | undefined> {
  const given = variable(shell.env, 'VAULT_TOKEN');
  if (given !== undefined) return token(given, 'VAULT_TOKEN');
  const file = shell.places.vaultTokenFile;
  if (existsSync(file)) {
    if (isReadableByOthers(file)) shell.ui.warn(`others can read ${file}; run: chmod 600 ${file}`);
    return readKept(file);
  }
  return findToken(shell, { 'token-file': undefined });
}

function readKept(file: string): string | undefined {
  // The old program takes an empty file for none.
  try {
    return readTokenFile(file);
  } catch (error) {
    if (readFileSync(file, 'utf8').trim() === '') return undefined;
    throw misuse(asCofferError(error).message);
  }
}

function token(text: string, source: string): string {
  try {
    return parseToken(text, source);
  } catch (error) {
    throw misuse(asCofferError(error).message);
  }
}

/** The members of an answer that is an object. */
export function bodyOf(answer: ClientAnswer | undefined): JsonObject {
  return isJsonObject(answer?.body) ? answer.body : {};
}
