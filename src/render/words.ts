/** What stands around a heatmap in words: title, subtitle, legend, what the strength of a colour means. Pure; where the
 *  words stand is layout.ts's. */
import type { Raster } from '../model/raster.ts';
import { sumOf } from '../model/sum.ts';
import { formatCount, formatRange, formatSpan } from './format.ts';
import { type DrawOptions, TITLE_MAX } from './options.ts';
import { type LegendEntry, legendEntries } from './ramps.ts';
import { cleanText } from './text-width.ts';
import { scaleEnds, type View } from './view.ts';

export interface Words {
  readonly title: string;
  readonly subtitle: string;
  /** Empty where there is no hue dimension. */
  readonly legend: readonly LegendEntry[];
  /** The ends of a ramp; absent for an empty picture. */
  readonly scale?: { readonly low: string; readonly high: string; readonly ramp: number };
}

export function heatmapWords(raster: Raster, options: Pick<DrawOptions, 'title'>, view: View): Words {
  const ends = scaleEnds(view);
  return {
    title: titleText(options.title ?? defaultTitle(raster)),
    subtitle: subtitleOf(raster),
    legend: legendEntries(raster, view),
    ...(ends === undefined ? {} : { scale: { ...ends, ramp: view.ramps.length - 1 } }),
  };
}

export function titleText(title: string): string {
  return cleanText(title).slice(0, TITLE_MAX);
}

function defaultTitle(raster: Raster): string {
  return raster.hueFields.length === 0 ? raster.metric : `${raster.metric} by ${raster.hueFields.join(', ')}`;
}

function subtitleOf(raster: Raster): string {
  const over = sumOf(raster.over);
  const under = sumOf(raster.under);
  const { expected, missing, revised } = raster.coverage;
  return [
    formatRange(raster.fromSecond, raster.untilSecond),
    `${formatSpan(raster.columnSeconds)} a column`,
    `${formatCount(raster.total)} counted`,
    ...(over > 0 ? [`${formatCount(Math.round(over))} above`] : []),
    ...(under > 0 ? [`${formatCount(Math.round(under))} below`] : []),
    ...(missing.length > 0 ? [`${missing.length} of ${expected} sources incomplete`] : []),
    ...(revised.length > 0 ? [`${revised.length} columns revised`] : []),
  ].join('  ·  ');
}
