/**
 * Every setting of the server, declared once: file, flag, environment, `--check`, help and the reference page follow from here.
 * Limits of the ranges keep a typing mistake from becoming an outage; they are no advice.
 */
import {
  buckets,
  deliveryDirectories,
  namespaces,
  parameterPrefixes,
  secretPrefixes,
} from './delivery-kinds.ts';
import {
  address,
  addresses,
  argv,
  backupAddress,
  boolean,
  choice,
  count,
  dialectName,
  type Kind,
  mountName,
  networks,
  noticeKinds,
  notifierName,
  path,
  paths,
  profileNames,
  sealAddresses,
  share,
  storageUrl,
  targets,
  topics,
  url,
} from './kinds.ts';
import { defaultListen } from './listen-address.ts';
import { duration, size } from './quantities.ts';

export interface Setting<T> {
  readonly kind: Kind<T>;
  readonly default: T;
  /** One sentence without full stop. */
  readonly help: string;
  /** What the reference says of a default that cannot be shown as a value. */
  readonly defaultText?: string;
  /** Other flag than the name's own. */
  readonly flag?: string;
  /** Other variable than the name's own. */
  readonly variable?: string;
  /** A flag without a value, meaning true. */
  readonly bare?: true;
  /** SIGHUP applies a change; others wait for a restart. */
  readonly live?: true;
}

export type Settings<T> = { readonly [N in keyof T]: T[N] extends Setting<infer V> ? V : never };

const levels = choice(['debug', 'info', 'warn', 'error']);
const second = 1_000;
const hour = 3_600_000;
const hundredYears = 100 * 365 * 24 * hour;
const mebibyte = 1_048_576;

function limit<T>(setting: Setting<T>): Setting<T> {
  return { ...setting, live: true };
}

/** By name in a file; a dot is a table. */
export const table = {
  data: {
    kind: path,
    default: undefined,
    defaultText: '`~/.local/share/coffer`',
    help: 'data directory',
  },
  storage: {
    kind: storageUrl,
    default: undefined,
    defaultText: '`lmdb:` in the data directory',
    help: 'where the store is; a password in it is for the environment or the file, never for a flag',
  },
  keyfile: {
    kind: path,
    default: undefined,
    defaultText: 'in `~/.config/coffer`',
    help: 'keyfile of the store, or where to put a new one',
  },
  workers: {
    kind: count(1, 64),
    default: 1,
    help: 'processes that serve one store together',
  },
  api_addr: {
    kind: url,
    default: undefined,
    defaultText: 'the first listener’s own',
    help: 'address at which clients reach this node, as it tells the others',
  },
  seal: {
    kind: sealAddresses,
    default: [] as readonly string[],
    help: 'KMS keys that open the store at start, and that a new store is made for in place of a keyfile',
  },
  default_lease_ttl: {
    kind: duration(second, hundredYears),
    default: 768 * hour,
    help: 'life of tokens and leases where neither their mount nor a role says another',
  },
  max_lease_ttl: {
    kind: duration(second, hundredYears),
    default: 768 * hour,
    help: 'their longest life where their mount says no other; one that is renewed included',
  },
  'limits.connections': limit({
    kind: count(1, 100_000),
    default: 4_096,
    help: 'open connections of one listener',
  }),
  'limits.connections_per_address': limit({
    kind: count(1, 100_000),
    default: 512,
    help: 'open connections from one address (IPv6: one /64 network); trusted proxies are exempt',
  }),
  'limits.request_bytes': limit({
    kind: size(1_024, 128 * mebibyte),
    default: 32 * mebibyte,
    help: "one request's body",
  }),
  'limits.request_time': limit({
    kind: duration(second, hour),
    default: 90 * second,
    help: 'how long the work of one request may take',
  }),
  'limits.requests_per_second': limit({
    kind: count(0, 1_000_000),
    default: 100,
    help: 'requests a second from one address of callers without a valid token; 0 sets no limit',
  }),
  'limits.burst': limit({
    kind: count(0, 1_000_000),
    default: 1_000,
    help: 'requests that may come at once under requests_per_second; 0 allows one second of them',
  }),
  'limits.tokens_per_identity': limit({
    kind: count(1, 1_000_000_000),
    default: 300_000,
    help: 'live tokens of one identity (one alias of one auth mount), wrapping tokens among them',
  }),
  'limits.leases_per_identity': limit({
    kind: count(1, 1_000_000_000),
    default: 300_000,
    help: 'live leases of one identity',
  }),
  'log.level': { kind: levels, default: 'info', live: true, help: 'least level of what is logged' },
  'log.format': {
    kind: choice(['auto', 'json', 'text']),
    default: 'auto',
    help: 'auto is lines for people at a terminal and JSON elsewhere',
  },
  'telemetry.metrics': { kind: boolean, default: true, help: 'serve sys/metrics' },
  'telemetry.traces': {
    kind: url,
    default: undefined,
    defaultText: 'none',
    help: 'OTLP/HTTP collector that traces are sent to',
  },
  'telemetry.trace_share': { kind: share, default: 1, help: 'share of requests that are traced' },
  'audit.log': {
    kind: choice(['files', 'store']),
    default: 'files',
    help: 'where the audit log is: store is for places with no lasting disk',
  },
  'audit.keep': {
    kind: duration(0, hundredYears),
    default: 0,
    defaultText: 'for ever',
    help: 'how long closed parts of the audit log stay; 0 removes nothing',
  },
  'audit.directories': {
    kind: paths,
    default: [] as readonly string[],
    defaultText: 'none besides the one in the data directory',
    help: 'directories below which audit devices may have files',
  },
  'audit.targets': {
    kind: targets,
    default: [] as readonly string[],
    help: 'where audit devices may send lines',
  },
  'aws.ambient': {
    kind: boolean,
    default: false,
    help: 'mounts that hand out credentials of AWS may make them by this server’s own identity',
  },
  'aws.endpoints': {
    kind: addresses,
    default: [] as readonly string[],
    defaultText: 'none: AWS’s own, and what its variables say',
    help: 'other addresses of AWS’s services that mounts may name',
  },
  'aws.profiles': {
    kind: profileNames,
    default: [] as readonly string[],
    help: 'profiles of this machine’s AWS files that mounts of tables may name',
  },
  'aws.topics': {
    kind: topics,
    default: [] as readonly string[],
    help: 'topics of SNS that notifiers may tell with this server’s own identity',
  },
  'backup.directory': {
    kind: path,
    default: undefined,
    defaultText: 'none',
    help: 'where scheduled backups go',
  },
  'backup.to': {
    kind: backupAddress,
    default: undefined,
    defaultText: 'none',
    help: 'where scheduled backups go in S3, in place of a directory',
  },
  'backup.every': {
    kind: duration(60 * second, 366 * 24 * hour),
    default: 24 * hour,
    help: 'time between two backups',
  },
  'backup.keep': { kind: count(1, 10_000), default: 7, help: 'how many backups are kept' },
  'backup.keep_for': {
    kind: duration(0, hundredYears),
    default: 0,
    defaultText: 'for ever',
    help: 'how long backups are kept at most, the newest apart; 0 looks at their number alone',
  },
  'backup.drill_every': {
    kind: duration(0, 366 * 24 * hour),
    default: 0,
    defaultText: 'never',
    help: 'time between two restore drills of the newest backup; 0 does none',
  },
  'delivery.directories': limit({
    kind: deliveryDirectories,
    default: undefined as readonly string[] | undefined,
    defaultText: '`coffer-delivered` beside the default data directory; `[]` is none',
    help: 'directories of this machine below which credentials of applications may be delivered',
  }),
  'delivery.s3': limit({
    kind: buckets,
    default: [] as readonly string[],
    help: 'buckets that credentials of applications may be delivered to, with this server’s own identity',
  }),
  'delivery.secretsmanager': limit({
    kind: secretPrefixes,
    default: [] as readonly string[],
    help: 'prefixes of the Secrets Manager’s names below which they may be, with this server’s own identity',
  }),
  'delivery.ssm': limit({
    kind: parameterPrefixes,
    default: [] as readonly string[],
    help: 'prefixes of the Parameter Store’s names below which they may be, with this server’s own identity',
  }),
  'delivery.kubernetes': limit({
    kind: namespaces,
    default: [] as readonly string[],
    help: 'namespaces of Kubernetes clusters in which they may be',
  }),
} as const satisfies Readonly<Record<string, Setting<unknown>>>;

/** Of one listener, by name in its `[[listener]]` table. Their flags and variables are for all listeners. */
export const listenerTable = {
  address: {
    kind: address,
    default: defaultListen,
    flag: 'listen',
    variable: 'COFFER_LISTEN',
    help: 'address to serve on; may be given several times, in a variable with commas',
  },
  tls_cert: {
    kind: path,
    default: undefined,
    defaultText: 'none',
    help: 'PEM file of the certificate, with its intermediates',
  },
  tls_key: {
    kind: path,
    default: undefined,
    defaultText: 'none',
    help: "PEM file of the certificate's key, for its owner alone",
  },
  tls_min_version: { kind: choice(['1.2', '1.3']), default: '1.2', help: 'least version of TLS' },
  tls_disable: {
    kind: boolean,
    default: false,
    bare: true,
    help: 'serve without TLS although the address is not loopback',
  },
  dialect: {
    kind: dialectName,
    default: 'vault',
    help: 'the HTTP API that is spoken: Vault’s, or that of an older system',
  },
  oauth2: {
    kind: mountName,
    default: 'service-users/',
    help: 'mount whose OAuth 2.0 endpoints are at /oauth2/ on a listener of Vault’s API; an empty text for none',
  },
  trusted_proxies: {
    kind: networks,
    default: [] as readonly string[],
    help: 'networks of proxies whose X-Forwarded-For is believed',
  },
  metrics_without_token: {
    kind: boolean,
    default: false,
    help: 'answer sys/metrics without a token',
  },
  unauthenticated_key_operations: {
    kind: boolean,
    default: false,
    help: 'serve rekey and generate-root without a token',
  },
} as const satisfies Readonly<Record<string, Setting<unknown>>>;

/** Of one notifier that runs a program, by name in its `[[notifier]]` table of the file; nothing else may say it. */
export const notifierTable = {
  name: {
    kind: notifierName,
    default: '',
    defaultText: 'none; it must be said',
    help: 'name of the notifier',
  },
  command: {
    kind: argv,
    default: [] as readonly string[],
    defaultText: 'none; it must be said',
    help: 'program that is run for each notice, and reads it as JSON from its standard input',
  },
  kinds: {
    kind: noticeKinds,
    default: ['*'] as readonly string[],
    help: 'which kinds of notices it is run for',
  },
  timeout: {
    kind: duration(second, 15 * second),
    default: 10 * second,
    help: 'how long it may run before it is ended',
  },
} as const satisfies Readonly<Record<string, Setting<unknown>>>;

export type ServerValues = Settings<typeof table>;
export type ListenerValues = Settings<typeof listenerTable>;
export type NotifierValues = Settings<typeof notifierTable>;

export function flagOf(name: string, { flag }: Setting<unknown>): string {
  return flag ?? name.replaceAll(/[._]/g, '-');
}

export function variableOf(name: string, { variable }: Setting<unknown>): string {
  return variable ?? `COFFER_${name.replaceAll('.', '_').toUpperCase()}`;
}

/** What is said of a setting that nobody set. */
export function defaultText(setting: Setting<unknown>): string {
  return setting.defaultText ?? (setting.kind.show(setting.default) || 'none');
}
