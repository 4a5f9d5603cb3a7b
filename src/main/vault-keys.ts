/** The keys of the old server's configuration, and what each means here. */

export type KeyReading =
  /** A setting of ours, by its name in our file. */
  | { readonly kind: 'set'; readonly name: string; readonly value: unknown }
  /** Read, and without effect: `why` completes the sentence. */
  | { readonly kind: 'note'; readonly why: string }
  | { readonly kind: 'refused'; readonly why: string }
  /** Where the process id is kept while the server serves. */
  | { readonly kind: 'pid'; readonly path: string }
  /** What it asks for is so anyway. */
  | { readonly kind: 'nothing' };

/** @param value as JSON would have it; undefined for a block */
export type KeyRule = (value: unknown) => KeyReading;

const nothing: KeyReading = { kind: 'nothing' };

function note(why: string): KeyRule {
  return () => ({ kind: 'note', why });
}

/** Harmless while it is off. */
function offOnly(why: string): KeyRule {
  return (value) => (isOff(value) ? nothing : { kind: 'refused', why });
}

function noteWhenOn(why: string): KeyRule {
  return (value) => (isOff(value) ? nothing : { kind: 'note', why });
}

function isOff(value: unknown): boolean {
  return value === false || value === 'false' || value === 0 || value === '0' || value === '';
}

function set(name: string, convert: (value: unknown) => unknown = (value) => value): KeyRule {
  return (value) => ({ kind: 'set', name, value: convert(value) });
}

/** Truth values are written in several ways there. What is none is left for the setting to refuse. */
function truth(value: unknown): unknown {
  if (value === 1 || value === '1' || value === 'true') return true;
  return isOff(value) ? false : value;
}

/** Numbers of seconds and texts with a unit are the same here; a text of digits is a number. */
function time(value: unknown): unknown {
  return typeof value === 'string' && /^\d{1,12}$/.test(value) ? Number(value) : value;
}

const levels: Readonly<Record<string, string>> = {
  trace: 'debug',
  debug: 'debug',
  info: 'info',
  warn: 'warn',
  warning: 'warn',
  err: 'error',
  error: 'error',
};

/** Our word for a level of the old log. */
export function levelOf(text: unknown): unknown {
  return typeof text === 'string' ? (levels[text.toLowerCase()] ?? text) : text;
}

/** Our word for a format of the old log. */
export function logFormatOf(text: unknown): unknown {
  return text === 'standard' || text === '' ? 'text' : text;
}

const equalNodes = 'every node is equal, and none forwards';
const noConsole = 'there is no web console';

export const serverKeys: Readonly<Record<string, KeyRule>> = {
  default_lease_ttl: set('default_lease_ttl', time),
  max_lease_ttl: set('max_lease_ttl', time),
  default_max_request_duration: set('limits.request_time', time),
  log_level: set('log.level', levelOf),
  log_format: set('log.format', logFormatOf),
  log_file: note('the log goes to standard error'),
  log_rotate_duration: note('the log goes to standard error'),
  log_rotate_bytes: note('the log goes to standard error'),
  log_rotate_max_files: note('the log goes to standard error'),
  log_requests_level: note('requests are in the audit log'),
  ui: noteWhenOn(noConsole),
  disable_mlock: note('memory is not locked; switch swap off or encrypt it'),
  disable_cache: note('what is cached is asked for again at each request'),
  cache_size: note('caches have bounds of their own'),
  api_addr: set('api_addr'),
  redirect_addr: note(equalNodes),
  advertise_addr: note(equalNodes),
  cluster_addr: note(equalNodes),
  cluster_name: note('a store has an id in place of a name'),
  cluster_cipher_suites: note(equalNodes),
  disable_clustering: note(equalNodes),
  disable_performance_standby: note(equalNodes),
  ha_storage: note(equalNodes),
  ha_backend: note(equalNodes),
  disable_sealwrap: note('records are sealed once'),
  disable_printable_check: offOnly('cannot be had: paths never hold what cannot be printed'),
  disable_indexing: note('nothing is indexed'),
  pid_file: (value) => {
    if (typeof value !== 'string') return { kind: 'refused', why: 'must be a path' };
    return value === '' ? nothing : { kind: 'pid', path: value };
  },
  telemetry: note('metrics are served at sys/metrics; see [telemetry] of our own file'),
  plugin_directory: note('nothing is loaded from elsewhere'),
  plugin_tmpdir: note('nothing is loaded from elsewhere'),
  plugin_file_uid: note('nothing is loaded from elsewhere'),
  plugin_file_permissions: note('nothing is loaded from elsewhere'),
  raw_storage_endpoint: offOnly('cannot be had: nothing reaches storage around the barrier'),
  introspection_endpoint: offOnly('cannot be had'),
  enable_response_header_hostname: noteWhenOn('the header is not sent'),
  enable_response_header_raft_node_id: noteWhenOn('the header is not sent'),
  detect_deadlocks: note('there are none of that kind'),
  imprecise_lease_role_tracking: note('nothing is counted by role'),
  license_path: note('no licence is needed'),
  service_registration: note('nothing is registered'),
  entropy: offOnly('cannot be had: randomness is the operating system’s'),
  kms_library: offOnly('cannot be had here'),
  unsafe_allow_api_audit_creation: note('audit devices follow rules of their own'),
  allow_audit_log_prefixing: note('audit devices follow rules of their own'),
};

const tlsVersions: Readonly<Record<string, string>> = { tls12: '1.2', tls13: '1.3' };

/** A key without TLS 1.2 or 1.3 behind it would be a listener that is weaker than it may be here. */
const leastTls: KeyRule = (value) => {
  const version = typeof value === 'string' ? tlsVersions[value] : undefined;
  if (version !== undefined) return { kind: 'set', name: 'tls_min_version', value: version };
  return { kind: 'refused', why: 'must be "tls12" or "tls13"' };
};

export const listenerKeys: Readonly<Record<string, KeyRule>> = {
  address: set('address'),
  tls_cert_file: set('tls_cert'),
  tls_key_file: set('tls_key'),
  tls_disable: set('tls_disable', truth),
  tls_min_version: leastTls,
  tls_max_version: (value) =>
    value === 'tls13' ? nothing : { kind: 'refused', why: 'cannot be had: TLS 1.3 is always offered' },
  tls_cipher_suites: note('the suites are the platform’s'),
  tls_prefer_server_cipher_suites: note('the suites are the platform’s'),
  tls_client_ca_file: note('roles of the cert auth method say which authorities are believed'),
  tls_require_and_verify_client_cert: offOnly(
    'cannot be had: certificates of clients are asked for and not demanded. The cert auth method checks them; to demand them of everybody, put a proxy in front',
  ),
  tls_disable_client_certs: noteWhenOn(
    'certificates of clients are asked for and not demanded, and count for the cert auth method alone',
  ),
  x_forwarded_for_authorized_addrs: set('trusted_proxies', (value) =>
    typeof value === 'string' ? value.split(',').map((each) => each.trim()) : value,
  ),
  x_forwarded_for_hop_skips: offOnly('must be 0: the address that the trusted proxy adds is taken'),
  x_forwarded_for_reject_not_present: noteWhenOn(
    'a request without the header counts as from its own address',
  ),
  x_forwarded_for_reject_not_authorized: noteWhenOn('the header is believed of trusted proxies alone'),
  unauthenticated_metrics_access: set('metrics_without_token', truth),
  unauthenticated_pprof_access: offOnly('cannot be had'),
  unauthenticated_in_flight_requests_access: offOnly('cannot be had'),
  disable_unauthed_rekey_endpoints: (value) =>
    isOff(value) ? { kind: 'set', name: 'unauthenticated_key_operations', value: true } : nothing,
  max_request_size: set('limits.request_bytes', time),
  max_request_duration: set('limits.request_time', time),
  cluster_address: note(equalNodes),
  http_read_timeout: note('times of connections have bounds of their own'),
  http_read_header_timeout: note('times of connections have bounds of their own'),
  http_write_timeout: note('times of connections have bounds of their own'),
  http_idle_timeout: note('times of connections have bounds of their own'),
  proxy_protocol_behavior: offOnly('cannot be had: X-Forwarded-For is understood'),
  proxy_protocol_authorized_addrs: note('the proxy protocol is not spoken'),
  custom_response_headers: note('headers of answers are fixed'),
  cors: note('other origins are refused'),
  require_request_header: note('the header makes no difference to a server'),
  profiling: note('nothing is profiled over the wire'),
  inflight_requests_logging: note('requests are in the audit log'),
  redact_addresses: note('answers name no addresses'),
  redact_cluster_name: note('a store has an id in place of a name'),
  redact_version: note('clients switch features on it'),
  agent_api: note('there is no agent'),
  role: note('every listener serves the API'),
};
