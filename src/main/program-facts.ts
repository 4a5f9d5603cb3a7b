/** What a running server tells of itself and lets be changed through `sys/`: its log, its configuration, its standard output. */
import { write } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { DevicePlaces } from '../audit-device/audit-device.ts';
import { type Clock, systemClock } from '../clock.ts';
import { shownAddress } from '../config/listen-address.ts';
import type { AuditSettings, Settings } from '../config/settings.ts';
import type { AnswerData } from '../core/request.ts';
import type { LogControl } from '../core/server/log-control.ts';
import { CofferError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { type LevelledLogger, type LogComponent, logComponents } from '../log.ts';

/** @param configured the level that a reset goes back to, as of now */
export function logControl(log: LevelledLogger, configured: () => LevelledLogger['level']): LogControl {
  const named = (name: string): LogComponent => {
    const found = logComponents.find((each) => each === name);
    if (found === undefined) throw new CofferError('internal', 'an unknown logger');
    return found;
  };
  return {
    components: logComponents,
    levelOf: (component) => log.levelOf(named(component)),
    setLevel(level, component) {
      if (component !== undefined) {
        log.setLevelOf(named(component), level);
        return;
      }
      for (const each of logComponents) log.setLevelOf(each, undefined);
      log.setLevel(level ?? configured());
    },
    watch: (level, listener) => log.watch(level, listener),
  };
}

/** Names and paths of keys, certificates and proxies are left out: they help nobody who asks, and somebody who should not. */
export function sanitizedConfiguration(settings: Settings, storage: string): AnswerData {
  return {
    storage: { type: storage },
    log_level: settings.log.level,
    log_format: settings.log.format === 'json' ? 'json' : 'standard',
    listeners: settings.listeners.map(
      (listener): JsonObject => ({
        type: 'tcp',
        config: {
          address: shownAddress(listener),
          tls_disable: listener.tls === undefined,
          ...(listener.tls === undefined ? {} : { tls_min_version: listener.tls.minimumVersion }),
        },
      }),
    ),
    default_lease_ttl: Math.ceil(settings.leases.defaultTtl / 1_000),
    max_lease_ttl: Math.ceil(settings.leases.maxTtl / 1_000),
    api_addr: settings.apiAddress ?? '',
    cluster_addr: '',
    disable_mlock: true,
    raw_storage_endpoint: false,
    enable_ui: false,
    telemetry: { metrics: settings.telemetry.metrics, traces: settings.telemetry.traces !== undefined },
  };
}

/** Where a data directory has the files of audit devices that name no other place. */
export function deviceDirectoryOf(data: string): string {
  return join(data, 'audit-devices');
}

/**
 * What audit devices of this server may reach; `data` is undefined where nothing is on disk. Throws `usage` for a listed directory
 * that the store or the built-in log is in, or that is in theirs.
 */
export function devicePlaces(
  { directories, targets }: AuditSettings,
  data: string | undefined,
  clock: Clock = systemClock,
): Omit<DevicePlaces, 'clock'> {
  const own = data === undefined ? undefined : deviceDirectoryOf(data);
  if (data !== undefined && directories.some((each) => holds(each, data) || holds(data, each))) {
    throw new CofferError('usage', 'audit.directories has one inside the data directory, or around it');
  }
  return {
    directories: own === undefined ? directories : [own, ...directories],
    own,
    targets,
    stdout: (bytes) => writeToStdout(bytes, clock),
  };
}

function holds(folder: string, path: string): boolean {
  return `${path}/`.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

const writeAsync = promisify(write);
/** Milliseconds until a pipe whose reader is slow is tried again. */
const pause = 50;

/** Off the event loop: the stream of the platform would hold everything up while nobody reads a full pipe. */
async function writeToStdout(bytes: Buffer, clock: Clock): Promise<void> {
  for (let offset = 0; offset < bytes.length; ) {
    try {
      const { bytesWritten } = await writeAsync(1, bytes, offset, bytes.length - offset, null);
      offset += bytesWritten;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) {
        throw new CofferError('unavailable', 'the standard output cannot be written', { cause: error });
      }
      await new Promise<void>((resolve) => void clock.after(pause, resolve));
    }
  }
}
