/** What a node does besides answering: ending what is due, and carrying long work on. Each kind of either is named here. */
import { randomUuid } from '../crypto/random.ts';
import type { Core } from './core.ts';
import type { CoreOptions } from './core-options.ts';
import { ExpiryDuty } from './duty/expiry.ts';
import { OutsideDuty } from './duty/outside.ts';
import { JobDuty } from './job/duty.ts';
import { announceTerms } from './key/announce.ts';
import { resealJobWorker } from './key/reseal-job.ts';
import { purgeMount } from './mount/purge.ts';
import { MountView } from './mount/view.ts';
import { secretJobs } from './secrets/jobs.ts';
import type { TokenId } from './token/record.ts';
import { tidyJob } from './token/tidy.ts';

export function expiryDuty(core: Core, options: CoreOptions): ExpiryDuty {
  const { barrier: store, clock, random, log } = options;
  const { tokens, jobs, leases, mounts } = core;
  return new ExpiryDuty({
    store,
    clock,
    holder: randomUuid(random),
    process: core.surroundings.process,
    mayEnd: () => core.clockWatch.mayEnd(),
    onError: (kind, error) => {
      core.meter.tally('due_failed');
      log('a due entry failed', { kind, error });
    },
    handlers: {
      token: (due, fence) => tokens.onDue(due, fence),
      'token-tree': (due, fence) => tokens.onTreeDue(due, fence, core.cubbyholePrefix(due.id as TokenId)),
      job: (due, fence) => jobs.onDue(due, fence),
      approval: (due, fence) => core.approvals.onDue(due, fence),
      'pending-login': (due, fence) => core.mfa.pending.onDue(due, fence),
      lease: (due, fence, _holdsLock, outside) => leases.onDue(due, fence, outside),
      purge: (due, fence, holdsLock, outside) =>
        purgeMount({ store, clock, mounts, leases, tokens }, due, fence, holdsLock, outside),
      mount: async (due, fence, _holdsLock, outside) => {
        const slash = due.id.indexOf('/');
        const mount = await mounts.find(due.id.slice(0, slash));
        if (mount?.engine.onDue !== undefined) {
          const view = new MountView(store, mount.entry.uuid, (writes, expectations) =>
            store.commit(writes, [...expectations, fence]),
          );
          await outside(async () => mount.engine.onDue?.(due.id.slice(slash + 1), view));
        }
        await store.commit([{ key: due.key, value: null }], [fence]);
      },
    },
  });
}

export function outsideDuty(core: Core, options: CoreOptions): OutsideDuty {
  const { barrier: store, clock, random, log } = options;
  return new OutsideDuty({
    store,
    clock,
    holder: randomUuid(random),
    process: core.surroundings.process,
    mayEnd: () => core.clockWatch.mayEnd(),
    onError: (error) => {
      core.meter.tally('due_failed');
      log('work outside failed', { error });
    },
    async handle(due, fence, turn) {
      const slash = due.id.indexOf('/');
      const mount = await core.mounts.find(due.id.slice(0, slash));
      if (mount?.engine.onOutsideDue === undefined) return;
      const view = new MountView(store, mount.entry.uuid, (writes, expectations) =>
        store.commit(writes, [...expectations, fence]),
      );
      await mount.engine.onOutsideDue(due.id.slice(slash + 1), view, turn);
    },
  });
}

export function jobDuty(core: Core, options: CoreOptions): JobDuty {
  const { barrier: store, clock, random, log, jobTypes = [] } = options;
  const types = [
    resealJobWorker(core.barrier, (did) => announceTerms(options.audit, did)),
    ...secretJobs(core),
    tidyJob,
    ...jobTypes,
  ];
  return new JobDuty({
    store,
    clock,
    jobs: core.jobs,
    types: new Map(types.map((type) => [type.type, type])),
    holder: randomUuid(random),
    process: core.surroundings.process,
    onError: (type, error) => {
      core.meter.tally('job_step_failed');
      log('a step of a job failed', { type, error });
    },
  });
}
