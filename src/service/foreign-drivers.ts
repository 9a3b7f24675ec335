/** The drivers of what others measure, and how what they learn to offer gets into the catalogue: under
 *  `<host>:<driver>`, which is no host's name. */
import type { ReceivedDriver } from '../ingest/foreign/received-driver.ts';
import { NODE_METRICS } from '../ingest/node/metrics.ts';
import { OtlpDriver } from '../ingest/otlp/otlp-driver.ts';
import { RemoteWriteDriver } from '../ingest/prometheus/remote-write-driver.ts';
import { ScrapeDriver } from '../ingest/prometheus/scrape-driver.ts';
import type { ScrapeTarget } from '../ingest/prometheus/target.ts';
import { PROC_METRICS } from '../ingest/proc/metrics.ts';
import type { Clock } from '../model/clock.ts';
import type { MetricDescription } from '../model/metric.ts';
import type { Configuration } from './configuration.ts';
import { Offers } from './offers.ts';

export interface ForeignOptions {
  readonly host: string;
  readonly clock: Clock;
  readonly scrape: readonly ScrapeTarget[];
  readonly notice: (line: string) => void;
}

export interface ForeignDrivers {
  readonly otlp: OtlpDriver;
  readonly remoteWrite: RemoteWriteDriver;
  readonly drivers: readonly (ReceivedDriver | ScrapeDriver)[];
  /** From here on what they offer is known to the configuration, and what was offered in earlier runs to them. */
  offerTo(configuration: Configuration): Promise<{ close(): Promise<void> }>;
}

export function foreignDrivers({ host, clock, scrape, notice }: ForeignOptions): ForeignDrivers {
  const own = new Set(
    [...NODE_METRICS, ...PROC_METRICS.map((metric) => metric.description)].map(({ name }) => name),
  );
  const isTaken = (metric: string): boolean => own.has(metric);
  const onGrowth = new Map<string, () => void>();
  const common = (name: string) => ({
    host,
    clock,
    random: Math.random,
    isTaken,
    onGrowth: () => onGrowth.get(name)?.(),
  });
  const otlp = new OtlpDriver(common('otlp'));
  const remoteWrite = new RemoteWriteDriver(common('remote-write'));
  const scraping = new ScrapeDriver({ ...common('prometheus'), targets: scrape });
  const drivers = [otlp, remoteWrite, ...(scrape.length > 0 ? [scraping] : [])];
  return {
    otlp,
    remoteWrite,
    drivers,
    offerTo: async (configuration) => {
      const offers: Offers[] = [];
      for (const driver of drivers) {
        const name = `${host}:${driver.name}`;
        const metrics = (): readonly MetricDescription[] => driver.metrics;
        const onFault = (error: unknown): void =>
          notice(`${driver.name}: ${error instanceof Error ? error.message : String(error)}`);
        driver.offer.remember(configuration.offered(name));
        await configuration.offer(name, driver.metrics);
        const each = new Offers({ name, metrics, configuration, clock, onFault });
        onGrowth.set(driver.name, () => each.grow());
        offers.push(each);
      }
      return { close: async () => void (await Promise.all(offers.map((each) => each.close()))) };
    },
  };
}
