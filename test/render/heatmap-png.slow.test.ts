/** Pictures, read back pixel by pixel and compared with what the raster says. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { referenceKernel } from '../../src/kernel/reference.ts';
import type { Overlay, Raster } from '../../src/model/raster.ts';
import { hueRamp, LEVELS } from '../../src/render/colour.ts';
import { heatmapPng } from '../../src/render/heatmap-png.ts';
import { levelOf, occupiedBins, thresholdsOf } from '../../src/render/levels.ts';
import { mixOf } from '../../src/render/mix.ts';
import { DRAW_DEFAULTS, type DrawOptions } from '../../src/render/options.ts';
import { rampsOf } from '../../src/render/ramps.ts';
import { themeColour } from '../../src/render/theme.ts';
import { arbitraryRaster } from './arbitrary-raster.ts';
import { type DecodedPng, decodePng } from './decode-png.ts';
import { columnQuantile, sampleRaster } from './sample-raster.ts';

const small = arbitraryRaster({ columnsMax: 24, rowsMax: 16, huesMax: 9 });
const look = fc.record({
  theme: fc.constantFrom('dark' as const, 'light' as const),
  color: fc.constantFrom('rank' as const, 'linear' as const, 'sqrt' as const, 'log' as const),
  scale: fc.constantFrom(1 as const, 2 as const),
});

function draw(raster: Raster, options: Partial<DrawOptions> = {}): DecodedPng {
  return decodePng(heatmapPng(raster, { ...DRAW_DEFAULTS, ...options }, referenceKernel));
}

/** A picture whose edge rows hold no marks. */
function unmarked(raster: Raster): Raster {
  return { ...raster, under: new Float64Array(raster.columns), over: new Float64Array(raster.columns) };
}

interface PixelMap {
  plot: { x: number; y: number; width: number; height: number };
  columns: number;
  rows: number;
  thresholds: number[];
  hues: { key: string[] | null; index: number; color: string }[];
  y: { edges: number[] };
}

function mapOf(picture: DecodedPng): PixelMap {
  return JSON.parse(picture.texts.get('tailglow')!) as PixelMap;
}

/** Sum and largest hue at a pixel of a plain picture, straight from the raster. */
function cellAt(raster: Raster, x: number, y: number, picture: DecodedPng): { sum: number; hue: number } {
  const column = Math.floor((x * raster.columns) / picture.width);
  const row = raster.rows - 1 - Math.floor((y * raster.rows) / picture.height);
  const counts = raster.hues.map((_, h) => raster.cells[(h * raster.columns + column) * raster.rows + row]!);
  return { sum: counts.reduce((a, b) => a + b, 0), hue: counts.indexOf(Math.max(...counts)) };
}

test('the bytes of a picture depend on it alone, whatever was drawn before', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(small, look, fc.boolean()), { minLength: 2, maxLength: 4 }), (pictures) => {
      const drawAll = (): Uint8Array[] =>
        pictures.map(([raster, options, plain]) =>
          heatmapPng(raster, { ...DRAW_DEFAULTS, ...options, plain }, referenceKernel),
        );
      const first = drawAll();
      const kept = first.map((png) => Buffer.from(png));
      const areKept = (pngs: readonly Uint8Array[]): boolean => pngs.every((png, i) => kept[i]!.equals(png));
      expect(areKept(drawAll())).toBe(true);
      // What was given out is not drawn over.
      expect(areKept(first)).toBe(true);
    }),
    { numRuns: 15 },
  );
});

describe('a plain picture', () => {
  test('shows at each pixel the hue of the largest key and the level of the sum', () => {
    fc.assert(
      fc.property(small, look, (r, options) => {
        const raster = unmarked(r);
        const picture = draw(raster, { ...options, width: 30, height: 20, plain: true });
        const { ramps, rampOfHue } = rampsOf(raster, { ...DRAW_DEFAULTS, theme: options.theme });
        const bins = occupiedBins(mixOf(raster.cells, raster.hues.length).sums);
        const thresholds = thresholdsOf(options.color, bins);
        const faults: string[] = [];
        expect([picture.width, picture.height]).toEqual([30 * options.scale, 20 * options.scale]);
        for (let y = 0; y < picture.height; y++) {
          for (let x = 0; x < picture.width; x++) {
            const { sum, hue } = cellAt(raster, x, y, picture);
            const index = picture.pixels[y * picture.width + x]!;
            const right =
              sum === 0
                ? index === 0 || index > ramps.length * LEVELS
                : picture.palette[index]!.join() ===
                  ramps[rampOfHue[hue]!]![levelOf(sum, thresholds)]!.join();
            if (!right) faults.push(`${x}, ${y}: index ${index} for ${sum} of hue ${hue}`);
          }
        }
        expect(faults).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  test('has the background where the count is zero, and only there', () => {
    fc.assert(
      fc.property(small, look, (r, options) => {
        const raster = unmarked({
          ...r,
          coverage: {
            ...r.coverage,
            reporting: r.coverage.reporting.map(() => 3),
            expecting: r.coverage.expecting.map(() => 3),
          },
        });
        const picture = draw(raster, { ...options, width: 24, height: 16, plain: true });
        const zeros = Array.from(picture.pixels, (_, i) => {
          const { sum } = cellAt(raster, i % picture.width, Math.floor(i / picture.width), picture);
          return sum === 0;
        });
        expect(Array.from(picture.pixels, (index) => index === 0)).toEqual(zeros);
        expect(picture.palette[0]).toEqual(themeColour(options.theme, 'zero'));
      }),
      { numRuns: 60 },
    );
  });

  test('of double size is the single one with each cell doubled', () => {
    const raster = sampleRaster({
      columns: 40,
      rows: 20,
      keys: [['a'], ['b']],
      fields: ['k'],
      perColumn: 30,
    });
    const once = draw(raster, { width: 80, height: 40, plain: true });
    const twice = draw(raster, { width: 80, height: 40, plain: true, scale: 2 });
    const at = (x: number, y: number): number => once.pixels[(y >> 1) * 80 + (x >> 1)]!;
    expect(twice.pixels).toEqual(
      Uint8Array.from({ length: 160 * 80 }, (_, i) => at(i % 160, Math.floor(i / 160))),
    );
  });

  test('smaller than its raster shows sums: no count becomes background', () => {
    const columns = 90;
    const base = sampleRaster({ columns, rows: 60, keys: [], fields: [], perColumn: 0 });
    for (let column = 0; column < columns; column++) {
      const cells = new Float64Array(columns * 60);
      cells[column * 60 + 31] = 1;
      const picture = draw({ ...base, cells, total: 1 }, { width: 20, height: 10, plain: true });
      expect([...picture.pixels].filter((index) => index > 0)).toHaveLength(1);
    }
  });

  test('more hues than a byte can hold are drawn, the small ones as one grey', () => {
    const keys = Array.from({ length: 40 }, (_, k) => [`key${k}`]);
    const raster = sampleRaster({ columns: 20, rows: 10, keys, fields: ['k'], perColumn: 400 });
    const picture = draw(raster, { width: 20, height: 10, plain: true });
    picture.pixels.forEach((index, i) => {
      expect(index > 0).toBe(cellAt(raster, i % 20, Math.floor(i / 20), picture).sum > 0);
    });
    expect(new Set(mapOf(picture).hues.map((h) => h.index)).size).toBe(7);
  });
});

test('the same raster and options give the same bytes', () => {
  fc.assert(
    fc.property(small, look, (raster, options) => {
      const bytes = (): Uint8Array =>
        heatmapPng(raster, { ...DRAW_DEFAULTS, ...options, width: 40, height: 30 }, referenceKernel);
      expect(bytes()).toEqual(bytes());
    }),
    { numRuns: 20 },
  );
});

describe('a full picture', () => {
  const raster = sampleRaster({
    columns: 120,
    rows: 60,
    keys: [['/checkout'], ['/cart'], undefined].filter((k) => k !== undefined),
    fields: ['route'],
    perColumn: 60,
  });
  const options = { width: 240, height: 120 };

  test('holds the plain body, with grid lines where it is empty', () => {
    const full = draw(unmarked(raster), options);
    const plain = draw(unmarked(raster), { ...options, plain: true });
    const { plot } = mapOf(full);
    const empty = [themeColour('dark', 'zero').join(), themeColour('dark', 'grid').join()];
    const faults: string[] = [];
    for (let y = 0; y < plot.height; y++) {
      for (let x = 0; x < plot.width; x++) {
        const index = full.pixels[(plot.y + y) * full.width + plot.x + x]!;
        const bare = plain.pixels[y * plain.width + x]!;
        const right = bare !== 0 ? index === bare : empty.includes(full.palette[index]!.join());
        if (!right) faults.push(`${x}, ${y}: ${index} for ${bare}`);
      }
    }
    expect(faults).toEqual([]);
  });

  test('maps a pixel back to time, value and key', () => {
    const full = draw(raster, { ...options, scale: 2 });
    const map = mapOf(full);
    expect(map.plot.width).toBe(480);
    expect(map.y.edges).toEqual(raster.y.edges);
    const spot = { column: 60, row: 20 };
    const x = map.plot.x + Math.floor(((spot.column + 0.5) / map.columns) * map.plot.width);
    const y = map.plot.y + Math.floor((1 - (spot.row + 0.5) / map.rows) * map.plot.height);
    const index = full.pixels[y * full.width + x]!;
    const counts = raster.hues.map((_, h) => raster.cells[(h * 120 + spot.column) * 60 + spot.row]!);
    const sum = counts.reduce((a, b) => a + b, 0);
    expect(sum).toBeGreaterThan(0);
    const hue = map.hues.toSorted((a, b) => b.index - a.index).find((h) => h.index <= index)!;
    expect(hue.key).toEqual(raster.hues[counts.indexOf(Math.max(...counts))]!.key);
    expect(index - hue.index).toBe(map.thresholds.filter((t) => t <= sum).length);
    expect(
      `#${full.palette[hue.index + LEVELS - 1]!.map((c) => c.toString(16).padStart(2, '0')).join('')}`,
    ).toBe(hue.color);
  });

  test('has text: strong pixels in title, axis labels and legend', () => {
    const full = draw(raster, options);
    const { plot } = mapOf(full);
    const ink = full.palette.length - 1;
    const strong = (from: { x: number; y: number }, until: { x: number; y: number }): number => {
      let n = 0;
      for (let y = from.y; y < until.y; y++) {
        for (let x = from.x; x < until.x; x++) if (full.pixels[y * full.width + x]! > ink - 8) n++;
      }
      return n;
    };
    const { width, height } = full;
    expect(strong({ x: 0, y: 0 }, { x: width, y: plot.y - 20 })).toBeGreaterThan(200);
    expect(strong({ x: 0, y: plot.y }, { x: plot.x - 6, y: plot.y + plot.height })).toBeGreaterThan(50);
    expect(
      strong({ x: 0, y: plot.y + plot.height + 6 }, { x: width, y: plot.y + plot.height + 30 }),
    ).toBeGreaterThan(50);
    expect(strong({ x: plot.x, y: plot.y + plot.height + 36 }, { x: width, y: height })).toBeGreaterThan(50);
  });

  test('is drawn at any size, over any raster', () => {
    fc.assert(
      fc.property(
        small,
        fc.integer({ min: 10, max: 120 }),
        fc.integer({ min: 10, max: 120 }),
        (r, width, height) => {
          const full = draw(
            { ...r, overlays: [{ name: 'p50', values: columnQuantile(r, 0.5) }] },
            { width, height, title: 'x'.repeat(80) },
          );
          const { plot } = mapOf(full);
          expect([plot.width, plot.height]).toEqual([width, height]);
          expect(plot.x + plot.width).toBeLessThanOrEqual(full.width);
          expect(plot.y + plot.height).toBeLessThan(full.height);
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('what is no count', () => {
  const empty = sampleRaster({ columns: 40, rows: 20, keys: [], fields: [], perColumn: 0 });
  const options = { width: 80, height: 40, plain: true } as const;
  const colours = (picture: DecodedPng, x: number): Set<string> =>
    new Set(
      Array.from({ length: picture.height }, (_, y) =>
        picture.palette[picture.pixels[y * picture.width + x]!]!.join(),
      ),
    );

  test('columns that nobody was expected to report are unknown, not zero', () => {
    const reporting = empty.coverage.reporting.map((n, c) => (c < 10 ? -1 : n));
    const expecting = empty.coverage.expecting.map((n, c) => (c < 10 ? 0 : n));
    const picture = draw({ ...empty, coverage: { ...empty.coverage, reporting, expecting } }, options);
    const zero = themeColour('dark', 'zero').join();
    expect(colours(picture, 19)).not.toContain(zero);
    expect(colours(picture, 20)).toEqual(new Set([zero]));
  });

  test('incomplete columns are hatched', () => {
    const reporting = empty.coverage.reporting.map((n, c) => (c < 10 ? 3 : n));
    const picture = draw({ ...empty, coverage: { ...empty.coverage, reporting } }, options);
    expect(colours(picture, 5)).toEqual(
      new Set([themeColour('dark', 'zero').join(), themeColour('dark', 'hatch').join()]),
    );
    expect(colours(picture, 20).size).toBe(1);
  });

  test('counts beyond the axis leave a mark in their column', () => {
    const over = new Float64Array(40);
    const under = new Float64Array(40);
    over[3] = 2;
    under[7] = 1;
    const picture = draw({ ...empty, over, under }, options);
    const mark = themeColour('dark', 'mark').join();
    const marked = (y: number): number[] =>
      Array.from({ length: 80 }, (_, x) => x).filter(
        (x) => picture.palette[picture.pixels[y * 80 + x]!]!.join() === mark,
      );
    expect(marked(0)).toEqual([6, 7]);
    expect(marked(39)).toEqual([14, 15]);
  });

  test('a mark is as strong as a cell of that count', () => {
    const over = Float64Array.from({ length: 40 }, (_, c) => [0, 1, 8, 200][c] ?? 0);
    const cells = Float64Array.from(empty.cells, (_, i) => (i < 20 ? [1, 8, 200][i % 3]! : 0));
    const picture = draw({ ...empty, cells, over }, options);
    const { thresholds } = mapOf(picture);
    const at = (x: number, y: number): string => picture.palette[picture.pixels[y * 80 + x]!]!.join();
    const ramp = hueRamp(themeColour('dark', 'mark'), 'dark').map((colour) => colour.join());
    const wanted = [1, 8, 200].map((count) => ramp[levelOf(count, Float64Array.from(thresholds))]);
    expect([at(2, 0), at(4, 0), at(6, 0)]).toEqual(wanted);
    expect(new Set(wanted).size).toBe(3);
    expect(wanted[2]).toBe(themeColour('dark', 'mark').join());
  });

  const level = (row: number): Float64Array => new Float64Array(40).fill(empty.y.edges[row]!);
  const linePixels = (overlay: Partial<Overlay>): Set<string> => {
    const picture = draw(
      { ...empty, overlays: [{ name: 'p99', values: level(10), ...overlay }] },
      { width: 81, height: 40, plain: true },
    );
    const line = themeColour('dark', 'line').join();
    const at = Array.from(picture.pixels.keys()).filter(
      (i) => picture.palette[picture.pixels[i]!]!.join() === line,
    );
    return new Set(at.map((i) => `${i % 81},${Math.floor(i / 81)}`));
  };
  const row = (set: Set<string>, y: number): number => [...set].filter((at) => at.endsWith(`,${y}`)).length;

  test('few events break the line, from a hundred on it is whole', () => {
    const of = (counts: number): number => linePixels({ counts: new Float64Array(40).fill(counts) }).size;
    expect(of(100)).toBe(linePixels({}).size);
    expect(of(99) / of(100)).toBeGreaterThan(0.4);
    expect(of(99) / of(100)).toBeLessThan(0.6);
  });

  test('bounds are dotted: those from the number of events where there are any, none where none is known', () => {
    const unknown = new Float64Array(40).fill(NaN);
    const bare = linePixels({});
    const near = linePixels({ low: level(8), high: level(12) });
    expect([row(near, 24), row(near, 16), row(near, 20)]).toEqual([27, 27, row(bare, 20)]);
    const wide = linePixels({ low: level(8), high: level(12), sampleLow: level(5), sampleHigh: unknown });
    expect([row(wide, 30), row(wide, 24), row(wide, 16), wide.size]).toEqual([27, 0, 0, bare.size + 27]);
  });

  test('an overlay is a line through its values, broken where there is none', () => {
    const values = Float64Array.from({ length: 40 }, (_, c) =>
      c >= 20 && c < 30 ? NaN : empty.y.edges[10]!,
    );
    const picture = draw({ ...empty, overlays: [{ name: 'p99', values }] }, options);
    const line = themeColour('dark', 'line').join();
    const at = (x: number): number[] =>
      Array.from({ length: 40 }, (_, y) => y).filter(
        (y) => picture.palette[picture.pixels[y * 80 + x]!]!.join() === line,
      );
    expect(at(11)).toEqual([20]);
    expect(at(50)).toEqual([]);
  });
});

test('levels of a picture, as characters', async () => {
  const raster = sampleRaster({ columns: 72, rows: 24, keys: [], fields: [], perColumn: 40 });
  const picture = draw(raster, { width: 72, height: 24, plain: true });
  const text = Array.from({ length: 24 }, (_, y) =>
    Array.from(picture.pixels.subarray(y * 72, (y + 1) * 72), (i) =>
      i === 0 ? '.' : i <= LEVELS ? (i - 1).toString(36) : '^',
    )
      .join('')
      .trimEnd(),
  );
  await expect(`${text.join('\n')}\n`).toMatchFileSnapshot('../golden/render-levels.txt');
});
