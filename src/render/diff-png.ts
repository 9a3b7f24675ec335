/** Two layers against each other as a palette PNG: orange where the first has more, blue where it has less, grey where
 *  the difference may be luck. */
import type { Kernel } from '../kernel/kernel.ts';
import type { DiffLayer, DiffRaster } from '../model/raster.ts';
import { hexOf } from './colour.ts';
import { diffRasterAsHues, diffView, LESS, LUCK, MORE } from './diff-view.ts';
import { formatCount, formatRange, formatSpan } from './format.ts';
import type { DrawOptions } from './options.ts';
import { picturePng, plotRect } from './picture-png.ts';
import { latinJson } from './png.ts';
import { titleText, type Words } from './words.ts';

export function diffPng(diff: DiffRaster, options: DrawOptions, kernel: Kernel): Uint8Array {
  const raster = diffRasterAsHues(diff);
  const view = diffView(diff, raster, options, { columns: options.width, rows: options.height });
  return picturePng({
    raster,
    view,
    words: () => diffWords(diff, options),
    options,
    kernel,
    description: diffDescription(diff, options),
    pixelMap: (layout) =>
      latinJson({
        metric: diff.metric,
        from: diff.fromSecond,
        until: diff.untilSecond,
        columnSeconds: diff.columnSeconds,
        columns: diff.columns,
        rows: diff.rows,
        y: diff.y,
        plot: plotRect(layout, options.scale),
        scale: options.scale,
        a: { label: diff.a.label, color: hexOf(view.ramps[MORE]!.at(-1)!) },
        b: { label: diff.b.label, color: hexOf(view.ramps[LESS]!.at(-1)!) },
      }),
  });
}

export function diffDescription(diff: DiffRaster, options: Pick<DrawOptions, 'title'>): string {
  const { title, subtitle } = diffWords(diff, options);
  return `${title}. ${subtitle}.`;
}

export function diffWords(diff: DiffRaster, options: Pick<DrawOptions, 'title'>): Words {
  const { metric, a, b, columnSeconds, tested } = diff;
  const [more, less] = [1, -1].map((sign) => significantCells(diff, sign));
  return {
    title: titleText(options.title ?? `${metric}: ${a.label} against ${b.label}`),
    subtitle: [
      ...layerRanges(a, b),
      `${formatCount(more! + less!)} of ${formatCount(tested)} cells differ`,
      `${formatSpan(columnSeconds)} a column`,
      `${formatCount(a.total)} and ${formatCount(b.total)} counted`,
    ].join('  ·  '),
    legend: [
      { ramp: MORE, label: `larger share in ${a.label}`, count: more! },
      { ramp: LESS, label: `larger share in ${b.label}`, count: less! },
      { ramp: LUCK, label: 'may be luck', count: tested - more! - less! },
    ],
    scale: { low: 'alike', high: 'in one only', ramp: LUCK },
  };
}

/** One where both are the same; the second date only where it differs. */
function layerRanges(a: DiffLayer, b: DiffLayer): string[] {
  const [first, second] = [a, b].map((layer) => formatRange(layer.fromSecond, layer.untilSecond)) as [
    string,
    string,
  ];
  if (first === second) return [first];
  const date = first.slice(0, 11);
  return [first, second.startsWith(date) ? second.slice(11) : second];
}

function significantCells({ score, significant }: DiffRaster, sign: number): number {
  return score.reduce((n, value, i) => n + (significant[i] === 1 && value * sign > 0 ? 1 : 0), 0);
}
