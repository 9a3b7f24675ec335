/** Random sources, reports and batches, as a well-behaved instrumenter sends them. */
import fc from 'fast-check';
import { keyText } from '../../src/model/key.ts';
import type { Batch, Report, Source } from '../../src/model/report.ts';
import { arbitraryGrid } from './grid.ts';
import { arbitraryHistogram } from './histogram.ts';
import { arbitraryKey } from './key.ts';

export const arbitraryId: fc.Arbitrary<string> = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,20}$/);

export const arbitrarySecond: fc.Arbitrary<number> = fc.integer({ min: 1_700_000_000, max: 1_900_000_000 });

export const arbitrarySource: fc.Arbitrary<Source> = fc.record({
  host: fc.constantFrom('web1', 'web2', 'db-3', 'höst.example'),
  driver: fc.constantFrom('bpf', 'node', 'otlp', 'proc'),
  incarnation: fc.stringMatching(/^[0-9a-f]{16}$/),
});

export const arbitraryReport: fc.Arbitrary<Report> = fc
  .tuple(arbitraryGrid, fc.nat(3))
  .chain(([grid, fieldCount]) =>
    fc.record({
      instrumentation: arbitraryId,
      grid: fc.constant(grid),
      partial: fc.boolean(),
      dropped: fc.oneof(fc.constant(0), fc.maxSafeNat()),
      rows: fc.uniqueArray(
        fc.record({ key: arbitraryKey(fieldCount), histogram: arbitraryHistogram(grid) }),
        { maxLength: 6, selector: (row) => keyText(row.key) },
      ),
    }),
  );

export const arbitraryBatch: fc.Arbitrary<Batch> = fc.record({
  source: arbitrarySource,
  sequence: fc.nat(),
  second: arbitrarySecond,
  reports: fc.array(arbitraryReport, { maxLength: 4 }),
});
