/** Log, catalogue, store and aggregator in the caller's thread, in one directory or in memory: the embedded system
 *  without instrumenter, threads and HTTP. What the library is made of, and what the gateway's tests stand on. */
import { join } from 'node:path';
import type { Kernel } from '../kernel/kernel.ts';
import { openFileLog } from '../log/file-log.ts';
import { openFileLogReader } from '../log/file-log-reader.ts';
import type { LogHealth } from '../log/health.ts';
import type { DurableTail } from '../log/log-tail.ts';
import { MemoryLog } from '../log/memory-log.ts';
import type { Clock } from '../model/clock.ts';
import type { Instrumentation } from '../model/instrumentation.ts';
import type { LogReader, LogWriter } from '../model/log.ts';
import type { NamesOf } from '../query/naming.ts';
import { openCatalogue } from '../store/catalogue.ts';
import { IN_MEMORY } from '../store/sqlite.ts';
import { openStore, type Store } from '../store/store.ts';
import { Aggregator } from './aggregator.ts';
import { Configuration } from './configuration.ts';

export interface CoreOptions {
  /** Where all of it lives and is found again; in memory, and gone on close, where it is left out. */
  readonly directory?: string;
  readonly kernel: Kernel;
  readonly clock: Clock;
  /** As that of Aggregator. */
  readonly names?: NamesOf;
  /** As that of Configuration. */
  readonly onChange?: (living: readonly Instrumentation[]) => void;
  readonly onFault: (error: unknown) => void;
}

export interface CoreLog extends LogWriter {
  readonly tail: DurableTail;
  health(): LogHealth;
}

export interface Core {
  readonly log: CoreLog;
  /** A reader beside the followers', for whoever asks how far back the log goes. */
  readonly reader: LogReader;
  readonly configuration: Configuration;
  readonly store: Store;
  readonly aggregator: Aggregator;
  /** Resolves when all that was appended before the call is folded, or cannot be for now: the store is stalled. */
  folded(): Promise<void>;
  close(): Promise<void>;
}

/** Throws the typed error of the part that could not be opened; what was open is closed again. */
export async function openCore(options: CoreOptions): Promise<Core> {
  const { kernel, clock, onFault } = options;
  const { log, identity, newReader } = await openLog(options);
  const at = (name: string): string =>
    options.directory === undefined ? IN_MEMORY : join(options.directory, name);
  let configuration: Configuration | undefined;
  const stalls = new Set<() => void>();
  try {
    configuration = Configuration.start({
      catalogue: openCatalogue(at('catalogue.db'), identity),
      reopen: (logIdentity) => openCatalogue(at('catalogue.db'), logIdentity),
      writer: log,
      reader: newReader(),
      clock,
      onChange: options.onChange ?? (() => {}),
      onFault,
    });
    const store = openStore({
      directory: at('aggregator-0'),
      kernel,
      owns: () => true,
      logIdentity: identity,
    });
    const aggregator = new Aggregator({
      index: 0,
      store,
      reader: newReader(),
      kernel,
      clock,
      ...(options.names === undefined ? {} : { names: options.names }),
      checkpoints: false,
      onDurable: () => {},
      onNotice: () => {},
      onStalled: () => {
        for (const resolve of stalls) resolve();
      },
      onFault,
    });
    return assembled({ log, reader: newReader(), configuration, store, aggregator }, stalls);
  } catch (error) {
    await configuration?.close();
    await log.close();
    throw error;
  }
}

/** `stalls` are called when the store stalls, and when it goes on. */
function assembled(parts: Omit<Core, 'folded' | 'close'>, stalls: Set<() => void>): Core {
  const { log, reader, configuration, store, aggregator } = parts;
  return {
    ...parts,
    folded: async () => {
      if (store.stalled !== undefined) return;
      let stalled: () => void = () => {};
      const stall = new Promise<void>((resolve) => (stalled = resolve));
      stalls.add(stalled);
      await Promise.race([aggregator.reached(log.tail.end() - 1), stall]);
      stalls.delete(stalled);
    },
    close: async () => {
      await aggregator.close();
      await configuration.close();
      await reader.close();
      await log.close();
    },
  };
}

async function openLog({ directory, clock, kernel: { crc32c } }: CoreOptions): Promise<{
  readonly log: CoreLog;
  readonly identity: string;
  readonly newReader: () => LogReader;
}> {
  if (directory === undefined) {
    const memory = new MemoryLog();
    const log = { ...memory.writer(clock), tail: memory.tail };
    return { log, identity: memory.identity, newReader: () => memory.reader() };
  }
  const path = join(directory, 'log');
  const log = await openFileLog(path, { clock, checksum: crc32c });
  return { log, identity: log.identity, newReader: () => openFileLogReader(path, log.tail, crc32c) };
}
