/** OpenTelemetry's SDK as a preload of the program under measurement, with the instrumentation of node:http and the
 *  exporter of OTLP that its documents recommend, once a second. Off until its parent says `on`.
 *  OTEL_BENCH: what is measured, `metrics` or `traces`; OTEL_PACKAGES: a file beside node_modules; OTEL_SINK: a URL. */
import { createRequire } from 'node:module';

const { OTEL_BENCH: what, OTEL_PACKAGES: packages = '', OTEL_SINK: sink = '' } = process.env;
const require = createRequire(packages);

/** Of the packages, what is used here. */
type Class = new (...options: unknown[]) => never;
interface Toggled {
  enable(): void;
  disable(): void;
  setMeterProvider(provider: unknown): void;
  setTracerProvider(provider: unknown): void;
}
const load = (name: string): Record<string, Class> =>
  require(`@opentelemetry/${name}`) as Record<string, Class>;

const { HttpInstrumentation } = load('instrumentation-http') as unknown as {
  HttpInstrumentation: new (options: unknown) => Toggled;
};
const instrumentation = new HttpInstrumentation({});
const url = `${sink}/v1/${what}`;
if (what === 'metrics') {
  const { MeterProvider, PeriodicExportingMetricReader } = load('sdk-metrics');
  const { OTLPMetricExporter } = load('exporter-metrics-otlp-proto');
  const reader = new PeriodicExportingMetricReader!({
    exporter: new OTLPMetricExporter!({ url }),
    exportIntervalMillis: 1000,
    exportTimeoutMillis: 900,
  });
  instrumentation.setMeterProvider(new MeterProvider!({ readers: [reader] }));
} else {
  const { BasicTracerProvider, BatchSpanProcessor } = load('sdk-trace-base');
  const { OTLPTraceExporter } = load('exporter-trace-otlp-proto');
  const processor = new BatchSpanProcessor!(new OTLPTraceExporter!({ url }), {
    scheduledDelayMillis: 1000,
    maxQueueSize: 65_536,
  });
  instrumentation.setTracerProvider(new BasicTracerProvider!({ spanProcessors: [processor] }));
}
// What is loaded while it is enabled is what it can switch.
require('http');
instrumentation.disable();

process.on('message', (message) => {
  if (message !== 'on' && message !== 'off') return;
  if (message === 'on') instrumentation.enable();
  else instrumentation.disable();
  process.send!({ done: message });
});
