/** Counts and times what is waited for at the audit log, and shows it in traces. */
import type { AuditLog, Durability } from '../core/audit/audit.ts';
import type { Reading } from './catalogue.ts';
import { Histogram, isTimed } from './histogram.ts';
import type { Spans } from './spans.ts';

const durabilities = ['kernel', 'disk'] as const satisfies readonly Durability[];

export class AuditSeries {
  readonly durations: Readonly<Record<Durability, Histogram>> = {
    kernel: new Histogram(),
    disk: new Histogram(),
  };
  failures = 0;
  /** That waited for the kernel only. */
  lines = 0;

  read(reading: Reading): void {
    for (const durability of durabilities) {
      reading.distribution('coffer_audit_seconds', this.durations[durability], { durability });
    }
    reading.set('coffer_audit_failures_total', this.failures, {});
  }
}

export interface AuditMeasures {
  readonly series: AuditSeries;
  readonly spans: Spans;
  /** Milliseconds of a clock that never goes back. */
  readonly monotonic: () => number;
}

export function measuredAudit(audit: AuditLog, { series, spans, monotonic }: AuditMeasures): AuditLog {
  return {
    append(entry, durability) {
      const timed = durability === 'disk' || isTimed(series.lines++);
      const end = spans.child(durability === 'disk' ? 'audit disk' : 'audit kernel');
      const failed = (error: unknown): never => {
        series.failures++;
        end?.('unavailable');
        throw error;
      };
      if (!timed && end === undefined) return audit.append(entry, durability).catch(failed);
      const began = monotonic();
      return audit.append(entry, durability).then(() => {
        if (timed) series.durations[durability].add(monotonic() - began);
        end?.(undefined);
      }, failed);
    },
    digest: (text) => audit.digest(text),
    redactRequest: (data, fields, clear) => audit.redactRequest(data, fields, clear),
    redactAnswer: (data, schema, clear) => audit.redactAnswer(data, schema, clear),
    close: () => audit.close(),
    health: () => audit.health(),
  };
}
