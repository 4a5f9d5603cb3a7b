/**
 * Spans of requests, sent to an OTLP/HTTP collector. Loaded only where one is set: the libraries cost more than a start does.
 *
 * Attributes are declarations and numbers, never a path, a name or a value of a caller. Spans wait in a bounded queue; what the
 * collector does not take is dropped and counted, and no request ever waits for it.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  type ReadableSpan,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  type TracerConfig,
} from '@opentelemetry/sdk-trace-base';
import type { Endpoint } from '../core/endpoint.ts';
import type { Passage } from '../core/meter.ts';
import type { Request, Road } from '../core/request.ts';
import type { ErrorCode } from '../errors.ts';
import { version } from '../version.ts';
import type { EndSpan, Spans } from './spans.ts';
import { parseTraceParent } from './trace-parent.ts';

export interface TraceOptions {
  /** Base URL of the collector: spans go to `/v1/traces` below it. */
  readonly collector: string;
  /** Share of requests traced where the caller does not say, 0 to 1. */
  readonly share: number;
  /** Names this process among those of the service. */
  readonly instance: string;
  /** Told of each batch that the collector did not take. */
  readonly onFailure: () => void;
}

/** Spans kept while the collector is slow; more are dropped. */
const mostWaiting = 2_048;
/** Milliseconds that a batch may take, and that the end waits for the last one. */
const exportTimeout = 5_000;
const farewell = 2_000;

interface Traced {
  readonly span: Span;
  readonly context: Context;
}

export function openTraces(options: TraceOptions): Spans {
  const exporter = new OTLPTraceExporter({
    url: `${options.collector.replace(/\/+$/, '')}/v1/traces`,
    timeoutMillis: exportTimeout,
  });
  const provider = new BasicTracerProvider({
    resource: resource(options.instance),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(options.share) }),
    spanProcessors: [
      new BatchSpanProcessor(watched(exporter, options.onFailure), {
        maxQueueSize: mostWaiting,
        maxExportBatchSize: 512,
        scheduledDelayMillis: 2_000,
        exportTimeoutMillis: exportTimeout,
      }),
    ],
  });
  return new OtlpSpans(provider);
}

class OtlpSpans implements Spans {
  readonly #provider: BasicTracerProvider;
  readonly #current = new AsyncLocalStorage<Traced>();

  constructor(provider: BasicTracerProvider) {
    this.#provider = provider;
  }

  road(road: Road): Road {
    const tracer = this.#provider.getTracer('coffer', version);
    return {
      // Whatever else it is asked before a request has begun.
      ...road,
      handle: (request) => {
        const options = { kind: SpanKind.SERVER, attributes: { 'coffer.request_id': request.id } };
        const span = tracer.startSpan('request', options, parentOf(request));
        if (!span.isRecording()) return road.handle(request);
        const context = trace.setSpan(ROOT_CONTEXT, span);
        return this.#current.run({ span, context }, () => road.handle(request)).finally(() => span.end());
      },
    };
  }

  passage(request: Request): Passage | undefined {
    const traced = this.#current.getStore();
    return traced === undefined ? undefined : new TracedPassage(traced.span, request);
  }

  child(name: string): EndSpan | undefined {
    const traced = this.#current.getStore();
    if (traced === undefined) return undefined;
    const tracer = this.#provider.getTracer('coffer', version);
    const span = tracer.startSpan(name, { kind: SpanKind.INTERNAL }, traced.context);
    return (problem) => {
      if (problem !== undefined) failed(span, problem);
      span.end();
    };
  }

  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, farewell);
    });
    await Promise.race([this.#provider.shutdown().catch(() => undefined), late]);
    clearTimeout(timer);
  }
}

class TracedPassage implements Passage {
  readonly #span: Span;
  readonly #request: Request;

  constructor(span: Span, request: Request) {
    this.#span = span;
    this.#request = request;
  }

  routed(mountType: string, endpoint: Endpoint | undefined): void {
    const { operation } = this.#request;
    const pattern = endpoint?.pattern ?? '';
    this.#span.updateName(`${operation} ${mountType === '' ? '(no mount)' : mountType}/${pattern}`);
    this.#span.setAttributes({
      'coffer.operation': operation,
      'coffer.mount_type': mountType,
      'coffer.endpoint': pattern,
    });
  }

  ended(status: number, code: ErrorCode | undefined): void {
    this.#span.setAttribute('http.response.status_code', status);
    if (code !== undefined) this.#span.setAttribute('coffer.error', code);
    // What a caller did wrong is no failure of the server (OpenTelemetry's conventions for HTTP servers).
    if (status >= 500) this.#span.setStatus({ code: SpanStatusCode.ERROR });
  }
}

function failed(span: Span, problem: string): void {
  span.setAttribute('coffer.error', problem);
  if (problem !== 'conflict') span.setStatus({ code: SpanStatusCode.ERROR });
}

function parentOf(request: Request): Context {
  const parent = parseTraceParent(request.traceparent);
  if (parent === undefined) return ROOT_CONTEXT;
  const { traceId, spanId, flags } = parent;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: flags, isRemote: true });
}

/** The exporter, with failures told: the processor itself keeps them from everyone. */
function watched(exporter: SpanExporter, onFailure: () => void): SpanExporter {
  return {
    export(spans: ReadableSpan[], done) {
      exporter.export(spans, (result) => {
        if (result.code !== 0) onFailure();
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    ...(exporter.forceFlush === undefined
      ? {}
      : { forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve() }),
  };
}

/** What the spans are of. Said here, because the library's own way is a package that we do not bring along. */
function resource(instance: string): NonNullable<TracerConfig['resource']> {
  const attributes: Attributes = {
    'service.name': 'coffer',
    'service.version': version,
    'service.instance.id': instance,
  };
  const own: NonNullable<TracerConfig['resource']> = {
    attributes,
    merge: () => own,
    getRawAttributes: () => Object.entries(attributes),
  };
  return own;
}
