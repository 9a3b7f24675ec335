/** A driver for tests of who asks drivers: one source a name, a batch a second, answering after a time that the
 *  test chooses for each second. */
import type { Collected, Driver, DriverSink, DriverSource, EncodedBatch } from '../../src/ingest/driver.ts';
import { SourceSequence } from '../../src/ingest/source-sequence.ts';
import { encodeBatch } from '../../src/model/batch.ts';
import type { Clock } from '../../src/model/clock.ts';

export class ScriptedDriver implements Driver {
  readonly name: string;
  readonly metrics = [];
  readonly asked: number[] = [];
  readonly safe: number[] = [];
  sink: DriverSink | undefined;
  /** How long it takes to answer for a second; undefined is for ever. */
  delayMs: (second: number) => number | undefined = () => 0;
  /** Batches of other sources that it has besides. */
  readonly extra: EncodedBatch[] = [];
  paddingBytes = 0;
  readonly #clock: Clock;
  readonly #sequence: SourceSequence;

  constructor(name: string, clock: Clock, random: () => number) {
    this.name = name;
    this.#clock = clock;
    this.#sequence = new SourceSequence({ host: 'h', driver: name }, random);
  }

  async start(sink: DriverSink): Promise<void> {
    this.sink = sink;
  }

  async enable(): Promise<void> {}
  async disable(): Promise<void> {}
  async close(): Promise<void> {}

  states(): [] {
    return [];
  }

  sources(): readonly DriverSource[] {
    return [];
  }

  async collect(second: number): Promise<Collected> {
    this.asked.push(second);
    const delayMs = this.delayMs(second);
    if (delayMs === undefined) return new Promise(() => {});
    if (delayMs > 0) await this.#clock.sleep(delayMs);
    const batches = this.extra.splice(0);
    if (this.#sequence.accepts(second)) batches.push(this.#batch(second));
    return { batches, awaited: [] };
  }

  #batch(second: number): EncodedBatch {
    const sequence = this.#sequence.take(second);
    const { source } = this.#sequence;
    const bytes = encodeBatch({ source, sequence, second, reports: [] });
    return {
      source,
      sequence,
      second,
      bytes: padded(bytes, this.paddingBytes),
      onSafe: () => this.safe.push(second),
    };
  }
}

/** Not a batch any more where it is padded; a reporter does not look. */
function padded(bytes: Uint8Array, extraBytes: number): Uint8Array {
  return Buffer.concat([bytes, Buffer.alloc(extraBytes)]);
}
