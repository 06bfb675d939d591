import {
  type Attributes,
  type Context,
  context,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import manifest from '../../package.json' with { type: 'json' };

// The door to OpenTelemetry's traces. Until `collector.ts` sets them up, nothing is recorded here and nothing is sent.
// Names and attributes follow its semantic conventions. None holds an address, a name, a token or a message of an
// error, which may quote one (I6, A-26): a span leaves the house.

/** Where in which trace something was asked for; nowhere, as long as nothing is recorded. */
export type Origin = Context;

/** In no trace: what begins here begins one of its own. */
export const nowhere: Origin = ROOT_CONTEXT;

/** The span that this is called in. */
export const here = (): Origin => context.active();

/** The span that a `traceparent` (W3C Trace Context) names; nowhere if it names none. */
export const originOf = (traceparent: string | undefined): Origin =>
  traceparent === undefined ? nowhere : propagation.extract(nowhere, { traceparent });

/** The span that this is called in as `traceparent`, for whoever goes on elsewhere; empty if none is recorded. */
export function traceparent(): { traceparent?: string } {
  const carrier = {};
  if (isRecorded(here())) propagation.inject(here(), carrier);
  return carrier;
}

/** Ids of the span that this is called in, by the names that OpenTelemetry gives them in logs; empty if none is recorded. */
export function traceIds(): { trace_id?: string; span_id?: string } {
  const span = trace.getActiveSpan();
  if (!span?.isRecording()) return {};
  const { traceId, spanId } = span.spanContext();
  return { trace_id: traceId, span_id: spanId };
}

export interface About {
  kind?: Lowercase<keyof typeof SpanKind>;
  attributes?: Attributes;
  /** What it is a part of; by default, what it is called in. */
  parent?: Origin;
  /** What else it is done for. */
  links?: readonly Origin[];
}

/** Until one is given, it records nothing. */
let tracer: Tracer = trace.getTracer(manifest.name);

/**
 * Has spans recorded from now on: ours, and nobody else's. It is not made known to the packages that we use, as some
 * would tell it of errors with all that they say; pg-boss does.
 * @param provider null: nothing is recorded any more
 */
export function recordWith(provider: TracerProvider | null): void {
  tracer = (provider ?? trace).getTracer(manifest.name, manifest.version);
}

/** A span that is under way. */
export interface OpenSpan {
  /** Does `work` as a part of it. */
  within<T>(work: () => T): T;
  /** @param told what is known by now; `error.type` says that it failed, and how */
  end(told: Attributes, name?: string): void;
}

/** Begins a span, for what does not end with a promise. */
export function openSpan(
  name: string,
  { kind = 'internal', attributes = {}, parent = here(), links = [] }: About,
): OpenSpan {
  const linked = links.flatMap((origin) => trace.getSpanContext(origin) ?? []).filter(isSpanContextValid);
  const span: Span = tracer.startSpan(
    name,
    {
      kind: kinds[kind],
      attributes,
      links: linked.map((context) => ({ context })),
    },
    parent,
  );
  return {
    within: (work) => context.with(trace.setSpan(parent, span), work),
    end: (told, name) => {
      if (name !== undefined) span.updateName(name);
      span.setAttributes(told);
      if (told['error.type'] !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    },
  };
}

const kinds: Record<Lowercase<keyof typeof SpanKind>, SpanKind> = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
};

/**
 * Does `work` in a span of its own.
 * @param work may tell attributes once it knows them
 * @throws what the work throws; the span tells the class of it, unless the work told a better `error.type`
 */
export async function inSpan<T>(
  name: string,
  about: About,
  work: (tell: (attributes: Attributes) => void) => Promise<T>,
): Promise<T> {
  const span = openSpan(name, about);
  const told: Attributes = {};
  try {
    return await span.within(() => work((attributes) => Object.assign(told, attributes)));
  } catch (error) {
    told['error.type'] ??= error instanceof Error ? error.name : typeof error;
    throw error;
  } finally {
    span.end(told);
  }
}

/** The same as a step of what is recorded already: it begins no trace by itself. */
export function inStep<T>(name: string, about: About, work: () => Promise<T>): Promise<T> {
  return isRecorded(about.parent ?? here()) ? inSpan(name, about, work) : work();
}

/** Does once what several asked for: as a step of the first that is recorded, with links to the others. */
export function inSharedStep<T>(
  name: string,
  origins: readonly Origin[],
  about: About,
  work: () => Promise<T>,
): Promise<T> {
  const [parent = nowhere, ...links] = origins.filter(isRecorded);
  return context.with(parent, () => inStep(name, { ...about, parent, links }, work));
}

const isRecorded = (origin: Origin): boolean => trace.getSpan(origin)?.isRecording() === true;
