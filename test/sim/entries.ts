/** Log entries as values: what the simulator appends and the model counts, and their bytes. */
import type { ControlEvent } from '../../src/model/control.ts';
import type { LogEntry } from '../../src/model/log.ts';
import { type Batch, encodeBatch, encodeControlEntry, encodeReportEntry } from '../../src/model/report.ts';

export type Content =
  | { readonly kind: 'batches'; readonly batches: readonly Batch[] }
  | { readonly kind: 'control'; readonly event: ControlEvent }
  | { readonly kind: 'garbage'; readonly bytes: readonly number[] };

export interface SimEntry {
  readonly offset: number;
  readonly arrivedMs: number;
  readonly content: Content;
}

/** Of an entry that is read again and again the bytes are made once. */
const payloads = new WeakMap<Content, Uint8Array>();

export function toLogEntry({ offset, arrivedMs, content }: SimEntry): LogEntry {
  let payload = payloads.get(content);
  if (payload === undefined) payloads.set(content, (payload = payloadOf(content)));
  return { offset, arrivedMs, payload };
}

export function payloadOf(content: Content): Uint8Array {
  switch (content.kind) {
    case 'batches':
      return encodeReportEntry(content.batches.map((batch) => encodeBatch(batch)));
    case 'control':
      return encodeControlEntry(content.event);
    case 'garbage':
      return Uint8Array.from(content.bytes);
  }
}
