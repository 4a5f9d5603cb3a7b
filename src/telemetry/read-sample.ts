/** The state of a node and its store, as the core sampled it. */
import type { CoreSample, DeviceSample, NotifierSample } from '../core/sample.ts';
import type { Reading } from './catalogue.ts';

const auditStates = ['open', 'full', 'failed', 'closed'] as const;

/** What is not known is left out: a zero would be a lie that no alert sees through. */
export function readSample(reading: Reading, sample: CoreSample | undefined): void {
  reading.set('coffer_sample_failed', sample === undefined ? 1 : 0, {});
  if (sample === undefined) return;
  reading.set('coffer_initialized', sample.initialized ? 1 : 0, {});
  reading.set('coffer_sealed', sample.sealed ? 1 : 0, {});
  const { work, audit, term } = sample;
  if (work !== undefined) {
    reading.set('coffer_due_overdue', work.overdue, {});
    reading.set('coffer_due_oldest_seconds', work.oldestOverdue, {});
    reading.set('coffer_leases_given_up', work.givenUp, {});
    reading.set('coffer_mounts', work.mounts, {});
    for (const [status, count] of Object.entries(work.jobs)) reading.set('coffer_jobs', count, { status });
  }
  if (term !== undefined) {
    reading.set('coffer_barrier_term', term.id, {});
    reading.set('coffer_barrier_seals', term.seals, {});
    reading.set('coffer_barrier_seals_limit', term.limit, {});
  }
  for (const [type, sum] of byType(sample.devices ?? [])) {
    reading.set('coffer_audit_device_lines_total', sum.shipped, { type });
    reading.set('coffer_audit_device_dropped_total', sum.dropped, { type });
    reading.set('coffer_audit_device_waiting', sum.waiting, { type });
    reading.set('coffer_audit_device_failing', sum.failing, { type });
  }
  for (const [type, sum] of notifiersByType(sample.work?.notifiers ?? [])) {
    reading.set('coffer_notifiers_failing', sum.failing, { type });
    reading.set('coffer_notices_dead', sum.dead, { type });
  }
  if (audit === undefined) return;
  for (const state of auditStates)
    reading.set('coffer_audit_state', audit.state === state ? 1 : 0, { state });
  reading.set('coffer_audit_lines_total', audit.lines, {});
  reading.set('coffer_audit_lines_behind', audit.linesBehind, {});
  reading.set('coffer_audit_behind_seconds', audit.behind / 1_000, {});
}

/** Paths of devices are an administrator's words, so they are summed by type. */
function byType(devices: readonly DeviceSample[]) {
  const sums = new Map<string, { shipped: number; dropped: number; waiting: number; failing: number }>();
  for (const { type, state, shipped, dropped, waiting } of devices) {
    const sum = sums.get(type) ?? { shipped: 0, dropped: 0, waiting: 0, failing: 0 };
    sum.shipped += shipped;
    sum.dropped += dropped;
    sum.waiting += waiting;
    sum.failing += state === 'failing' ? 1 : 0;
    sums.set(type, sum);
  }
  return sums;
}

/** Their names are an administrator's words, too. */
function notifiersByType(notifiers: readonly NotifierSample[]) {
  const sums = new Map<string, { failing: number; dead: number }>();
  for (const { type, state, dead } of notifiers) {
    const sum = sums.get(type) ?? { failing: 0, dead: 0 };
    sum.failing += state === 'failing' ? 1 : 0;
    sum.dead += dead;
    sums.set(type, sum);
  }
  return sums;
}
