/** The entries that a log holds now, from its first to its end, without the lock of a running server: for replay
 *  and verification. Owns: where they come from, file or broker. Does not: wait for more. */
import { openAmqpLogReader } from '../log/amqp-log-reader.ts';
import { logExtent, readLogFiles } from '../log/log-directory.ts';
import { systemClock } from '../model/clock.ts';
import { LogCorruptError, type LogEntry, LogUnavailableError } from '../model/log.ts';

/** Bytes of entries given at a time: what a reader of a running log gives. */
const BATCH_BYTES = 1024 * 1024;
/** A broker's stream that gives nothing for so long has no entry that its end promised. */
const SILENCE_MS = 30_000;

export type StoredLog =
  | { readonly kind: 'file'; readonly directory: string }
  | { readonly kind: 'amqp'; readonly url: string };

export interface LogExtent {
  readonly identity: string;
  /** Offset of the first entry kept; as `endOffset` where there is none. */
  readonly firstOffset: number;
  readonly endOffset: number;
}

/** Throws LogUnavailableError, LogCorruptError. */
export async function extentOf(log: StoredLog): Promise<LogExtent> {
  if (log.kind === 'file') {
    const extent = logExtent(log.directory);
    if (extent === undefined)
      throw new LogUnavailableError(`Cannot read log "${log.directory}": it has no file`);
    return extent;
  }
  const reader = openAmqpLogReader(log.url, { clock: systemClock, prng: Math.random });
  try {
    const [identity, endOffset] = [await reader.identity(), await reader.end()];
    return { identity, firstOffset: (await reader.seek(0)) ?? endOffset, endOffset };
  } finally {
    await reader.close();
  }
}

/** Entries below `endOffset` in batches. A write that a crash cut short ends it; other damage throws LogCorruptError. */
export async function* entriesOf(log: StoredLog, endOffset: number): AsyncGenerator<readonly LogEntry[]> {
  if (log.kind === 'file') yield* fileEntries(log.directory, endOffset);
  else yield* streamEntries(log.url, endOffset);
}

function* fileEntries(directory: string, endOffset: number): Generator<readonly LogEntry[]> {
  let batch: LogEntry[] = [];
  let bytes = 0;
  for (const finding of readLogFiles(directory)) {
    if (finding.kind === 'damage') {
      if (finding.torn) break;
      throw new LogCorruptError(finding.path, finding.offsetBytes, finding.what);
    }
    if (finding.entry.offset >= endOffset) break;
    batch.push(finding.entry);
    bytes += finding.entry.payload.length;
    if (bytes < BATCH_BYTES) continue;
    yield batch;
    [batch, bytes] = [[], 0];
  }
  if (batch.length > 0) yield batch;
}

async function* streamEntries(url: string, endOffset: number): AsyncGenerator<readonly LogEntry[]> {
  const reader = openAmqpLogReader(url, { clock: systemClock, prng: Math.random });
  const stop = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const expect = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => stop.abort(), SILENCE_MS);
  };
  let next = 0;
  try {
    expect();
    for await (const entries of reader.read(0, stop.signal)) {
      expect();
      yield entries.filter((entry) => entry.offset < endOffset);
      next = (entries.at(-1)?.offset ?? next - 1) + 1;
      if (next >= endOffset) return;
    }
    if (next < endOffset)
      throw new LogUnavailableError(
        `Cannot read log "${new URL(url).host}": nothing came for ${SILENCE_MS / 1000} s at offset ${next} of ${endOffset}`,
      );
  } finally {
    clearTimeout(timer);
    stop.abort();
    await reader.close();
  }
}
