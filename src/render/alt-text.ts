/** A heatmap in words, for those who do not see it and for whoever finds the file later: what was counted, when,
 *  by which keys, where most of it lies. Pure: the same raster gives the same text. */
import type { Kernel } from '../kernel/kernel.ts';
import { referenceKernel } from '../kernel/reference.ts';
import { calledText } from '../model/key.ts';
import type { Raster } from '../model/raster.ts';
import { sumOf } from '../model/sum.ts';
import { formatCount, formatRange, formatSpan, formatValue } from './format.ts';
import { sumsOf } from './mix.ts';
import { cleanText } from './text-width.ts';

/** Hues told; a picture has at most seven. */
const HUES_TOLD = 7;
/** Of what is on the axis. */
const RANKS = [0.5, 0.99];

type AltKernel = Pick<Kernel, 'rowSums'>;

export function altText(raster: Raster, kernel: AltKernel = referenceKernel): string {
  return [
    opening(raster),
    `${formatCount(raster.total)} counted.`,
    ...huesText(raster),
    ...spreadText(raster, kernel),
    ...outsideText(raster),
    ...coverageText(raster),
  ].join(' ');
}

function opening(raster: Raster): string {
  const { metric, hueFields, fromSecond, untilSecond, columnSeconds, y } = raster;
  const by = hueFields.length === 0 ? '' : ` by ${hueFields.join(', ')}`;
  const axis = `${formatValue(y.edges[0]!, y)} to ${formatValue(y.edges.at(-1)!, y)}`;
  return (
    `Heatmap of ${metric}${by}, ${formatRange(fromSecond, untilSecond)}, ` +
    `${formatSpan(columnSeconds)} a column, ${axis} on a ${y.scale} axis.`
  );
}

function huesText({ hueFields, hues, total }: Raster): string[] {
  if (hueFields.length === 0 || total === 0) return [];
  const told = hues
    .filter(({ count }) => count > 0)
    .toSorted((a, b) => b.count - a.count)
    .slice(0, HUES_TOLD)
    .map(
      ({ key, names, count }) =>
        `${cleanText(key?.map((value, i) => calledText(value, names?.[i])).join(', ') ?? 'other')} ${percent(count / total)}`,
    );
  return told.length === 0 ? [] : [`${told.join('; ')}.`];
}

/** Below which row edge so much of what is on the axis lies. */
function spreadText(raster: Raster, kernel: AltKernel): string[] {
  const { y, rows, columns } = raster;
  const sums = new Float64Array(rows);
  kernel.rowSums(sumsOf(raster), { columns: raster.hues.length === 0 ? 0 : columns, rows }, sums);
  const all = sumOf(sums);
  if (all === 0) return [];
  const told = RANKS.map((rank) => {
    let row = 0;
    for (let below = sums[0]!; below < rank * all && row < rows - 1; below += sums[row]!) row++;
    return `${percent(rank)} below ${formatValue(y.edges[row + 1]!, y)}`;
  });
  return [`${told.join(', ')}.`];
}

function outsideText({ under, over }: Raster): string[] {
  const told = [
    { count: sumOf(over), where: 'above' },
    { count: sumOf(under), where: 'below' },
  ].flatMap(({ count, where }) => (count > 0 ? [`${formatCount(Math.ceil(count))} ${where} the axis`] : []));
  return told.length === 0 ? [] : [`${told.join(', ')}.`];
}

function coverageText({ coverage, columns }: Raster): string[] {
  const { expected, missing, revised, reporting } = coverage;
  const unknown = reporting.filter((sources) => sources < 0).length;
  return [
    ...(missing.length > 0 ? [`${missing.length} of ${expected} sources are incomplete.`] : []),
    ...(unknown > 0 ? [`Nothing is known of ${unknown} of ${columns} columns.`] : []),
    ...(revised.length > 0 ? [`${revised.length} columns were revised by late data.`] : []),
  ];
}

function percent(share: number): string {
  const value = share * 100;
  return `${value > 0 && value < 1 ? '<1' : Math.round(value)} %`;
}
