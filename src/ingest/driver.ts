/** A driver: one way of measuring (proc, node, bpf, otlp, ...). The port between what measures and the reporter.
 *  A driver owns its sources and their sequence numbers, and hands over batches that are already encoded.
 *  It does not: keep time, store, retry, or talk to the log.
 *  Seconds are whole Unix seconds; a batch speaks of exactly one. A driver may have many sources (a process each)
 *  or one. A source's second is reported to each instrumentation once, or in parts that add: all are marked partial
 *  but one. */
import type { Asked, Instrumentation, SourceState } from '../model/instrumentation.ts';
import type { MetricDescription } from '../model/metric.ts';
import type { Source } from '../model/report.ts';

export interface EncodedBatch {
  readonly source: Source;
  readonly sequence: number;
  readonly second: number;
  /** As encodeBatch made them; checked by the driver where they came from outside. */
  readonly bytes: Uint8Array;
  /** Called once the batch outlives a crash of this process. A driver that relays tells its source then. */
  readonly onSafe?: () => void;
  /** Called where a bound cost it before. */
  readonly onLost?: () => void;
  /** Of requests whose senders hear that they are counted once this batch is safe: it is kept with them on a synced disk
   *  first. Hexadecimal digests of RECEIPT_BYTES. */
  readonly receipts?: readonly string[];
}

export interface Collected {
  readonly batches: readonly EncodedBatch[];
  /** Names of the sources that owe this second still. */
  readonly awaited: readonly string[];
}

/** Where a driver says what nobody asked for at that moment. */
export interface DriverSink {
  /** Batches of a second that was collected already: they follow as entries of their own. */
  late(batches: readonly EncodedBatch[]): void;
  /** Whether a batch with this receipt was kept, in this run or an earlier one. */
  isKept?(receipt: string): boolean;
  /** A source ended in good order: it is expected no more from `second` on. */
  offline(source: { readonly host: string; readonly driver: string }, second: number): void;
  /** Metrics that the driver found in what it is sent: new ones, and ones it said before with all their fields. */
  seen?(metrics: readonly MetricDescription[]): void;
  /** Something a person may want to know; never needed for the data to be right. */
  note(text: string): void;
}

export interface DriverSource {
  readonly source: Source;
  /** The newest second that it reported. */
  readonly lastSecond: number | undefined;
}

/** Whether a metric can be had where the driver runs. */
export interface Availability {
  readonly metric: string;
  readonly available: boolean;
  /** Why it cannot, and what would make it so. */
  readonly reason?: string;
  readonly remedy?: string;
}

export interface Driver {
  readonly name: string;
  /** All that this driver knows how to measure, whether it can be had here or not. */
  readonly metrics: readonly MetricDescription[];
  /** Of those that depend on the machine; one that is left out can be had. Asked whenever a person looks, after `start`:
   *  it costs no more than a look at a few files. */
  availability?(): readonly Availability[];
  /** How it can be held to the limits of its source (model/source-limits.ts). `fields`: the fields `uid`, `cgroup` and
   *  `container` of its metrics are the kernel's word, so a predicate holds it. `programs`: it takes the limits itself
   *  and admits no program beyond them. Left out: it cannot tell whose events it counts. */
  readonly tenancy?: 'fields' | 'programs' | undefined;
  /** Whether it measures a metric of this name, which is none of `metrics`, once it is sent some. */
  takes?(metric: string): boolean;
  /** Why `enable` would refuse it, as far as that is known without measuring; undefined where it would not. For metrics
   *  that it has or takes. */
  refusal?(asked: Asked): string | undefined;
  /** Called once, before anything else. Rejects with DriverError. */
  start(sink: DriverSink): Promise<void>;
  /** Resolves when the instrumentation measures, wherever this driver has a source now; what attaches later
   *  follows by itself. Rejects with DriverError whose text is the reason a person reads. Repeating it is
   *  harmless. */
  enable(instrumentation: Instrumentation): Promise<void>;
  disable(id: string): Promise<void>;
  /** What is ready for `second`, which has ended; asked once for a second. The driver decides how long it waits
   *  for its sources, up to COLLECT_MS_MAX. */
  collect(second: number): Promise<Collected>;
  /** Per source of this driver: what it says of the instrumentation. */
  states(id: string): readonly { readonly source: string; readonly state: SourceState }[];
  sources(): readonly DriverSource[];
  close(): Promise<void>;
}

/** A layer around a driver answers for all of it: what is left out here would be lost, so nothing may be. */
export type DriverLayer = Required<Driver>;

/** How long a driver may wait for its sources: what comes later is a straggler. An event shall be on the screen
 *  in 1.3 s, and the second itself takes 1. */
export const COLLECT_MS_MAX = 300;

export type DriverErrorCode =
  /** The driver has no such metric. */
  | 'METRIC_UNKNOWN'
  /** What it would read is missing or closed to this user. */
  | 'UNAVAILABLE'
  /** It speaks of more than its source may. */
  | 'LIMITED'
  /** It cannot be measured as asked, here or by this driver at all. */
  | 'REFUSED'
  /** The socket or directory cannot be had. */
  | 'SOCKET';

export class DriverError extends Error {
  readonly code: DriverErrorCode;
  constructor(code: DriverErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
