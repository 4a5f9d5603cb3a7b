/** Counters of what happens, each with labels out of short lists of ours. */
import type { Event } from '../core/meter.ts';
import type { EngineEvent } from '../engine/engine.ts';
import type { ErrorCode } from '../errors.ts';
import type { Reading } from './catalogue.ts';

type LoginOutcome = 'granted' | 'refused' | 'failed';

const leaseEvents = {
  lease_issued: 'issued',
  lease_renewed: 'renewed',
  lease_ended: 'ended',
  lease_end_failed: 'end_failed',
  lease_given_up: 'given_up',
} as const satisfies { readonly [E in Event]?: string };

const noticeEvents = {
  notice_posted: 'posted',
  notice_delivered: 'delivered',
  notice_failed: 'failed',
  notice_refused: 'refused',
  notice_given_up: 'given_up',
  notice_dropped: 'dropped',
} as const satisfies { readonly [E in Event]?: string };

const rotationEvents = {
  credential_rotated: 'rotated',
  credential_withdrawn: 'withdrawn',
  credential_overdue: 'overdue',
  rotation_failed: 'failed',
  reader_behind: 'reader_behind',
  target_filled: 'target_filled',
} as const satisfies Record<EngineEvent, string>;

const backupEvents = {
  backup_written: { what: 'backup', outcome: 'done' },
  backup_failed: { what: 'backup', outcome: 'failed' },
  drill_passed: { what: 'drill', outcome: 'done' },
  drill_failed: { what: 'drill', outcome: 'failed' },
} as const satisfies { readonly [E in Event]?: Readonly<Record<string, string>> };

export class Tallies {
  readonly #events = new Map<Event, number>();
  readonly #refusals = new Map<ErrorCode, number>();
  readonly #httpRefusals = new Map<number, number>();
  /** By mount type, then outcome. */
  readonly #logins = new Map<string, Record<LoginOutcome, number>>();
  #traceFailures = 0;

  add(event: Event): void {
    this.#events.set(event, (this.#events.get(event) ?? 0) + 1);
  }

  refused(code: ErrorCode): void {
    this.#refusals.set(code, (this.#refusals.get(code) ?? 0) + 1);
  }

  httpRefusal(status: number): void {
    this.#httpRefusals.set(status, (this.#httpRefusals.get(status) ?? 0) + 1);
  }

  login(mountType: string, status: number): void {
    const outcomes = this.#logins.get(mountType) ?? { granted: 0, refused: 0, failed: 0 };
    outcomes[status < 400 ? 'granted' : status < 500 ? 'refused' : 'failed']++;
    this.#logins.set(mountType, outcomes);
  }

  traceFailed(): void {
    this.#traceFailures++;
  }

  read(reading: Reading): void {
    const count = (event: Event) => this.#events.get(event) ?? 0;
    reading.set('coffer_tokens_issued_total', count('token_issued'), {});
    reading.set('coffer_due_failures_total', count('due_failed'), {});
    reading.set('coffer_job_step_failures_total', count('job_step_failed'), {});
    for (const [event, labels] of Object.entries(backupEvents)) {
      reading.set('coffer_backups_total', count(event as keyof typeof backupEvents), labels);
    }
    reading.set('coffer_traces_failed_total', this.#traceFailures, {});
    for (const [event, name] of Object.entries(leaseEvents)) {
      reading.set('coffer_leases_total', count(event as keyof typeof leaseEvents), { event: name });
    }
    for (const [event, name] of Object.entries(noticeEvents)) {
      reading.set('coffer_notices_total', count(event as keyof typeof noticeEvents), { event: name });
    }
    for (const [event, name] of Object.entries(rotationEvents)) {
      reading.set('coffer_rotations_total', count(event as EngineEvent), { event: name });
    }
    reading.set('coffer_refusals_total', count('rate_limited'), { reason: 'rate_limit' });
    for (const [reason, value] of this.#refusals) reading.set('coffer_refusals_total', value, { reason });
    for (const [status, value] of this.#httpRefusals) {
      reading.set('coffer_http_refusals_total', value, { status: String(status) });
    }
    for (const [mountType, outcomes] of this.#logins) {
      for (const [outcome, value] of Object.entries(outcomes)) {
        reading.set('coffer_logins_total', value, { mount_type: mountType, outcome });
      }
    }
  }
}
