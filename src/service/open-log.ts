/** Opens the log that the settings name, and readers of it in this thread and in others. The one place that knows
 *  there are two kinds. */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { join } from 'node:path';
import { type AmqpLog, openAmqpLog } from '../log/amqp-log.ts';
import { openAmqpLogReader } from '../log/amqp-log-reader.ts';
import { type FileLog, openFileLog } from '../log/file-log.ts';
import { openFileLogReader } from '../log/file-log-reader.ts';
import type { LogHealth } from '../log/health.ts';
import { shareTail, tailFromPort } from '../log/log-tail.ts';
import type { Clock } from '../model/clock.ts';
import type { Checksum } from '../model/crc32c.ts';
import type { LogReader, LogWriter } from '../model/log.ts';

/** What a thread needs to read the log; a port goes to one thread only. */
export interface LogAddress {
  readonly log:
    | { readonly kind: 'file'; readonly directory: string }
    | { readonly kind: 'amqp'; readonly url: string };
  readonly tail?: MessagePort;
}

export interface OpenedLog {
  readonly writer: LogWriter;
  /** A reader in this thread; each follower has its own. */
  reader(): Promise<LogReader>;
  /** Entries below are durable; undefined where only a broker knows. */
  end(): number | undefined;
  /** What another thread needs to open a reader of its own. */
  address(): LogAddress;
  health(): LogHealth;
}

export async function openLog(
  setting: string,
  { data, clock, checksum }: { data: string; clock: Clock; checksum: Checksum },
): Promise<OpenedLog> {
  return setting === 'file' ? fileLog(join(data, 'log'), clock, checksum) : amqpLog(setting, clock);
}

/** The reader of another thread, from what `address` gave. */
export async function openReader(
  { log, tail }: LogAddress,
  clock: Clock,
  checksum: Checksum,
): Promise<LogReader> {
  if (log.kind === 'amqp') return openAmqpLogReader(log.url, { clock, prng: Math.random });
  if (tail === undefined) throw new Error('a file log is read with a tail');
  return openFileLogReader(log.directory, await tailFromPort(tail), checksum);
}

async function fileLog(directory: string, clock: Clock, checksum: Checksum): Promise<OpenedLog> {
  const writer: FileLog = await openFileLog(directory, { clock, checksum });
  return {
    writer,
    reader: async () => openFileLogReader(directory, writer.tail, checksum),
    end: () => writer.tail.end(),
    address: () => {
      const { port1, port2 } = new MessageChannel();
      shareTail(writer, port1);
      return { log: { kind: 'file', directory }, tail: port2 };
    },
    health: () => writer.health(),
  };
}

async function amqpLog(url: string, clock: Clock): Promise<OpenedLog> {
  const writer: AmqpLog = openAmqpLog(url, { clock, prng: Math.random });
  return {
    writer,
    reader: async () => openAmqpLogReader(url, { clock, prng: Math.random }),
    end: () => undefined,
    address: () => ({ log: { kind: 'amqp', url } }),
    health: () => writer.health(),
  };
}
