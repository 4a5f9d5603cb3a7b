/**
 * Which server, and as whom: from flags, then `COFFER_*`, then Vault's own variables, then the user's file, then the default.
 * There is deliberately no project file: a checkout must not decide where a token is sent.
 */
import { readFileSync } from 'node:fs';
import { formatAddress } from '../client/address.ts';
import { type Client, type ClientOptions, openClient } from '../client/client.ts';
import { CofferError } from '../errors.ts';
import { approvalHeaders, held } from './approval.ts';
import { KvSafe } from './kv-safe.ts';
import { systemReason } from './private-file.ts';
import { readAll } from './prompt.ts';
import { parseSafe, Safe, type SafeUrl } from './safe.ts';
import type { SecretSafe } from './secret-safe.ts';
import { type Environment, type Shell, variable } from './shell.ts';
import { isReadableByOthers, parseToken, readTokenFile } from './token-file.ts';
import { readUserFile, type UserSettings } from './user-file.ts';

export const defaultAddress = 'http://127.0.0.1:8200';
const defaultMount = 'secret';

/** The values of `serverOptions` and `safeOptions`. */
export interface ConnectionOptions {
  readonly address: string | undefined;
  readonly namespace: string | undefined;
  readonly 'token-file': string | undefined;
  readonly 'ca-cert': string | undefined;
  readonly 'client-cert'?: string | undefined;
  readonly 'client-key'?: string | undefined;
  readonly 'tls-server-name'?: string | undefined;
  readonly safe?: string | undefined;
  readonly keyfile?: string | undefined;
  readonly 'passphrase-file'?: string | undefined;
  readonly context?: readonly string[] | undefined;
}

/** Where a command goes, before anything is opened. */
export interface Target {
  /** For everything but secrets. */
  readonly address: string;
  readonly safe: { readonly address: string; readonly mount: string };
  /** The directory of a safe without a server, where that is where secrets are. */
  readonly file?: string;
  /** The address of a table, where the safe is one. */
  readonly table?: string;
  readonly namespace: string | undefined;
  /** File of PEM certificates. */
  readonly caFile: string | undefined;
}

/**
 * Flags win over `COFFER_*`, these over `VAULT_*`, these over the user's file.
 *
 * @param usual the mount of secrets where nobody names one
 */
export function resolveTarget(
  options: ConnectionOptions,
  env: Environment,
  user: UserSettings,
  usual = defaultMount,
): Target {
  const levels = [
    { address: options.address, safe: options.safe, namespace: options.namespace, ca: options['ca-cert'] },
    {
      address: variable(env, 'COFFER_ADDR'),
      safe: variable(env, 'COFFER_SAFE'),
      namespace: variable(env, 'COFFER_NAMESPACE'),
      ca: variable(env, 'COFFER_CACERT'),
    },
    {
      address: variable(env, 'VAULT_ADDR'),
      safe: undefined,
      namespace: variable(env, 'VAULT_NAMESPACE'),
      ca: variable(env, 'VAULT_CACERT'),
    },
    { address: user.address, safe: user.safe, namespace: user.namespace, ca: user.ca_cert },
  ].map((level) => ({ ...level, safe: level.safe === undefined ? undefined : parseSafe(level.safe) }));
  if (options.address !== undefined && levels[0]?.safe?.address !== undefined) {
    throw new CofferError('usage', '--safe with a URL names the server already; leave --address out');
  }
  const first = <T>(pick: (level: (typeof levels)[number]) => T | undefined): T | undefined =>
    levels.map(pick).find((value) => value !== undefined);
  const here = nearest(levels);
  return {
    ...(here?.file === undefined ? {} : { file: here.file }),
    ...(here?.table === undefined ? {} : { table: here.table }),
    address: first((level) => level.address ?? level.safe?.address) ?? defaultAddress,
    safe: {
      address: first((level) => level.safe?.address ?? level.address) ?? defaultAddress,
      mount: first((level) => level.safe?.mount) ?? usual,
    },
    namespace: first((level) => level.namespace),
    caFile: first((level) => level.ca),
  };
}

/** A safe without a server counts where nothing that is said before it names one: `--address` wins over a safe of the environment. */
function nearest(
  levels: readonly { readonly address: string | undefined; readonly safe: SafeUrl | undefined }[],
): SafeUrl | undefined {
  return levels.find(({ address, safe }) => safe !== undefined || address !== undefined)?.safe;
}

/** A client for the server, with the caller's token if there is one. */
export async function connect(shell: Shell, options: ConnectionOptions): Promise<Client> {
  const target = targetOf(shell, options);
  return open(shell, options, target, target.address, await findToken(shell, options));
}

/** A client that sends no token: for endpoints that need none, and for logging in. */
export function connectAnonymously(shell: Shell, options: ConnectionOptions): Client {
  const target = targetOf(shell, options);
  return open(shell, options, target, target.address, undefined);
}

/** The mount on a server that the secret verbs would work on, also where they would not go to a server; with this token, if any. */
export function openServerSafe(shell: Shell, options: ConnectionOptions, token?: string): Safe {
  const target = targetOf(shell, options);
  return new Safe(open(shell, options, target, target.safe.address, token), target.safe.mount);
}

/** The address of the table, where the safe is one. Undefined also where what is said cannot be: whoever goes there is told. */
export function safeTable(shell: Shell, options: ConnectionOptions): string | undefined {
  try {
    return targetOf(shell, options).table;
  } catch {
    return undefined;
  }
}

/**
 * Where the secret verbs work.
 *
 * @param ask whether somebody may be asked for a passphrase
 * @param usual the mount where nobody names one
 */
export async function openSafe(
  shell: Shell,
  options: ConnectionOptions,
  ask = true,
  usual = defaultMount,
): Promise<SecretSafe> {
  return (await openSafeAs(shell, options, ask, usual)).safe;
}

export interface OpenedSafe {
  readonly safe: SecretSafe;
  /** The token it is asked with. Two callers with different tokens may be told different things. */
  readonly token: string | undefined;
}

/** As `openSafe`, for who must know as whom it asks. */
export async function openSafeAs(
  shell: Shell,
  options: ConnectionOptions,
  ask = true,
  usual = defaultMount,
): Promise<OpenedSafe> {
  const target = targetOf(shell, options, usual);
  const words = options.context ?? [];
  if (words.length > 0 && target.table === undefined)
    throw new CofferError('usage', '--context goes with a safe such as credstash://TABLE');
  if (target.file !== undefined) {
    const { openDiskSafe } = await import('./open-disk-safe.ts');
    return { safe: await openDiskSafe(shell, target.file, options, ask), token: undefined };
  }
  if (options.keyfile !== undefined || options['passphrase-file'] !== undefined) {
    throw new CofferError('usage', '--keyfile and --passphrase-file go with a safe such as file:PATH');
  }
  if (target.table !== undefined) {
    const { openTableSafe } = await import('./open-table-safe.ts');
    return { safe: openTableSafe(shell, target.table, words), token: undefined };
  }
  const token = await findToken(shell, options);
  const mount = new Safe(open(shell, options, target, target.safe.address, token), target.safe.mount);
  return { safe: new KvSafe(mount, target.namespace), token };
}

/**
 * The caller's token: `--token-file`, `COFFER_TOKEN`, `VAULT_TOKEN`, what `coffer login` kept, what Vault's client kept; or
 * undefined. There is no flag for the token itself, because arguments are for all to see.
 */
export async function findToken(
  shell: Shell,
  options: Pick<ConnectionOptions, 'token-file'>,
): Promise<string | undefined> {
  const file = options['token-file'];
  if (file === '-') return parseToken((await readAll(shell, 64 * 1024)).toString('utf8'), 'standard input');
  if (file !== undefined) {
    const token = readTokenFile(file);
    if (token === undefined) throw new CofferError('usage', `there is no token file ${file}`);
    return token;
  }
  for (const name of ['COFFER_TOKEN', 'VAULT_TOKEN']) {
    const token = variable(shell.env, name);
    if (token !== undefined) return parseToken(token, name);
  }
  return keptToken(shell);
}

function keptToken(shell: Shell): string | undefined {
  for (const path of [shell.places.tokenFile, shell.places.vaultTokenFile]) {
    const token = readTokenFile(path);
    if (token === undefined) continue;
    if (isReadableByOthers(path)) shell.ui.warn(`others can read ${path}; run: chmod 600 ${path}`);
    return token;
  }
  return undefined;
}

function targetOf(shell: Shell, options: ConnectionOptions, usual = defaultMount): Target {
  return resolveTarget(options, shell.env, readUserFile(shell.places.cliFile), usual);
}

function open(
  shell: Shell,
  options: ConnectionOptions,
  target: Target,
  address: string,
  token: string | undefined,
): Client {
  const ca = target.caFile === undefined ? undefined : readAuthorities(target.caFile);
  const tls = tlsOptions(options, shell.env, address);
  const headers = approvalHeaders(shell.env);
  const client = openClient({ address, token, namespace: target.namespace, ca, headers, held, ...tls });
  if (client.exposed) {
    shell.ui.warn(
      `${formatAddress(client.address)} is not encrypted: token and secrets can be read on the way`,
    );
  }
  return client;
}

/** Throws `usage` for half a pair, an unreadable file, and a wish not to check the server's certificate. */
function tlsOptions(
  options: ConnectionOptions,
  env: Environment,
  address: string,
): Pick<ClientOptions, 'certificate' | 'serverName'> {
  if (!address.startsWith('https:')) return {};
  if (/^(1|t|true)$/i.test(variable(env, 'VAULT_SKIP_VERIFY') ?? '')) {
    throw new CofferError(
      'usage',
      "VAULT_SKIP_VERIFY is set, but the server's certificate is always checked: unset it, and name the certificate to trust with " +
        '--ca-cert or COFFER_CACERT',
    );
  }
  const pick = (option: 'client-cert' | 'client-key' | 'tls-server-name', name: string) =>
    options[option] ?? variable(env, `COFFER_${name}`) ?? variable(env, `VAULT_${name}`);
  const certificate = pick('client-cert', 'CLIENT_CERT');
  const key = pick('client-key', 'CLIENT_KEY');
  const serverName = pick('tls-server-name', 'TLS_SERVER_NAME');
  if (certificate === undefined && key === undefined) return { serverName };
  if (certificate === undefined || key === undefined) {
    throw new CofferError('usage', '--client-cert and --client-key go together');
  }
  return {
    serverName,
    certificate: { certificate: readCertificates(certificate), key: readCertificates(key) },
  };
}

/** A file without any would trust nobody, and every server would look like a stranger. */
function readAuthorities(path: string): string {
  const text = readCertificates(path);
  if (!/^-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----/m.test(text)) {
    throw new CofferError('usage', `${path} holds no certificate in PEM`);
  }
  return text;
}

function readCertificates(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CofferError('usage', `cannot read ${path}: ${systemReason(error)}`, { cause: error });
  }
}
