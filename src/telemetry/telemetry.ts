/** What a server knows of its own work: counted as it goes, put together when somebody asks. */

import type { Clock } from '../clock.ts';
import type { AuditLog } from '../core/audit/audit.ts';
import type { Endpoint } from '../core/endpoint.ts';
import { type Event, noTelemetry, type Passage, type Telemetry } from '../core/meter.ts';
import type { AnswerData, Request, Road } from '../core/request.ts';
import type { CoreSample } from '../core/sample.ts';
import type { ErrorCode } from '../errors.ts';
import type { Storage } from '../storage/storage.ts';
import { type Family, Reading } from './catalogue.ts';
import { prometheusText, vaultJson } from './exposition.ts';
import { hostInfo } from './host.ts';
import { AuditSeries, measuredAudit } from './measured-audit.ts';
import { measuredStorage, StorageSeries } from './measured-storage.ts';
import { ProcessSeries } from './process-series.ts';
import { readSample } from './read-sample.ts';
import { RequestSeries, type Series } from './request-series.ts';
import { noSpans, type Spans } from './spans.ts';
import { Tallies } from './tallies.ts';
import { familiesOfWorkers, type OtherProcesses } from './workers.ts';

export interface TelemetryOptions {
  readonly clock: Clock;
  /** Without them `sys/metrics` is refused. */
  readonly metrics: boolean;
  /** The data directory, for what is told of its disk; undefined where nothing is on disk. */
  readonly directory: string | undefined;
  readonly traces?: TraceSettings | undefined;
  /** Told of each answered request where it wants to be; never of what a caller sent. */
  readonly onRequest?: RequestListener | undefined;
  /** The server's other processes, where it has several. */
  readonly others?: OtherProcesses | undefined;
  /** Milliseconds of a clock that never goes back; the process's own if absent. */
  readonly monotonic?: () => number;
}

export interface TraceSettings {
  readonly collector: string;
  readonly share: number;
  readonly instance: string;
}

/** Asked for each request whether it wants to be told, so that nothing is made for nobody. */
export interface RequestListener {
  wanted(): boolean;
  tell(facts: RequestFacts): void;
}

export interface RequestFacts {
  readonly requestId: string;
  readonly operation: string;
  readonly mountType: string;
  readonly endpoint: string;
  readonly status: number;
  readonly code: ErrorCode | undefined;
  readonly milliseconds: number;
}

/** The telemetry of one node. The libraries for traces are loaded only where there is a collector. */
export async function openTelemetry(options: TelemetryOptions): Promise<NodeTelemetry> {
  const tallies = new Tallies();
  const { traces } = options;
  if (traces === undefined) return new NodeTelemetry(options, tallies, noSpans);
  const { openTraces } = await import('./traces.ts');
  return new NodeTelemetry(
    options,
    tallies,
    openTraces({ ...traces, onFailure: () => tallies.traceFailed() }),
  );
}

export class NodeTelemetry implements Telemetry {
  readonly #options: TelemetryOptions;
  readonly #tallies: Tallies;
  readonly #spans: Spans;
  readonly #monotonic: () => number;
  readonly #requests = new RequestSeries();
  readonly #storage = new StorageSeries();
  readonly #audit = new AuditSeries();
  readonly #process: ProcessSeries | undefined;
  #inFlight = 0;
  #connections: () => number = () => 0;

  constructor(options: TelemetryOptions, tallies: Tallies, spans: Spans) {
    this.#options = options;
    this.#tallies = tallies;
    this.#spans = spans;
    this.#monotonic = options.monotonic ?? (() => performance.now());
    this.#process = options.metrics ? new ProcessSeries() : undefined;
  }

  passage(request: Request): Passage {
    this.#inFlight++;
    const { onRequest } = this.#options;
    const log = onRequest?.wanted() === true ? onRequest : undefined;
    return new MeasuredPassage(this, request, this.#monotonic(), this.#spans.passage(request), log);
  }

  tally(event: Event): void {
    this.#tallies.add(event);
  }

  /** A request that was refused before it came to the road; 0 for a connection that was cut. */
  httpRefusal(status: number): void {
    this.#tallies.httpRefusal(status);
  }

  /** How many connections are open, asked when somebody reads. */
  watchConnections(count: () => number): void {
    this.#connections = count;
  }

  storage(storage: Storage): Storage {
    return measuredStorage(storage, {
      series: this.#storage,
      spans: this.#spans,
      monotonic: this.#monotonic,
    });
  }

  audit(audit: AuditLog): AuditLog {
    return measuredAudit(audit, { series: this.#audit, spans: this.#spans, monotonic: this.#monotonic });
  }

  road(road: Road): Road {
    return this.#spans.road(road);
  }

  async prometheus(sample: CoreSample | undefined): Promise<string> {
    if (!this.#options.metrics) return noTelemetry.prometheus(sample);
    return prometheusText(await this.#familiesOfAll(sample));
  }

  async json(sample: CoreSample | undefined): Promise<AnswerData> {
    if (!this.#options.metrics) return noTelemetry.json(sample);
    return vaultJson(await this.#familiesOfAll(sample), this.#options.clock.now());
  }

  hostInfo(): Promise<AnswerData> {
    return hostInfo(this.#options.directory, this.#options.clock.now());
  }

  /** Sends what is left of traces. Never rejects. */
  async close(): Promise<void> {
    this.#process?.close();
    await this.#spans.close();
  }

  /** Of `MeasuredPassage` alone. */
  finish(passage: MeasuredPassage, status: number, code: ErrorCode | undefined): number {
    const { request, began, mountType, endpoint, login } = passage;
    const milliseconds = this.#monotonic() - began;
    this.#inFlight--;
    const series: Series = this.#requests.of(mountType, endpoint);
    series.add(request.operation, status, milliseconds);
    if (code !== undefined) this.#tallies.refused(code);
    if (login) this.#tallies.login(mountType, status);
    return milliseconds;
  }

  /** What this process counted by itself, for another one that is asked. `sample` as that one has it of this. */
  families(sample: CoreSample | undefined): readonly Family[] {
    return this.#options.metrics ? this.#read(sample).families() : [];
  }

  async #familiesOfAll(sample: CoreSample | undefined): Promise<readonly Family[]> {
    const own = this.#read(sample).families();
    const { others } = this.#options;
    if (others === undefined) return own;
    return familiesOfWorkers({ worker: others.own, families: own }, await others.read());
  }

  #read(sample: CoreSample | undefined): Reading {
    const reading = new Reading();
    reading.set('coffer_requests_in_flight', this.#inFlight, {});
    reading.set('coffer_http_connections', this.#connections(), {});
    this.#requests.read(reading);
    this.#tallies.read(reading);
    this.#storage.read(reading);
    this.#audit.read(reading);
    this.#process?.read(reading, this.#options.clock.now());
    readSample(reading, sample);
    return reading;
  }
}

class MeasuredPassage implements Passage {
  readonly request: Request;
  readonly began: number;
  mountType = '';
  endpoint: Endpoint | undefined = undefined;
  login = false;
  readonly #telemetry: NodeTelemetry;
  readonly #traced: Passage | undefined;
  readonly #log: RequestListener | undefined;

  constructor(
    telemetry: NodeTelemetry,
    request: Request,
    began: number,
    traced: Passage | undefined,
    log: RequestListener | undefined,
  ) {
    this.#telemetry = telemetry;
    this.request = request;
    this.began = began;
    this.#traced = traced;
    this.#log = log;
  }

  routed(mountType: string, endpoint: Endpoint | undefined, login: boolean): void {
    this.mountType = mountType;
    this.endpoint = endpoint;
    this.login = login;
    this.#traced?.routed(mountType, endpoint, login);
  }

  ended(status: number, code: ErrorCode | undefined): void {
    const milliseconds = this.#telemetry.finish(this, status, code);
    this.#traced?.ended(status, code);
    this.#log?.tell({
      requestId: this.request.id,
      operation: this.request.operation,
      mountType: this.mountType,
      endpoint: this.endpoint?.pattern ?? '',
      status,
      code,
      milliseconds,
    });
  }
}
