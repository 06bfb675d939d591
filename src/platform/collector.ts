import { context, propagation } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { type ExportResult, ExportResultCode, W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  defaultResource,
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
  serviceNameEnvDetector,
} from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import manifest from '../../package.json' with { type: 'json' };
import type { Settings } from '../settings.ts';
import type { Log } from './log.ts';
import { recordWith } from './tracing.ts';

// What sends traces to a collector. It is loaded only where one is named, as it costs time at the start. Address,
// headers, timeout, compression and the name of the service are read from their variables by OpenTelemetry's packages.

/** How long a stop waits for the collector to take what is left, in milliseconds. */
const patience = 2_000;

/**
 * Has spans recorded and sent in the background. A collector that is away costs the spans, and a line in the log.
 * @returns what sends the rest, which takes two seconds at most and never throws
 */
export async function startTracing(
  { encoding, sampler, share }: NonNullable<Settings['tracing']>,
  log: Log,
): Promise<() => Promise<void>> {
  const { OTLPTraceExporter } =
    encoding === 'json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto');
  const detectors = [resourceAttributesEnvDetector, serviceNameEnvDetector, serviceInstanceIdDetector];
  const provider = new TracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': manifest.name, 'service.version': manifest.version }))
      .merge(detectResources({ detectors })),
    sampler: samplerOf(sampler, share),
    spanProcessors: [new BatchSpanProcessor({ exporter: told(new OTLPTraceExporter(), log) })],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  recordWith(provider);
  return async () => {
    recordWith(null);
    context.disable();
    propagation.disable();
    const { promise: enough, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, patience);
    // Whatever is in its way is told by the exporter.
    await Promise.race([provider.shutdown().catch(() => {}), enough]);
    clearTimeout(timer);
  };
}

function samplerOf(name: NonNullable<Settings['tracing']>['sampler'], share: number): Sampler {
  switch (name) {
    case 'always_on':
      return new AlwaysOnSampler();
    case 'always_off':
      return new AlwaysOffSampler();
    case 'traceidratio':
      return new TraceIdRatioBasedSampler(share);
    case 'parentbased_always_on':
      return new ParentBasedSampler({ root: new AlwaysOnSampler() });
    case 'parentbased_always_off':
      return new ParentBasedSampler({ root: new AlwaysOffSampler() });
    case 'parentbased_traceidratio':
      return new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(share) });
  }
}

/** The exporter, which says in the log when the collector stops taking traces, and when it takes them again. */
function told(exporter: SpanExporter, log: Log): SpanExporter {
  let isFailing = false;
  const hear = ({ code, error }: ExportResult) => {
    const failed = code !== ExportResultCode.SUCCESS;
    if (failed === isFailing) return;
    isFailing = failed;
    // Of the error no more than its code: it holds the collector's answer.
    if (failed) log.warn({ code: codeOf(error) }, 'traces cannot be sent to the collector');
    else log.info('the collector takes traces again');
  };
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        hear(result);
        done(result);
      }),
    forceFlush: async () => exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  };
}

/** An HTTP status, the system's word such as ECONNREFUSED, or the class of the error. */
function codeOf(error: Error | undefined): unknown {
  return error !== undefined && 'code' in error && error.code !== undefined ? error.code : error?.name;
}
