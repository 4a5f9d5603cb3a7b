/** The metrics of a server with several processes: whichever is asked answers for all, each series with the worker that counted it. */
import { type Family, type MetricName, metricNames } from './catalogue.ts';

/** What one process counted. */
export interface WorkerFamilies {
  /** From 1. */
  readonly worker: number;
  readonly families: readonly Family[];
}

export interface OtherProcesses {
  /** The number of this process. */
  readonly own: number;
  /** Those that answer in time: a series that is missing says more than one that stands still. */
  read(): Promise<readonly WorkerFamilies[]>;
}

/** What the store holds is the same for all: told once, and without a worker. */
const ofStore: ReadonlySet<MetricName> = new Set<MetricName>([
  'coffer_initialized',
  'coffer_due_overdue',
  'coffer_due_oldest_seconds',
  'coffer_leases_given_up',
  'coffer_mounts',
  'coffer_jobs',
  'coffer_barrier_term',
  'coffer_barrier_seals',
  'coffer_barrier_seals_limit',
]);

/** Nothing is summed: a worker that is replaced begins at 0, and a sum that sinks would look like a restart of all. */
export function familiesOfWorkers(own: WorkerFamilies, others: readonly WorkerFamilies[]): readonly Family[] {
  const all = [own, ...others].toSorted((a, b) => a.worker - b.worker);
  return metricNames.flatMap((name): readonly Family[] => {
    if (ofStore.has(name)) return own.families.filter((family) => family.name === name);
    const labelled = all.flatMap(({ worker, families }) =>
      families.filter((family) => family.name === name).map((family) => withWorker(family, String(worker))),
    );
    const [first, ...rest] = labelled;
    return first === undefined ? [] : [rest.reduce(joined, first)];
  });
}

function withWorker(family: Family, worker: string): Family {
  const labelled = <T extends { readonly labels: Readonly<Record<string, string>> }>(one: T): T => ({
    ...one,
    labels: { ...one.labels, worker },
  });
  return family.type === 'histogram'
    ? { ...family, distributions: family.distributions.map(labelled) }
    : { ...family, values: family.values.map(labelled) };
}

function joined(one: Family, other: Family): Family {
  if (one.type === 'histogram' && other.type === 'histogram')
    return { ...one, distributions: [...one.distributions, ...other.distributions] };
  if (one.type !== 'histogram' && other.type !== 'histogram')
    return { ...one, values: [...one.values, ...other.values] };
  return one;
}
