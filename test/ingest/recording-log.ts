/** A log for tests of who writes to one: keeps what it took, and fails as long as it is told to. Confirms durably
 *  or not, as asked. */
import { decodeEntry, type BatchView } from '../../src/model/report.ts';
import { type LogWriter, LogUnavailableError } from '../../src/model/log.ts';

export class RecordingLog implements LogWriter {
  readonly confirmsDurably: boolean;
  readonly taken: Uint8Array[] = [];
  /** Asked at every append; what it gives is thrown. */
  fault: () => Error | undefined = () => undefined;
  attempts = 0;

  constructor(confirmsDurably = true) {
    this.confirmsDurably = confirmsDurably;
  }

  async append(payload: Uint8Array): Promise<void> {
    this.attempts++;
    const fault = this.fault();
    if (fault !== undefined) throw fault;
    this.taken.push(Uint8Array.from(payload));
  }

  async trim(): Promise<void> {}

  async close(): Promise<void> {}

  batches(): BatchView[] {
    return this.taken.flatMap((payload) => {
      const entry = decodeEntry(payload);
      return entry.kind === 'reports' ? [...entry.batches] : [];
    });
  }
}

export const unavailable = (): Error => new LogUnavailableError('Cannot append: the broker is away');
