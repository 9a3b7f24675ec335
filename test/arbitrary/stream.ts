/** Random streams: what well-behaved sources say of one instrumentation over some seconds, in the order in which
 *  it happens. Each source numbers its batches 0, 1, 2 ..., now and then it restarts as a new incarnation. */
import fc from 'fast-check';
import type { Grid } from '../../src/model/grid.ts';
import { keyText } from '../../src/model/key.ts';
import type { Batch, Row } from '../../src/model/report.ts';
import { arbitraryHistogram } from './histogram.ts';
import { arbitraryKey } from './key.ts';

export interface StreamShape {
  readonly instrumentation: string;
  readonly grid: Grid;
  /** Discrete fields of the keys. */
  readonly fields: number;
  readonly fromSecond: number;
  /** Seconds that the stream spans at most; 20 by default. */
  readonly secondsMax?: number;
  /** Sources at most, each with a host of its own; 3 by default. */
  readonly sourcesMax?: number;
  /** Largest count of a bucket. */
  readonly countMax?: number;
}

interface Life {
  readonly restarts: boolean;
  readonly rows: readonly Row[];
}

export function arbitraryStream(shape: StreamShape): fc.Arbitrary<Batch[]> {
  const { instrumentation, grid, fields, fromSecond, secondsMax = 20, sourcesMax = 3, countMax } = shape;
  const histogram = arbitraryHistogram(grid, countMax === undefined ? {} : { countMax });
  const rows = fc.uniqueArray(fc.record({ key: arbitraryKey(fields), histogram }), {
    maxLength: 3,
    selector: (row) => keyText(row.key),
  });
  const life = fc.record({ restarts: fc.nat(9).map((n) => n === 9), rows });
  const said = fc.array(fc.option(life, { nil: undefined, freq: 6 }), { maxLength: secondsMax });
  const sources = fc.array(said, { minLength: 1, maxLength: sourcesMax });
  return sources.map((lives) =>
    lives
      .flatMap((seconds, s) => spoken(seconds, s, { instrumentation, grid, fromSecond }))
      .toSorted((a, b) => a.second - b.second),
  );
}

function spoken(
  seconds: readonly (Life | undefined)[],
  source: number,
  { instrumentation, grid, fromSecond }: Pick<StreamShape, 'instrumentation' | 'grid' | 'fromSecond'>,
): Batch[] {
  const batches: Batch[] = [];
  let incarnation = 1;
  let sequence = 0;
  seconds.forEach((life, i) => {
    if (life === undefined) return;
    if (life.restarts) [incarnation, sequence] = [incarnation + 1, 0];
    const { rows } = life;
    batches.push({
      source: {
        host: `host-${source}`,
        driver: 'stream',
        incarnation: (incarnation * 16 + source).toString(16).padStart(16, '0'),
      },
      sequence: sequence++,
      second: fromSecond + i,
      reports: [{ instrumentation, grid, partial: false, dropped: 0, rows }],
    });
  });
  return batches;
}
