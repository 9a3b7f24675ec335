/** One scrape: asks a target over HTTP and reads what it exposes, in whichever form it chose. Bounds: time, bytes.
 *  Throws ScrapeError, whose text is the reason a person reads. */
import { WireError } from '../foreign/protobuf.ts';
import type { Family } from './exposition.ts';
import { protobufFamilies } from './families-protobuf.ts';
import { parseText } from './text.ts';

/** Of a body, after gzip: fifty thousand series. */
const BODY_BYTES_MAX = 16 * 1024 * 1024;
const PROTOBUF = 'application/vnd.google.protobuf';
const ACCEPT = [
  `${PROTOBUF};proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.9`,
  'application/openmetrics-text;version=1.0.0;q=0.6',
  'text/plain;version=0.0.4;q=0.5',
].join(',');

export class ScrapeError extends Error {
  readonly code = 'SCRAPE';
}

export interface Scraped {
  readonly families: readonly Family[];
  readonly oddLines: number;
}

export async function scrape(url: string, signal: AbortSignal): Promise<Scraped> {
  try {
    const response = await fetch(url, { headers: { accept: ACCEPT }, signal, redirect: 'error' });
    if (!response.ok) {
      await response.body?.cancel();
      throw new ScrapeError(`Cannot scrape ${url}: it answers ${response.status}`);
    }
    const body = await bounded(response, url);
    if (response.headers.get('content-type')?.startsWith(PROTOBUF) === true)
      return { families: [...protobufFamilies(body)], oddLines: 0 };
    return parseText(body.toString('utf8'));
  } catch (error) {
    if (error instanceof ScrapeError) throw error;
    if (error instanceof WireError)
      throw new ScrapeError(`Cannot read ${url}: ${error.message}`, { cause: error });
    const { name, message, cause } = error as Error;
    const why =
      name === 'TimeoutError'
        ? 'it does not answer in time'
        : cause instanceof Error
          ? cause.message
          : message;
    throw new ScrapeError(`Cannot scrape ${url}: ${why}`, { cause: error });
  }
}

async function bounded(response: Response, url: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).length;
    if (bytes > BODY_BYTES_MAX)
      throw new ScrapeError(`Cannot scrape ${url}: more than ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks);
}
