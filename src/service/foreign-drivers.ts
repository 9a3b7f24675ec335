/** The drivers of what others measure. What they learn of is made known as any driver's is (learned-metrics.ts), and
 *  remembered by them from then on. */
import type { ReceivedDriver } from '../ingest/foreign/received-driver.ts';
import { NODE_METRICS } from '../ingest/node/metrics.ts';
import { OtlpDriver } from '../ingest/otlp/otlp-driver.ts';
import { RemoteWriteDriver } from '../ingest/prometheus/remote-write-driver.ts';
import { ScrapeDriver } from '../ingest/prometheus/scrape-driver.ts';
import type { ScrapeTarget } from '../ingest/prometheus/target.ts';
import { PROC_METRICS } from '../ingest/proc/metrics.ts';
import type { Clock } from '../model/clock.ts';
import type { Configuration } from './configuration.ts';
import { originOf } from './learned-metrics.ts';

export interface ForeignOptions {
  readonly host: string;
  readonly clock: Clock;
  readonly scrape: readonly ScrapeTarget[];
}

export interface ForeignDrivers {
  readonly otlp: OtlpDriver;
  readonly remoteWrite: RemoteWriteDriver;
  readonly drivers: readonly (ReceivedDriver | ScrapeDriver)[];
  /** What they offered in earlier runs is offered again. */
  remember(configuration: Pick<Configuration, 'offered'>): void;
}

export function foreignDrivers({ host, clock, scrape }: ForeignOptions): ForeignDrivers {
  const own = new Set(
    [...NODE_METRICS, ...PROC_METRICS.map((metric) => metric.description)].map(({ name }) => name),
  );
  const isTaken = (metric: string): boolean => own.has(metric);
  const common = { host, clock, random: Math.random, isTaken };
  const otlp = new OtlpDriver(common);
  const remoteWrite = new RemoteWriteDriver(common);
  const scraping = new ScrapeDriver({ ...common, targets: scrape });
  const drivers = [otlp, remoteWrite, ...(scrape.length > 0 ? [scraping] : [])];
  return {
    otlp,
    remoteWrite,
    drivers,
    remember: (configuration) => {
      for (const driver of drivers) driver.offer.remember(configuration.offered(originOf(host, driver.name)));
    },
  };
}
