/** The remote-write driver: samples that a Prometheus server sends on. One source, `<host>/remote-write`. Does not:
 *  listen; the gateway's route hands over bodies. */
import { ReceivedDriver, type ReceivedOptions } from '../foreign/received-driver.ts';
import { type WrittenSeries, writtenPoints } from './remote-write.ts';
import { unsnappy } from './snappy.ts';
import { seriesOfVersion1 } from './written-series-1.ts';
import { seriesOfVersion2 } from './written-series-2.ts';

/** Of a request without its snappy. */
const BYTES_MAX = 16 * 1024 * 1024;

export class RemoteWriteDriver extends ReceivedDriver {
  constructor(options: Omit<ReceivedOptions, 'name' | 'own'>) {
    super({ ...options, name: 'remote-write', own: [] });
  }

  /** Reads a request of that version and counts it. Throws SnappyError, WireError. */
  async takeWrite(body: Uint8Array, version: 1 | 2): Promise<Written> {
    const bytes = unsnappy(body, BYTES_MAX);
    const written = { samples: 0, histograms: 0 };
    const series = version === 1 ? seriesOfVersion1(bytes) : seriesOfVersion2(bytes);
    await this.takePoints(writtenPoints(counting(series, written)));
    return written;
  }
}

/** What was read of a request, counted or not. */
export interface Written {
  readonly samples: number;
  readonly histograms: number;
}

function* counting(
  all: Iterable<WrittenSeries>,
  written: { samples: number; histograms: number },
): Generator<WrittenSeries> {
  for (const series of all) {
    written.samples += series.samples.length;
    written.histograms += series.natives.length;
    yield series;
  }
}
