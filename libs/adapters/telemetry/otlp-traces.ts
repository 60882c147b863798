import type { Attributes } from '@opentelemetry/api';

/** One finished piece of work, as it is told to a collector. Ids are in lower-case hexadecimal. */
export interface SpanNote {
  readonly traceId: string;
  readonly spanId: string;
  /** Absent: the span begins its trace. */
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly startedEpochMs: number;
  readonly endedEpochMs: number;
  /** Few, short and of bounded kinds; whoever makes them answers for that. */
  readonly attributes: Attributes;
  /** Set when the work failed by our or an app's fault. */
  readonly error?: string | undefined;
}

export interface TraceExport {
  /** record queues a span; a full queue drops it. */
  record(note: SpanNote): void;
  /** close sends what is queued, for a few seconds at most. */
  close(): Promise<void>;
}

export interface TraceExportOptions {
  /** Where OTLP/HTTP is taken, with its path: `http://collector:4318/v1/traces`. */
  readonly url: string;
  /** `service.name` */
  readonly service: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Longest wait before a batch leaves. */
  readonly delayMs?: number;
}

const queueMax = 2_048;
const batchMax = 512;
const exportMsMax = 10_000;
const attributeCharsMax = 256;

/** openTraceExport loads OpenTelemetry, which nobody pays for who does not export, and sends spans in batches from then on. */
export async function openTraceExport(options: TraceExportOptions): Promise<TraceExport> {
  const { url, service, headers = {}, delayMs = 5_000 } = options;
  const [api, sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const ids = { traceId: '', spanId: '' };
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({ 'service.name': service }),
    // Whoever records has sampled already.
    sampler: new sdk.AlwaysOnSampler(),
    spanLimits: { attributeValueLengthLimit: attributeCharsMax },
    // The ids were sent along with the request, long before its span is made.
    idGenerator: { generateTraceId: () => ids.traceId, generateSpanId: () => ids.spanId },
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter: new OTLPTraceExporter({ url, headers, timeoutMillis: exportMsMax }),
        maxQueueSize: queueMax,
        maxExportBatchSize: batchMax,
        scheduledDelayMillis: delayMs,
        exportTimeoutMillis: exportMsMax,
      }),
    ],
  });
  const tracer = provider.getTracer('nmachine');
  const contextOf = ({ traceId, parentSpanId }: SpanNote) =>
    parentSpanId === undefined
      ? api.ROOT_CONTEXT
      : api.trace.setSpanContext(api.ROOT_CONTEXT, {
          traceId,
          spanId: parentSpanId,
          traceFlags: api.TraceFlags.SAMPLED,
          isRemote: true,
        });
  return {
    record: (note) => {
      const { name, startedEpochMs, endedEpochMs, attributes, error } = note;
      ids.traceId = note.traceId;
      ids.spanId = note.spanId;
      const kind = api.SpanKind.SERVER;
      const span = tracer.startSpan(name, { kind, startTime: startedEpochMs, attributes }, contextOf(note));
      if (error !== undefined) span.setStatus({ code: api.SpanStatusCode.ERROR, message: error });
      span.end(endedEpochMs);
    },
    close: () => provider.shutdown().catch(() => undefined),
  };
}
