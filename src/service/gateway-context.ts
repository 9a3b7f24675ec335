/** What the gateway and its routes are given: the other roles, as ports. */
import type { MetricOffer, SourceEstimate, SourceStateOf } from '../ingest/instrumenter.ts';
import type { OtlpDriver } from '../ingest/otlp/otlp-driver.ts';
import type { RemoteWriteDriver } from '../ingest/prometheus/remote-write-driver.ts';
import type { Clock } from '../model/clock.ts';
import type { Checksum } from '../model/crc32c.ts';
import type { Asked } from '../model/instrumentation.ts';
import type { LogWriter } from '../model/log.ts';
import type { AggregatorClient } from './answer.ts';
import type { Configuration } from './configuration.ts';
import type { HealthCheck } from './health.ts';
import type { SpaceReport } from './space-keeper.ts';
import type { Transformation } from './transform/transformation.ts';

export interface GatewayContext {
  readonly version: string;
  readonly configuration: Configuration;
  readonly aggregators: readonly AggregatorClient[];
  /** The aggregator that owns an instrumentation. */
  readonly owner: (instrumentation: string) => AggregatorClient;
  /** What each source says of an instrumentation. */
  readonly states: (instrumentation: string) => readonly SourceStateOf[];
  /** What the drivers here say of each metric; undefined where none run. */
  readonly offers?: (known: readonly string[]) => readonly MetricOffer[];
  /** What the sources here would say of one that is to come, and what it would cost them; undefined where no drivers run. */
  readonly estimates?: (asked: Asked) => readonly SourceEstimate[];
  readonly checks: () => readonly HealthCheck[];
  /** Where a data directory is kept within a budget; undefined before it was measured. */
  readonly space?: () => SpaceReport | undefined;
  /** Ways in which keys may be named. */
  readonly transformations?: readonly Transformation[];
  readonly clock: Clock;
  /** Where OTLP goes; absent where nothing is measured. */
  readonly otlp?: OtlpDriver;
  /** Where Prometheus' remote write goes. */
  readonly remoteWrite?: RemoteWriteDriver;
  /** What others send, as it is counted. */
  readonly received?: readonly IngestCounts[];
  /** Where batches from outside go. */
  readonly log: Pick<LogWriter, 'append'>;
  readonly checksum: Checksum;
  /** Demanded of every request but /livez and /readyz, where set. */
  readonly token?: string;
  /** Host names that a request may be addressed to, beside IP addresses and localhost. */
  readonly hostNames: readonly string[];
}

export interface IngestCounts {
  readonly name: string;
  /** Spans and points since the start. */
  readonly takenCount: number;
  readonly drops: { entries(): ReadonlyMap<string, number> };
}
