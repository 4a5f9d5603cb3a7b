/**
 * What can be set about a server, read from a configuration file, the environment and flags. Times are in milliseconds, sizes in
 * bytes. Rooms take the part they need, by value; what SIGHUP may change comes as a `Live` of `live.ts`. `table.ts` declares each.
 */

export interface TlsSettings {
  /** PEM files, absolute. */
  readonly certificate: string;
  readonly key: string;
  readonly minimumVersion: 'TLSv1.2' | 'TLSv1.3';
}

export interface ListenerSettings {
  readonly host: string;
  readonly port: number;
  /** Undefined serves plain HTTP: on loopback, or where `tlsDisable` says so. */
  readonly tls: TlsSettings | undefined;
  readonly tlsDisable: boolean;
  /** `vault`, or the name of a dialect with its options, as it is written. */
  readonly dialect: string;
  /** Path of the mount that answers `/oauth2/…`, with a `/` at its end; undefined for none. */
  readonly oauth2: string | undefined;
  /** Networks (CIDR) whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  /** Answers `sys/metrics` without a token. */
  readonly metricsWithoutToken: boolean;
  /** Serves `sys/rekey` and `sys/generate-root` without a token, cancelling included, as Vault's clients know them. */
  readonly unauthenticatedKeyOperations: boolean;
}

export interface LimitSettings {
  /** Open connections from one address, and in all. */
  readonly connectionsPerAddress: number;
  readonly connections: number;
  /** Body bytes of one request. */
  readonly requestBytes: number;
  readonly requestTime: number;
  /**
   * Requests a second from one address of callers without a valid token, and how many at once; 0 sets no limit. Quotas of
   * `sys/quotas` come on top.
   */
  readonly requestsPerSecond: number;
  readonly burst: number;
  /** Live tokens, and live leases, of one principal: an alias of one auth mount. */
  readonly tokensPerIdentity: number;
  readonly leasesPerIdentity: number;
}

export interface LeaseSettings {
  /** The lives of tokens and leases where their mount names none. */
  readonly defaultTtl: number;
  readonly maxTtl: number;
}

export interface LogSettings {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /** `auto`: lines for people at a terminal, JSON elsewhere. */
  readonly format: 'auto' | 'json' | 'text';
}

export interface TelemetrySettings {
  readonly metrics: boolean;
  /** Base URL of an OTLP/HTTP collector; undefined traces nothing. */
  readonly traces: string | undefined;
  /** Share of requests traced, 0 to 1. */
  readonly traceShare: number;
}

export interface BackupSettings {
  /** Absolute directory of scheduled backups; undefined makes none there. */
  readonly directory: string | undefined;
  /** Their address in S3, in place of a directory. */
  readonly to: string | undefined;
  readonly every: number;
  /** How many are kept. */
  readonly keep: number;
  /** How long they are kept at most; undefined looks at their number alone. */
  readonly keepFor: number | undefined;
  /** Time between two restore drills; undefined does none. */
  readonly drillEvery: number | undefined;
}

export interface AuditSettings {
  /** Where the log is: in files of the data directory, or in the store. */
  readonly log: 'files' | 'store';
  /** How long what is closed stays; undefined removes nothing. */
  readonly keep: number | undefined;
  // What audit devices may reach:
  /** Absolute directories. */
  readonly directories: readonly string[];
  /** As `tcp://host:port` and the like. */
  readonly targets: readonly string[];
}

/** Where mounts may have the server go at AWS. */
export interface AwsSettings {
  /** Addresses besides AWS's own, as URLs. */
  readonly endpoints: readonly string[];
  /** Profiles of the shared configuration. */
  readonly profiles: readonly string[];
  /** Whether mounts that hand out credentials of AWS may make them by the server's own identity. */
  readonly ambient: boolean;
  /** ARNs of topics that notifiers may tell with the server's own identity. */
  readonly topics: readonly string[];
}

/** Where credentials of applications may be delivered. */
export interface DeliverySettings {
  /** Absolute directories; undefined is the server's own. */
  readonly directories: readonly string[] | undefined;
  // As they are written:
  readonly s3: readonly string[];
  readonly secretsmanager: readonly string[];
  readonly ssm: readonly string[];
  readonly kubernetes: readonly string[];
}

/** A notifier that runs a program. */
export interface NotifierCommand {
  readonly name: string;
  /** An absolute path, and words. */
  readonly command: readonly string[];
  readonly kinds: readonly string[];
  readonly timeout: number;
}

/** Which storage: a URL, as it is written. It may hold a password, so it is shown by `storageUrl.show` alone. */
export interface StorageSetting {
  readonly url: string;
  /** Absolute directory that relative paths in it start from. */
  readonly base: string;
}

export interface Settings {
  /** The data directory, absolute; undefined for the default place. */
  readonly data: string | undefined;
  /** Undefined for the store in the data directory. */
  readonly storage: StorageSetting | undefined;
  readonly keyfile: string | undefined;
  /** URL at which clients reach this node; undefined takes the first listener's. */
  readonly apiAddress: string | undefined;
  /** Addresses of keys that are not on this machine, as `awskms:…`. */
  readonly seals: readonly string[];
  readonly listeners: readonly ListenerSettings[];
  /** Processes that serve together. */
  readonly workers: number;
  readonly leases: LeaseSettings;
  readonly limits: LimitSettings;
  readonly log: LogSettings;
  readonly telemetry: TelemetrySettings;
  readonly backup: BackupSettings;
  readonly audit: AuditSettings;
  readonly aws: AwsSettings;
  readonly delivery: DeliverySettings;
  readonly notifiers: readonly NotifierCommand[];
}
