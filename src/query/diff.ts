/** The same read at two times, or two keys of it, against each other, cell by cell over one axis.
 *  Shares of each layer's total are compared, so that more traffic alone is no difference. Given that a cell holds a + b
 *  events, a is binomial where both layers have the same share (the conditional test of two Poisson rates): two-sided,
 *  exact, and rather too cautious. Over all cells that hold anything the false discovery rate is kept. */
import { assert } from '../model/assert.ts';
import type { Coverage } from '../model/coverage.ts';
import { keyText } from '../model/key.ts';
import type { DiffLayer, DiffRaster } from '../model/raster.ts';
import type { DiffDrawing } from './checked.ts';
import { drawCells } from './draw-cells.ts';
import { type Axis, axisOf, valueType } from './heatmap.ts';
import type { Sources } from './sources.ts';
import { projectGroups } from './measure.ts';
import { instantText } from './moment.ts';
import { allGroups } from './place-counts.ts';
import type { DiffResult } from './result.ts';
import { type Hues, hueTotals, type Scan } from './scan.ts';
import { discoveryLimit, splitChance } from './significance.ts';
import { secondsText } from './unit.ts';

/** The share of the cells called significant that are expected to be luck. */
export const FALSE_SHARE = 0.05;

/** What a layer is drawn from: those of the sources' groups that have hue 0. */
interface LayerSources {
  readonly sources: Sources;
  readonly hues: Hues;
  readonly label: string;
  readonly fromSecond: number;
  readonly untilSecond: number;
}

/** `earlier`: the sources of the other range, where it is one of time. */
export function diffResult(sources: Sources, draw: DiffDrawing, earlier?: Sources): DiffResult {
  const [a, b] = layersOf(sources, draw, earlier);
  const axis = commonAxis(a, b, draw);
  const [drawnA, drawnB] = [drawnLayer(a, axis), drawnLayer(b, axis)];
  const { plan, scan } = sources;
  const { unit, base, power } = valueType(plan);
  const raster: DiffRaster = {
    metric: plan.metric.name,
    fromSecond: plan.fromSecond,
    untilSecond: plan.untilSecond,
    columnSeconds: plan.columnSeconds,
    columns: plan.columns,
    rows: axis.edges.length - 1,
    y: { scale: axis.scale, unit, base, power, edges: axis.edges },
    grid: scan.grid,
    a: drawnA.layer,
    b: drawnB.layer,
    countsA: drawnA.cells,
    countsB: drawnB.cells,
    ...differences(drawnA, drawnB),
    falseShare: FALSE_SHARE,
  };
  const empty = [raster.a, raster.b].filter(({ total }) => total === 0);
  const notes = empty.map(({ label }) => `nothing is counted in ${label}: there is nothing to compare`);
  return { kind: 'diff', raster, options: draw.picture, notes: [...plan.notes, ...notes] };
}

function layersOf(
  sources: Sources,
  { against }: DiffDrawing,
  earlier?: Sources,
): [LayerSources, LayerSources] {
  const { fromSecond, untilSecond } = sources.plan;
  if (against.kind === 'offset') {
    assert(earlier !== undefined, 'two times have two sources');
    const { plan } = earlier;
    const ago = { fromSecond: plan.fromSecond, untilSecond: plan.untilSecond };
    return [
      {
        sources,
        hues: allGroups(sources.scan),
        label: `from ${instantText(fromSecond)}`,
        fromSecond,
        untilSecond,
      },
      {
        sources: earlier,
        hues: allGroups(earlier.scan),
        label: `${secondsText(against.seconds)} earlier`,
        ...ago,
      },
    ];
  }
  const { fields, keys } = against;
  const all = projectGroups(sources.scan, sources.plan, fields);
  const layer = (key: (typeof keys)[number]): LayerSources => {
    const own = all.keys.findIndex((other) => keyText(other) === keyText(key));
    const hueOfGroup = all.hues.hueOfGroup.map((hue) => (hue === own ? 0 : -1));
    return { sources, hues: { count: 1, hueOfGroup }, label: key.join(', '), fromSecond, untilSecond };
  };
  return [layer(keys[0]), layer(keys[1])];
}

/** Around what there is in either. */
function commonAxis(a: LayerSources, b: LayerSources, { rows }: DiffDrawing): Axis {
  const { scan } = a.sources;
  if (a.sources === b.sources) {
    const hueOfGroup = a.hues.hueOfGroup.map((hue, g) => Math.max(hue, b.hues.hueOfGroup[g]!));
    return axisOf(a.sources, rows, { count: 1, hueOfGroup });
  }
  const other = b.sources.scan;
  const groups = scan.groups.length > other.groups.length ? scan.groups : other.groups;
  const both: Scan = { ...scan, groups, blocks: [...scan.blocks, ...other.blocks] };
  return axisOf({ ...a.sources, scan: both }, rows, allGroups(both));
}

interface DrawnLayer {
  readonly layer: DiffLayer;
  readonly cells: Float64Array;
}

function drawnLayer({ sources, hues, label, fromSecond, untilSecond }: LayerSources, axis: Axis): DrawnLayer {
  const { scan, kernel, known } = sources;
  const buckets = axis.occupied ?? { first: 0, count: 1 };
  const drawing = { edges: axis.edges, buckets, hues, weight: 'count' } as const;
  const { cells, under, over } = drawCells(sources, drawing, true);
  const [total] = hueTotals(scan, hues, kernel);
  const coverage: Coverage = known.coverage;
  return { layer: { label, total: total!, fromSecond, untilSecond, coverage, under, over }, cells };
}

/** |z| of the variance-stabilised roots (Huffman) below which no cell is a discovery at any number of tests: its chance
 *  is above 0.13, and the exact one is larger still. It spares the exact test of most cells. */
const ROOTS_MIN = 1.5;

function differences(
  { layer: a, cells: countsA }: DrawnLayer,
  { layer: b, cells: countsB }: DrawnLayer,
): Pick<DiffRaster, 'score' | 'significant' | 'tested'> {
  const score = new Float64Array(countsA.length);
  const significant = new Uint8Array(countsA.length);
  if (a.total === 0 || b.total === 0) return { score, significant, tested: 0 };
  const part = a.total / (a.total + b.total);
  const chances = new Float64Array(countsA.length).fill(1);
  let tested = 0;
  for (let i = 0; i < countsA.length; i++) {
    const [inA, inB] = [countsA[i]!, countsB[i]!];
    if (inA === 0 && inB === 0) continue;
    tested++;
    const [shareA, shareB] = [inA / a.total, inB / b.total];
    score[i] = (shareA - shareB) / (shareA + shareB);
    if (Math.abs(rootDifference(inA, inB, a.total / b.total)) >= ROOTS_MIN)
      chances[i] = splitChance(inA, inB, part);
  }
  const limit = discoveryLimit(chances, tested, FALSE_SHARE);
  for (let i = 0; i < chances.length; i++) significant[i] = chances[i]! <= limit ? 1 : 0;
  return { score, significant, tested };
}

function rootDifference(a: number, b: number, ratio: number): number {
  return (2 * (Math.sqrt(a + 3 / 8) - Math.sqrt((b + 3 / 8) * ratio))) / Math.sqrt(1 + ratio);
}
