/**
 * What the core tells of its work to whoever counts it. The core knows only this: how it is counted, kept and shown is the business
 * of what is handed in. Nothing told here is a path, a name or a value that a caller chose.
 */
import type { EngineEvent } from '../engine/engine.ts';
import { CofferError, type ErrorCode } from '../errors.ts';
import type { Endpoint } from './endpoint.ts';
import type { AnswerData, Operation, Request } from './request.ts';
import type { CoreSample } from './sample.ts';

/** One request on its way. Its methods are called in this order, each at most once, and never wait or throw. */
export interface Passage {
  /** Where it goes: the mount's type (empty where there is no mount) and the endpoint, if there is one. */
  routed(mountType: string, endpoint: Endpoint | undefined, login: boolean): void;
  /** Its answer is there. */
  ended(status: number, code: ErrorCode | undefined): void;
}

/** What happens without being a request of its own, or besides one. */
export type Event =
  | EngineEvent
  | 'rate_limited'
  | 'token_issued'
  | 'lease_issued'
  | 'lease_renewed'
  | 'lease_ended'
  | 'lease_end_failed'
  | 'lease_given_up'
  | 'notice_posted'
  | 'notice_delivered'
  | 'notice_failed'
  | 'notice_refused'
  | 'notice_given_up'
  | 'notice_dropped'
  | 'due_failed'
  | 'job_step_failed'
  | 'backup_written'
  | 'backup_failed'
  | 'drill_passed'
  | 'drill_failed';

export interface Meter {
  passage(request: Request): Passage;
  tally(event: Event): void;
}

/** What `sys/metrics` and `sys/host-info` answer from. `sample` is undefined where the store's state could not be read. */
export interface Telemetry extends Meter {
  /** Text exposition format 0.0.4. Throws `invalid_request` where metrics are switched off. */
  prometheus(sample: CoreSample | undefined): Promise<string>;
  /** The same in the shape of Vault's JSON. */
  json(sample: CoreSample | undefined): Promise<AnswerData>;
  hostInfo(): Promise<AnswerData>;
}

const unmeasured: Passage = { routed() {}, ended() {} };

function switchedOff(): Promise<never> {
  const text = 'metrics are switched off on this server: see the setting telemetry.metrics';
  return Promise.reject(new CofferError('invalid_request', text));
}

/** Counts nothing and knows nothing. */
export const noTelemetry: Telemetry = {
  passage: () => unmeasured,
  tally() {},
  prometheus: switchedOff,
  json: switchedOff,
  hostInfo: switchedOff,
};

/** Every operation, for those who keep a row each. */
export const operations: readonly Operation[] = [
  'read',
  'list',
  'scan',
  'create',
  'update',
  'patch',
  'delete',
  'help',
  'header',
];
