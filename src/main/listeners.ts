/** The listeners of a server, all of them open or none, and what of them can change while they run. */

import { shownAddress } from '../config/listen-address.ts';
import type { Live } from '../config/live.ts';
import type { LimitSettings, ListenerSettings } from '../config/settings.ts';
import type { Road } from '../core/request.ts';
import { asCofferError } from '../errors.ts';
import type { CommonConnections } from '../http/connection.ts';
import { defaultLimits, type HttpLimits } from '../http/limits.ts';
import { type Listener, openListener } from '../http/listener.ts';
import { componentLog, type LogFields, type Logger } from '../log.ts';
import type { NodeTelemetry } from '../telemetry/telemetry.ts';
import { type Certificate, readCertificate } from './certificate.ts';
import { openDialect } from './configured-dialects.ts';

export interface Listeners {
  /** As URLs, in the order of the configuration. */
  readonly addresses: readonly string[];
  /** Reads every certificate again. One that cannot be used is logged, and the old one stays. */
  renewCertificates(settings: readonly ListenerSettings[]): void;
  close(options: { readonly withinMilliseconds: number }): Promise<void>;
}

interface Open {
  readonly settings: ListenerSettings;
  readonly listener: Listener;
  fingerprint: string | undefined;
}

export interface ListenersOptions {
  readonly road: Road;
  readonly settings: readonly ListenerSettings[];
  readonly limits: Live<LimitSettings>;
  readonly log: Logger;
  readonly telemetry?: NodeTelemetry | undefined;
  readonly companions?: Companions | undefined;
}

/** What a server's processes share on its listeners. */
export interface Companions {
  /** How many processes there are. */
  readonly workers: number;
  /** @param listener its place in the configuration */
  common(listener: number): CommonConnections;
}

/** Throws what a certificate or an address is refused with; nothing stays open then. */
export async function openListeners(options: ListenersOptions): Promise<Listeners> {
  const { settings, limits, log } = options;
  // Before a port is opened: a certificate that is wrong shows at once.
  const certificates = settings.map(({ tls }) => (tls === undefined ? undefined : readCertificate(tls)));
  const open: Open[] = [];
  try {
    for (const [index, each] of settings.entries()) {
      open.push(await openOne(options, each, certificates[index], index));
    }
  } catch (error) {
    await Promise.all(open.map(({ listener }) => listener.close({ withinMilliseconds: 1 })));
    throw error;
  }
  options.telemetry?.watchConnections(() =>
    open.reduce((sum, { listener }) => sum + listener.usage().connections, 0),
  );
  const changes = limits.onChange((value) => {
    for (const { listener } of open)
      listener.change({ limits: httpLimits(value, options.companions?.workers) });
  });
  return {
    addresses: open.map(urlOf),
    renewCertificates: (wanted) => renew(open, wanted, log),
    async close(closing) {
      changes[Symbol.dispose]();
      await Promise.all(open.map(({ listener }) => listener.close(closing)));
    },
  };
}

async function openOne(
  { road, limits, log, telemetry, companions }: ListenersOptions,
  settings: ListenerSettings,
  certificate: Certificate | undefined,
  index: number,
): Promise<Open> {
  const { host, port, dialect, oauth2, trustedProxies, metricsWithoutToken } = settings;
  const own = componentLog(log, 'http');
  const listener = await openListener({
    road,
    host,
    port,
    dialect: openDialect(dialect),
    oauth2,
    limits: httpLimits(limits.current, companions?.workers),
    common: companions?.common(index),
    tls: certificate?.material,
    trustedProxies,
    metricsWithoutToken,
    ...(telemetry === undefined ? {} : { onRefusal: (status: number) => telemetry.httpRefusal(status) }),
    log: (level, message, fields) => own[level](message, inSchema(fields)),
  });
  return { settings, listener, fingerprint: certificate?.fingerprint };
}

/** Fields as every line of the log names them. */
function inSchema({ requestId, remoteAddress, ...others }: LogFields): LogFields {
  return {
    ...(requestId === undefined ? {} : { request_id: requestId }),
    ...(remoteAddress === undefined ? {} : { remote_address: remoteAddress }),
    ...others,
  };
}

/** @param workers processes that share the listener */
function httpLimits(limits: LimitSettings, workers = 1): Partial<HttpLimits> {
  return {
    connections: limits.connections,
    connectionsPerAddress: limits.connectionsPerAddress,
    bodyBytes: limits.requestBytes,
    requestMilliseconds: limits.requestTime,
    ...bodyShare(limits, workers),
  };
}

/** Memory for bodies is shared out: at least one body has room in each process. */
function bodyShare({ requestBytes }: LimitSettings, workers: number): Partial<HttpLimits> {
  const part = (bytes: number) => Math.max(requestBytes, Math.floor(bytes / workers));
  return workers === 1
    ? {}
    : {
        bodyBytesInAll: part(defaultLimits.bodyBytesInAll),
        bodyBytesPerAddress: part(defaultLimits.bodyBytesPerAddress),
      };
}

function urlOf({ settings, listener }: Open): string {
  return `${settings.tls === undefined ? 'http' : 'https'}://${shownAddress(listener.address)}`;
}

function renew(open: readonly Open[], wanted: readonly ListenerSettings[], log: Logger): void {
  for (const each of open) {
    const { host, port } = each.settings;
    const tls = (wanted.find((one) => one.host === host && one.port === port) ?? each.settings).tls;
    if (tls === undefined || each.settings.tls === undefined) continue;
    const address = urlOf(each);
    try {
      const { material, fingerprint, notAfter } = readCertificate(tls);
      each.listener.change({ tls: material });
      const until = new Date(notAfter).toISOString();
      if (fingerprint !== each.fingerprint) log.info('certificate changed', { address, until });
      each.fingerprint = fingerprint;
    } catch (error) {
      const { message } = asCofferError(error);
      log.error('the new certificate cannot be used, the old one stays', { address, problem: message });
    }
  }
}
