/** Log, catalogue, store and aggregator in the caller's thread, in one directory: the embedded system without
 *  instrumenter, threads and HTTP. What the library is made of, and what the gateway's tests stand on. */
import { join } from 'node:path';
import type { Kernel } from '../kernel/kernel.ts';
import { type FileLog, openFileLog } from '../log/file-log.ts';
import { openFileLogReader } from '../log/file-log-reader.ts';
import type { Clock } from '../model/clock.ts';
import { openCatalogue } from '../store/catalogue.ts';
import { openStore, type Store } from '../store/store.ts';
import { Aggregator } from './aggregator.ts';
import { Configuration } from './configuration.ts';

export interface CoreOptions {
  readonly directory: string;
  readonly kernel: Kernel;
  readonly clock: Clock;
  readonly onFault: (error: unknown) => void;
}

export interface Core {
  readonly log: FileLog;
  readonly configuration: Configuration;
  readonly store: Store;
  readonly aggregator: Aggregator;
  /** Resolves when all that was appended before the call is folded. */
  folded(): Promise<void>;
  close(): Promise<void>;
}

export async function openCore({ directory, kernel, clock, onFault }: CoreOptions): Promise<Core> {
  const logDirectory = join(directory, 'log');
  const { crc32c } = kernel;
  const log = await openFileLog(logDirectory, { clock, checksum: crc32c });
  const configuration = Configuration.start({
    catalogue: openCatalogue(join(directory, 'catalogue.db'), log.identity),
    writer: log,
    reader: openFileLogReader(logDirectory, log.tail, crc32c),
    clock,
    onChange: () => {},
    onFault,
  });
  const store = openStore({
    directory: join(directory, 'aggregator-0'),
    kernel,
    owns: () => true,
    logIdentity: log.identity,
  });
  const aggregator = new Aggregator({
    index: 0,
    store,
    reader: openFileLogReader(logDirectory, log.tail, crc32c),
    kernel,
    clock,
    checkpoints: false,
    onDurable: () => {},
    onNotice: () => {},
    onFault,
  });
  return {
    log,
    configuration,
    store,
    aggregator,
    folded: () => aggregator.reached(log.tail.end() - 1),
    close: async () => {
      await aggregator.close();
      await configuration.close();
      await log.close();
    },
  };
}
