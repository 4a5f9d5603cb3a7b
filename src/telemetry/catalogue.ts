/** Every metric there is: a row here gives its name, its kind, its labels and what it means; the reference page is made of them. */

export interface MetricSpec {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
}

export const catalogue = {
  coffer_build_info: { type: 'gauge', labels: ['version', 'node'], help: 'Always 1; what runs.' },
  coffer_initialized: { type: 'gauge', labels: [], help: '1 once there is a store.' },
  coffer_sealed: { type: 'gauge', labels: [], help: '1 while this node is sealed.' },
  coffer_sample_failed: {
    type: 'gauge',
    labels: [],
    help: '1 where the state of the store could not be read: metrics of it are missing then.',
  },
  coffer_requests_total: {
    type: 'counter',
    labels: ['mount_type', 'endpoint', 'operation', 'status'],
    help: 'Requests answered, by the type of their mount, the declared pattern of their endpoint and the class of status.',
  },
  coffer_request_seconds: {
    type: 'histogram',
    labels: ['mount_type', 'endpoint', 'operation'],
    help: 'From the last byte of a request to its answer.',
  },
  coffer_requests_in_flight: { type: 'gauge', labels: [], help: 'Requests without an answer so far.' },
  coffer_refusals_total: {
    type: 'counter',
    labels: ['reason'],
    help: 'Requests refused with an error, by its code; and those a rate limit turned away.',
  },
  coffer_http_refusals_total: {
    type: 'counter',
    labels: ['status'],
    help: 'Requests refused before they reached an endpoint, by HTTP status; 0 for connections cut at once.',
  },
  coffer_http_connections: { type: 'gauge', labels: [], help: 'Open connections of clients.' },
  coffer_logins_total: {
    type: 'counter',
    labels: ['mount_type', 'outcome'],
    help: 'Logins that were granted, refused, or failed for a reason of the server.',
  },
  coffer_tokens_issued_total: {
    type: 'counter',
    labels: [],
    help: 'Tokens issued by logins and by other tokens.',
  },
  coffer_backups_total: {
    type: 'counter',
    labels: ['what', 'outcome'],
    help: 'Scheduled backups and restore drills of this node, and whether they were done or failed.',
  },
  coffer_leases_total: {
    type: 'counter',
    labels: ['event'],
    help: 'Leases issued, renewed and ended; ends that failed, and those given up.',
  },
  coffer_leases_given_up: {
    type: 'gauge',
    labels: [],
    help: 'Leases that could not be ended and are not tried any more; counted up to 1,000.',
  },
  coffer_notices_total: {
    type: 'counter',
    labels: ['event'],
    help: 'Notices put up and delivered, one for each notifier; deliveries that failed and are tried again, those that were demanded and refused, notices given up, and refusals left out because too much waits.',
  },
  coffer_rotations_total: {
    type: 'counter',
    labels: ['event'],
    help: 'Credentials of applications that were rotated; those withdrawn because their provider refused them, and those found overdue; tries that failed; credentials that ended although a reader held them; targets filled for the first time.',
  },
  coffer_notifiers_failing: { type: 'gauge', labels: ['type'], help: 'Notifiers that fail just now.' },
  coffer_notices_dead: {
    type: 'gauge',
    labels: ['type'],
    help: 'Notices that are not tried any more and wait for a person.',
  },
  coffer_due_overdue: {
    type: 'gauge',
    labels: [],
    help: 'Tokens, leases and jobs whose end has come and is not carried out yet; counted up to 64 a shard, 1,024 in all.',
  },
  coffer_due_oldest_seconds: { type: 'gauge', labels: [], help: 'How long the oldest of them has been due.' },
  coffer_due_failures_total: { type: 'counter', labels: [], help: 'Ends that failed and are tried again.' },
  coffer_jobs: {
    type: 'gauge',
    labels: ['status'],
    help: 'Jobs that are remembered, by status; 200 are looked at.',
  },
  coffer_job_step_failures_total: { type: 'counter', labels: [], help: 'Steps of jobs that failed.' },
  coffer_mounts: { type: 'gauge', labels: [], help: 'Secrets engines and auth methods that are enabled.' },
  coffer_storage_calls_total: { type: 'counter', labels: ['operation'], help: 'Calls of the storage.' },
  coffer_storage_seconds: {
    type: 'histogram',
    labels: ['operation'],
    help: 'How long they took: every commit, and one in 16 of the other calls.',
  },
  coffer_storage_failures_total: {
    type: 'counter',
    labels: ['operation', 'reason'],
    help: 'Calls of the storage that failed; a conflict is somebody who wrote first.',
  },
  coffer_barrier_term: { type: 'gauge', labels: [], help: 'The term of the keyring that seals.' },
  coffer_barrier_seals: {
    type: 'gauge',
    labels: [],
    help: 'Seals reserved under it: never fewer than were done.',
  },
  coffer_barrier_seals_limit: { type: 'gauge', labels: [], help: 'The most seals that a term may do.' },
  coffer_audit_state: {
    type: 'gauge',
    labels: ['state'],
    help: '1 for the state of the audit log: open, full (the reserve is in use), failed or closed.',
  },
  coffer_audit_lines_total: {
    type: 'counter',
    labels: [],
    help: 'Lines written to the audit log by this process.',
  },
  coffer_audit_lines_behind: { type: 'gauge', labels: [], help: 'Lines that are not known to be on disk.' },
  coffer_audit_behind_seconds: { type: 'gauge', labels: [], help: 'Age of the oldest of them.' },
  coffer_audit_seconds: {
    type: 'histogram',
    labels: ['durability'],
    help: 'Waiting for a line to be on disk, or with the kernel; one in 16 of the latter is timed.',
  },
  coffer_audit_failures_total: {
    type: 'counter',
    labels: [],
    help: 'Lines that could not be kept; their requests did not happen.',
  },
  coffer_audit_device_lines_total: {
    type: 'counter',
    labels: ['type'],
    help: 'Lines shipped to audit devices that are enabled, by their type.',
  },
  coffer_audit_device_dropped_total: {
    type: 'counter',
    labels: ['type'],
    help: 'Lines that devices missed because they could not keep up; the built-in log has them.',
  },
  coffer_audit_device_waiting: { type: 'gauge', labels: ['type'], help: 'Lines that wait for devices.' },
  coffer_audit_device_failing: { type: 'gauge', labels: ['type'], help: 'Devices that fail just now.' },
  coffer_traces_failed_total: {
    type: 'counter',
    labels: [],
    help: 'Batches of spans that the collector did not take.',
  },
  coffer_event_loop_lag_seconds: {
    type: 'gauge',
    labels: ['quantile'],
    help: 'How late timers were since the last look.',
  },
  process_cpu_seconds_total: {
    type: 'counter',
    labels: [],
    help: 'CPU time of the process, user and system.',
  },
  process_resident_memory_bytes: { type: 'gauge', labels: [], help: 'Resident memory.' },
  process_anonymous_memory_bytes: {
    type: 'gauge',
    labels: [],
    help: 'Resident memory that is not of files (RssAnon); absent where the system does not tell.',
  },
  process_heap_bytes: { type: 'gauge', labels: [], help: 'Heap of JavaScript in use.' },
  process_open_fds: {
    type: 'gauge',
    labels: [],
    help: 'Open files and sockets; absent where the system does not tell.',
  },
  process_start_time_seconds: { type: 'gauge', labels: [], help: 'When the process started, since 1970.' },
} as const satisfies Readonly<Record<string, MetricSpec>>;

export type MetricName = keyof typeof catalogue;

type LabelOf<N extends MetricName> = (typeof catalogue)[N]['labels'][number];

export interface Value {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Distribution {
  readonly labels: Readonly<Record<string, string>>;
  /** Of each bound, and of what is beyond; not cumulative. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/** A metric as read: a histogram's distributions, anything else's values. */
export type Family =
  | { readonly name: MetricName; readonly type: 'counter' | 'gauge'; readonly values: readonly Value[] }
  | {
      readonly name: MetricName;
      readonly type: 'histogram';
      readonly distributions: readonly Distribution[];
    };

/** What has been read, in the order of the catalogue once it is asked for. */
export class Reading {
  readonly #values = new Map<MetricName, Value[]>();
  readonly #distributions = new Map<MetricName, Distribution[]>();

  set<N extends MetricName>(name: N, value: number, labels: Readonly<Record<LabelOf<N>, string>>): void {
    const values = this.#values.get(name) ?? [];
    values.push({ labels, value });
    this.#values.set(name, values);
  }

  distribution<N extends MetricName>(
    name: N,
    { counts, sum }: { readonly counts: readonly number[]; readonly sum: number },
    labels: Readonly<Record<LabelOf<N>, string>>,
  ): void {
    const all = this.#distributions.get(name) ?? [];
    all.push({ labels, counts, sum });
    this.#distributions.set(name, all);
  }

  families(): readonly Family[] {
    return metricNames.flatMap((name): Family[] => {
      const { type }: MetricSpec = catalogue[name];
      if (type === 'histogram') {
        const distributions = this.#distributions.get(name);
        return distributions === undefined ? [] : [{ name, type, distributions }];
      }
      const values = this.#values.get(name);
      return values === undefined ? [] : [{ name, type, values }];
    });
  }
}

export const metricNames = Object.keys(catalogue) as readonly MetricName[];
