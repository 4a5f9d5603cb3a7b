/** What a worker's node and listeners have besides those of a server with one process. */
import type { Clock } from '../../clock.ts';
import type { CoreSample } from '../../core/sample.ts';
import type { SealState } from '../../core/seal-state.ts';
import type { LogControl } from '../../core/server/log-control.ts';
import type { Random } from '../../crypto/random.ts';
import type { LevelledLogger } from '../../log.ts';
import type { NodeTelemetry } from '../../telemetry/telemetry.ts';
import type { OtherProcesses, WorkerFamilies } from '../../telemetry/workers.ts';
import type { ServingCompanions } from '../server.ts';
import { followOthers, homeRoad, openWithOthers } from './home-road.ts';
import type { WorkerSeat } from './worker.ts';
import { commonConnections } from './worker-connections.ts';
import { commonLogs } from './worker-logs.ts';
import { WorkerPeers } from './worker-peers.ts';

export interface Company {
  readonly companions: ServingCompanions;
  readonly peers: WorkerPeers;
  /** The metrics of the other workers. */
  readonly metrics: OtherProcesses;
  logs(own: LogControl): LogControl;
  /** Answers the others what this worker counts. */
  showMetrics(telemetry: NodeTelemetry): void;
}

/** What of a worker's own state others show along with theirs; the store's they have themselves. */
const ownSample = ({ core }: SealState): CoreSample => ({
  initialized: true,
  sealed: core === undefined,
  audit: core?.audit.health(),
  devices: core?.devices.list(),
});

export function companyOf(seat: WorkerSeat, log: LevelledLogger, clock: Clock, random: Random): Company {
  let state: SealState | undefined;
  return {
    companions: {
      workers: seat.start.workers,
      common: (listener) => commonConnections(seat, listener),
      async join(node) {
        state = node.state;
        followOthers(state, seat, random, log);
        await openWithOthers(state, seat, log);
      },
      road: (node) => homeRoad(node.road, node.state, seat, log, clock),
    },
    peers: new WorkerPeers(seat, clock),
    metrics: {
      own: seat.start.number,
      read: async () => (await seat.others('metrics', null)) as readonly WorkerFamilies[],
    },
    logs: (own) => commonLogs(own, log, seat, clock),
    showMetrics: (telemetry) =>
      seat.answer('metrics', () => ({
        worker: seat.start.number,
        families: telemetry.families(state === undefined ? undefined : ownSample(state)),
      })),
  };
}
