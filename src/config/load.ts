/** The settings of a server out of file, environment and flags, with everything that is wrong about them. */
import {
  type FoundListener,
  type FoundServer,
  listenerCombinations,
  listenersCombinations,
  serverCombinations,
} from './combinations.ts';
import { type ReadFile, readConfigFile } from './file.ts';
import {
  byFile,
  byFlag,
  byVariable,
  type FileTable,
  type Found,
  readSaid,
  type Said,
  type Sources,
  said,
} from './found.ts';
import { assembleNotifier, type FoundNotifier, readNotifiers } from './notifiers.ts';
import { ConfigurationError, type Problem } from './problem.ts';
import type { ListenerSettings, Settings } from './settings.ts';
import { listenerTable, type Setting, table } from './table.ts';
import { isTable, unknownKeys, unknownListenerKeys, unknownVariables } from './unknown-keys.ts';

export interface Loaded {
  /** To be used only when there are no problems. */
  readonly settings: Settings;
  readonly problems: readonly Problem[];
  /** Every setting, in the order of the reference; a listener's are named `listener[0].address`. */
  readonly found: readonly Found<unknown>[];
}

/** What a start or a SIGHUP is given. */
export interface LoadInput extends Omit<Sources, 'file'> {
  /** The configuration file, as named; undefined for none. */
  readonly config: string | undefined;
}

/** Reads the file and the rest. Everything wrong is in `problems`; nothing is thrown for it. */
export function loadSettings({ config, ...rest }: LoadInput): Loaded {
  return loadRead(config === undefined ? { file: undefined, problems: [] } : readConfigFile(config), rest);
}

/** The same for a file that was read already. */
export function loadRead(read: ReadFile, rest: Omit<Sources, 'file'>): Loaded {
  const loaded = resolveSettings({ ...rest, file: read.file });
  return { ...loaded, problems: [...read.problems, ...loaded.problems] };
}

/** The settings alone. Throws `ConfigurationError`, which lists every problem. */
export function soundSettings(loaded: Loaded): Settings {
  if (loaded.problems.length > 0) throw new ConfigurationError(loaded.problems);
  return loaded.settings;
}

export function resolveSettings(sources: Sources): Loaded {
  const problems: Problem[] = [];
  const { file } = sources;
  if (file !== undefined) problems.push(...unknownKeys(file));
  problems.push(...unknownVariables(sources.env));
  const server = readRows(table, '', problems, (name, setting) =>
    said(name, setting, sources, fileTable(sources, name)),
  ) as FoundServer;
  const listeners = readListeners(sources, problems);
  const notifiers = readNotifiers(file, problems);
  problems.push(
    ...serverCombinations(server),
    ...listeners.flatMap(listenerCombinations),
    ...listenersCombinations(listeners, server),
  );
  return {
    settings: assemble(server, listeners, notifiers),
    problems: inOrder(problems),
    found: [server, ...listeners, ...notifiers].flatMap((rows) => Object.values<Found<unknown>>(rows)),
  };
}

function readRows(
  rows: Readonly<Record<string, Setting<unknown>>>,
  prefix: string,
  problems: Problem[],
  saidOf: (name: string, setting: Setting<unknown>) => Said | undefined,
): Readonly<Record<string, Found<unknown>>> {
  return Object.fromEntries(
    Object.entries(rows).map(([name, setting]) => [
      name,
      readSaid(`${prefix}${name}`, setting, saidOf(name, setting), problems),
    ]),
  );
}

/** The table of the file that a setting is in. */
function fileTable({ file }: Sources, name: string): FileTable | undefined {
  if (file === undefined) return undefined;
  const dot = name.indexOf('.');
  if (dot === -1) return { members: file.values, path: [] };
  const section = name.slice(0, dot);
  const members = file.values[section];
  return isTable(members) ? { members, path: [section] } : undefined;
}

interface Listener {
  readonly address: Said | undefined;
  /** Where its address says it already. */
  readonly dialect?: Said;
  readonly table: FileTable | undefined;
}

/** The listeners, and one more where `--dssss` names its address. */
function listenersOf(sources: Sources, problems: Problem[]): readonly Listener[] {
  const listeners = namedListeners(sources, problems);
  const address = sources.flags['dssss'];
  if (typeof address !== 'string') return listeners;
  const origin = byFlag('dssss');
  const base = sources.directory;
  const dssss = { raw: address, base, origin };
  // What --aws makes has its secrets there.
  const raw = sources.flags['aws'] === true ? 'dssss?secrets=secret' : 'dssss';
  return [...listeners, { address: dssss, dialect: { raw, base, origin }, table: undefined }];
}

/** Addresses of flags replace those of the environment, and these the listeners of the file. */
function namedListeners(sources: Sources, problems: Problem[]): readonly Listener[] {
  const { directory: base, file } = sources;
  const flags = sources.flags['listen'];
  const spoken = (raw: unknown, origin: Said['origin']): Listener => ({
    address: { raw, base, origin },
    table: undefined,
  });
  if (Array.isArray(flags) && flags.length > 0)
    return flags.map((text: string) => spoken(text, byFlag('listen')));
  const variable = sources.env['COFFER_LISTEN'] ?? '';
  if (variable !== '') {
    return variable.split(',').map((text) => spoken(text.trim(), byVariable('COFFER_LISTEN')));
  }
  const standard: readonly Listener[] = [{ address: undefined, table: undefined }];
  if (file === undefined || !Object.hasOwn(file.values, 'listener')) return standard;
  const written = file.values['listener'];
  if (!Array.isArray(written) || written.length === 0 || !written.every(isTable)) {
    problems.push(
      byFile(file, ['listener']).problem('listener must be a list of tables, each written [[listener]]'),
    );
    return standard;
  }
  return written.map((members, index) => {
    const inFile: FileTable = { members, path: ['listener', index] };
    problems.push(...unknownListenerKeys(file, inFile));
    if (!Object.hasOwn(members, 'address')) {
      problems.push(byFile(file, inFile.path).problem('this listener has no address'));
    }
    const { address } = listenerTable;
    return {
      address: said('address', { ...address, flag: '', variable: '' }, sources, inFile),
      table: inFile,
    };
  });
}

function readListeners(sources: Sources, problems: Problem[]): readonly FoundListener[] {
  return listenersOf(sources, problems).map(
    ({ address, dialect, table: inFile }, index) =>
      readRows(listenerTable, `listener[${index}].`, problems, (name, setting) => {
        if (name === 'address') return address;
        if (name === 'dialect' && dialect !== undefined) return dialect;
        return said(name, setting, sources, inFile);
      }) as FoundListener,
  );
}

/** In the order of the file; each once, though a flag may concern several listeners. */
function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const unique = new Map(
    problems.map((problem) => {
      const message =
        problem.place === undefined ? problem.message.replace(/^listener\[\d+\]\./, '') : problem.message;
      return [`${problem.where}: ${message}`, { ...problem, message }];
    }),
  );
  return [...unique.values()].toSorted(
    (a, b) =>
      (a.place?.line ?? Number.MAX_SAFE_INTEGER) - (b.place?.line ?? Number.MAX_SAFE_INTEGER) ||
      (a.place?.column ?? 0) - (b.place?.column ?? 0),
  );
}

function assemble(
  found: FoundServer,
  listeners: readonly FoundListener[],
  notifiers: readonly FoundNotifier[],
): Settings {
  return {
    data: found.data.value,
    storage: found.storage.value,
    keyfile: found.keyfile.value,
    apiAddress: found.api_addr.value,
    seals: found.seal.value,
    listeners: listeners.map(assembleListener),
    workers: found.workers.value,
    leases: { defaultTtl: found.default_lease_ttl.value, maxTtl: found.max_lease_ttl.value },
    limits: {
      connections: found['limits.connections'].value,
      connectionsPerAddress: found['limits.connections_per_address'].value,
      requestBytes: found['limits.request_bytes'].value,
      requestTime: found['limits.request_time'].value,
      requestsPerSecond: found['limits.requests_per_second'].value,
      burst: found['limits.burst'].value || found['limits.requests_per_second'].value,
      tokensPerIdentity: found['limits.tokens_per_identity'].value,
      leasesPerIdentity: found['limits.leases_per_identity'].value,
    },
    log: { level: found['log.level'].value, format: found['log.format'].value },
    telemetry: {
      metrics: found['telemetry.metrics'].value,
      traces: found['telemetry.traces'].value,
      traceShare: found['telemetry.trace_share'].value,
    },
    audit: {
      log: found['audit.log'].value,
      keep: found['audit.keep'].value || undefined,
      directories: found['audit.directories'].value,
      targets: found['audit.targets'].value,
    },
    aws: {
      endpoints: found['aws.endpoints'].value,
      profiles: found['aws.profiles'].value,
      ambient: found['aws.ambient'].value,
      topics: found['aws.topics'].value,
    },
    delivery: {
      directories: found['delivery.directories'].value,
      s3: found['delivery.s3'].value,
      secretsmanager: found['delivery.secretsmanager'].value,
      ssm: found['delivery.ssm'].value,
      kubernetes: found['delivery.kubernetes'].value,
    },
    notifiers: notifiers.map(assembleNotifier),
    backup: {
      directory: found['backup.directory'].value,
      every: found['backup.every'].value,
      keep: found['backup.keep'].value,
      to: found['backup.to'].value,
      keepFor: found['backup.keep_for'].value || undefined,
      drillEvery: found['backup.drill_every'].value || undefined,
    },
  };
}

function assembleListener(found: FoundListener): ListenerSettings {
  const certificate = found.tls_cert.value;
  const key = found.tls_key.value;
  return {
    ...found.address.value,
    tls:
      certificate === undefined || key === undefined
        ? undefined
        : { certificate, key, minimumVersion: found.tls_min_version.value === '1.3' ? 'TLSv1.3' : 'TLSv1.2' },
    tlsDisable: found.tls_disable.value,
    dialect: found.dialect.value,
    oauth2: found.oauth2.value || undefined,
    trustedProxies: found.trusted_proxies.value,
    metricsWithoutToken: found.metrics_without_token.value,
    unauthenticatedKeyOperations: found.unauthenticated_key_operations.value,
  };
}
