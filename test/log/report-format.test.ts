/** docs/REPORT_FORMAT.md says every byte: its examples are encoded anew and compared, and read back. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { decodeFileHeader, decodeRecord, encodeFileHeader, encodeRecord } from '../../src/log/record.ts';
import { type Batch, encodeBatch } from '../../src/model/batch.ts';
import type { ControlEvent } from '../../src/model/control.ts';
import { COUNT, LL5 } from '../../src/model/grid.ts';
import { ENTRY_BYTES_MAX } from '../../src/model/limits.ts';
import { decodeEntry, encodeControlEntry, encodeReportEntry, readBatch } from '../../src/model/report.ts';
import { CellsBuffer } from '../../src/model/series.ts';

const doc = readFileSync(new URL('../../docs/REPORT_FORMAT.md', import.meta.url), 'utf8');

/** The bytes of a dump in the document, as hexadecimal text. */
function dump(name: string): string {
  const found = new RegExp(`\`\`\`hexdump ${name}\n([^\`]*)\`\`\``).exec(doc);
  return found![1]!.replaceAll(/#.*$/gm, '').replaceAll(/\s/g, '');
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const batch: Batch = {
  source: { host: 'web3', driver: 'node', incarnation: '0123456789abcdef' },
  sequence: 300,
  second: Date.parse('2026-11-22T03:02:07Z') / 1000,
  reports: [
    {
      instrumentation: 'checkout',
      grid: LL5,
      partial: false,
      dropped: 0,
      rows: [
        { key: ['/pay'], histogram: { buckets: [31, 33, 1000], counts: [1, 300, 2] } },
        { key: ['(other)'], histogram: { buckets: [0], counts: [5] } },
      ],
    },
    {
      instrumentation: 'load',
      grid: COUNT,
      partial: true,
      dropped: 2,
      rows: [{ key: [], histogram: { buckets: [0], counts: [12] } }],
    },
  ],
};
const event: ControlEvent = { kind: 'instrumentation-dropped', id: 'checkout' };

it('says the bytes of an entry of reports', () => {
  expect(hex(encodeReportEntry([encodeBatch(batch)]))).toBe(dump('entry'));
  const entry = decodeEntry(Buffer.from(dump('entry'), 'hex'));
  expect(
    entry.kind === 'reports' && entry.batches.map((view) => readBatch(view, () => new CellsBuffer())),
  ).toEqual([batch]);
});

it('says the bytes of a control event', () => {
  expect(hex(encodeControlEntry(event))).toBe(dump('control'));
  expect(decodeEntry(Buffer.from(dump('control'), 'hex'))).toEqual({ kind: 'control', event });
});

it('says the bytes of a log file', () => {
  const header = {
    identity: '3f2a1b4c-5d6e-4f70-8192-a3b4c5d6e7f8',
    firstOffset: 4096,
    createdMs: 1795316527123,
  };
  const payload = encodeControlEntry(event);
  const record = Buffer.alloc(28 + payload.length);
  encodeRecord(record, 0, { offset: 4096, arrivedMs: 1795316528005, payload }, 0);
  expect(hex(encodeFileHeader(header)) + hex(record)).toBe(dump('file'));
  const bytes = Buffer.from(dump('file'), 'hex');
  expect(decodeFileHeader(bytes)).toEqual(header);
  expect(decodeRecord(bytes, 48, 4096)).toMatchObject({
    kind: 'record',
    entry: { arrivedMs: 1795316528005 },
  });
});

it('names every kind of control event, and the limit of an entry', () => {
  const kinds: { readonly [kind in ControlEvent['kind']]: true } = {
    'instrumentation-created': true,
    'instrumentation-changed': true,
    'instrumentation-paused': true,
    'instrumentation-resumed': true,
    'instrumentation-expired': true,
    'instrumentation-dropped': true,
    'range-pinned': true,
    'range-unpinned': true,
    'space-reclaimed': true,
    'instrumenter-online': true,
    'source-offline': true,
  };
  for (const kind of Object.keys(kinds)) expect(doc).toContain(`| \`${kind}\` |`);
  expect(doc).toContain(`1 to ${ENTRY_BYTES_MAX.toLocaleString('en')} bytes`);
});
