/** `coffer server` with workers: the process that a person starts and signals. It serves nobody, and holds no store and no key. */
import cluster from 'node:cluster';
import { systemClock } from '../../clock.ts';
import { LiveValue } from '../../config/live.ts';
import type { Loaded } from '../../config/load.ts';
import type { LevelledLogger } from '../../log.ts';
import type { Hangup } from '../signals.ts';
import { Fleet } from './fleet.ts';
import { ParentDesk } from './parent-desk.ts';
import type { SentSettings, WorkerReady, WorkerStart } from './protocol.ts';

export interface ParentOptions {
  readonly loaded: Loaded;
  readonly load: () => Loaded;
  readonly log: LevelledLogger;
  readonly hangup: Hangup;
  /** What the first worker does where there is no store. */
  readonly init: WorkerStart['init'];
  /** Called once, when all workers serve. */
  readonly onServing: (ready: WorkerReady) => void;
}

/** Resolves when the server has stopped in order. Throws what the workers could not start for, and where they end again and again. */
export async function serveWithWorkers(options: ParentOptions): Promise<void> {
  const { loaded, log, hangup, init, onServing } = options;
  const { workers } = loaded.settings;
  // Each worker takes connections itself: the parent on the way of each costs a third of them (docs/adr/0095-workers.md).
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  cluster.setupPrimary({
    exec: process.argv[1],
    args: process.argv.slice(2),
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const limits = new LiveValue(loaded.settings.limits);
  let sent: SentSettings = sentOf(loaded);
  const reload = () => {
    const read = options.load();
    for (const { where, message } of read.problems) {
      log.error('the configuration has a problem, the old one stays', { where, problem: message });
    }
    const sound = read.problems.length === 0;
    if (sound) {
      sent = sentOf(read);
      limits.set(read.settings.limits);
      log.setLevel(read.settings.log.level);
      desk.forgetLevels();
    }
    for (const { line } of fleet.serving) line.tell('reloaded', sound ? sent : null);
  };
  const desk: ParentDesk = new ParentDesk(
    { workers, clock: systemClock, log, limits: () => limits.current, reload },
    () => fleet.serving,
  );
  const fleet = new Fleet(
    {
      cluster,
      workers,
      clock: systemClock,
      log,
      start: (number, first) => ({
        ...sent,
        number,
        workers,
        init: first || init === 'api' ? init : 'never',
        levels: desk.levels,
      }),
      catchUp({ line }, given) {
        if (given.found !== sent.found) line.tell('reloaded', sent);
        if (given.levels !== desk.levels) for (const change of desk.levels) line.tell('level', change);
      },
    },
    desk,
  );
  const stopping = untilAsked(fleet, log, hangup, reload);
  const alive = keepAlive();
  try {
    onServing(await fleet.start());
    await Promise.race([stopping.ended, fleet.broken]);
  } catch (error) {
    // One that is stopped while it starts has not failed.
    if (stopping.isAsked()) return stopping.ended;
    await fleet.stop();
    throw error;
  } finally {
    alive[Symbol.dispose]();
  }
}

/** Timers of clocks keep no process alive, and when all workers have ended at once nothing else is left that would. */
function keepAlive(): Disposable {
  const timer = setInterval(() => {}, 3_600_000);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

function sentOf({ settings, found }: Loaded): SentSettings {
  return { settings, found: found.map(({ name, shown }) => ({ name, shown })) };
}

/** `ended` resolves once all workers have ended because somebody asked for it. A second signal ends them at once. */
function untilAsked(fleet: Fleet, log: LevelledLogger, hangup: Hangup, reload: () => void) {
  let asked = false;
  const ended = new Promise<void>((resolve) => {
    const stop = (signal: NodeJS.Signals) => {
      if (asked) {
        fleet.kill();
        for (const each of ['SIGTERM', 'SIGINT'] as const) process.off(each, stop);
        process.kill(process.pid, signal);
        return;
      }
      asked = true;
      log.info('stopping');
      void fleet.stop().then(resolve);
    };
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
    hangup.use((terminalGone) => {
      if (terminalGone) stop('SIGHUP');
      else reload();
    });
  });
  return { ended, isAsked: () => asked };
}
