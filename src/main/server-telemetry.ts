/** The telemetry of `coffer server`, as its settings say. */
import { systemClock } from '../clock.ts';
import type { TelemetrySettings } from '../config/settings.ts';
import { randomUuid, systemRandom } from '../crypto/random.ts';
import { componentLog, type LevelledLogger } from '../log.ts';
import {
  type NodeTelemetry,
  openTelemetry,
  type RequestListener,
  type TelemetryOptions,
} from '../telemetry/telemetry.ts';

/** `directory`: the data directory; undefined where nothing is on disk. */
export function openServerTelemetry(
  { metrics, traces, traceShare }: TelemetrySettings,
  directory: string | undefined,
  log: LevelledLogger,
  others?: TelemetryOptions['others'],
): Promise<NodeTelemetry> {
  const instance = randomUuid(systemRandom);
  return openTelemetry({
    clock: systemClock,
    metrics,
    directory,
    traces: traces === undefined ? undefined : { collector: traces, share: traceShare, instance },
    onRequest: requestLog(log),
    others,
  });
}

/** One line a request at level `debug`: where it went and what came of it, and nothing that its caller sent. */
export function requestLog(log: LevelledLogger): RequestListener {
  const own = componentLog(log, 'request');
  return {
    wanted: () => log.isWanted('debug', 'request'),
    tell: ({ requestId, operation, mountType, endpoint, status, code, milliseconds }) =>
      own.debug('request answered', {
        request_id: requestId,
        operation,
        mount_type: mountType,
        endpoint,
        status,
        ...(code === undefined ? {} : { code }),
        milliseconds: Math.round(milliseconds * 1_000) / 1_000,
      }),
  };
}
