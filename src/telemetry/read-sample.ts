/** The state of a node and its store, as the core sampled it. */
import type { CoreSample } from '../core/sample.ts';
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
  if (audit === undefined) return;
  for (const state of auditStates)
    reading.set('coffer_audit_state', audit.state === state ? 1 : 0, { state });
  reading.set('coffer_audit_lines_total', audit.lines, {});
  reading.set('coffer_audit_lines_behind', audit.linesBehind, {});
  reading.set('coffer_audit_behind_seconds', audit.behind / 1_000, {});
}
