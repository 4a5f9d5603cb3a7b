/** What of the program around it a node's `sys/` endpoints show and change. A node without any shows as little. */

import { noPlaces } from '../audit-device/audit-device.ts';
import { type Clock, systemClock } from '../clock.ts';
import { currentProcess, type ProcessIdentity } from './audit/process-identity.ts';
import type { DeviceKinds } from './audit-device/devices.ts';
import type { NotifierKinds } from './notice/notifiers.ts';
import type { Peers } from './peers.ts';
import type { Answer, AnswerData, Request } from './request.ts';
import { InFlight } from './server/in-flight.ts';
import { type LogControl, noLogs } from './server/log-control.ts';
import { Monitors } from './server/monitor.ts';

export interface Surroundings {
  readonly devices: DeviceKinds;
  readonly notifiers: NotifierKinds;
  readonly logs: LogControl;
  readonly monitors: Monitors;
  readonly inFlight: InFlight;
  /** The configuration, without what is a secret or leads to one. */
  readonly configuration: () => AnswerData;
  /** Where clients reach this node, as a URL and as of now; empty where it has no listener. */
  readonly address: () => string;
  /** The process that this node is in. */
  readonly process: ProcessIdentity;
  /** Reads the configuration again, as SIGHUP does; undefined where there is none. Tells the log what came of it. */
  readonly reload: () => (() => void | Promise<void>) | undefined;
  /** The server's other processes; absent where it is one. */
  readonly peers?: Peers | undefined;
  /** The road of this node, for requests that it makes of itself; absent where it has none. */
  readonly handle?: (request: Request) => Promise<Answer>;
}

export function noSurroundings(clock: Clock = systemClock): Surroundings {
  return {
    devices: { types: new Map(), places: { ...noPlaces, clock } },
    notifiers: { types: new Map(), configured: [] },
    logs: noLogs,
    monitors: new Monitors(noLogs, clock),
    inFlight: new InFlight(),
    configuration: () => ({}),
    address: () => '',
    process: currentProcess(),
    reload: () => undefined,
  };
}
