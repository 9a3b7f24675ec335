/** Reads Prometheus' text format, 0.0.4 and OpenMetrics 1.0, into families. A line that is none is counted and skipped,
 *  as what stands around it is still good; time stamps and exemplars are read over. Pure; linear in the text. */
import { type Family, type FamilyType, numberOf, type Series } from './exposition.ts';

export interface Exposition {
  readonly families: readonly Family[];
  /** Lines that are no sample and no comment. */
  readonly oddLines: number;
}

const TYPES: Readonly<Record<string, FamilyType>> = {
  counter: 'counter',
  gauge: 'gauge',
  histogram: 'histogram',
  summary: 'summary',
  gaugehistogram: 'gaugehistogram',
  info: 'gauge',
  stateset: 'gauge',
  unknown: 'untyped',
  untyped: 'untyped',
};
/** What a sample's name may add to its family's. */
const SUFFIXES: Readonly<Record<FamilyType, readonly string[]>> = {
  counter: ['_total', '_created'],
  gauge: ['_info'],
  histogram: ['_bucket', '_count', '_sum', '_created'],
  summary: ['_count', '_sum', '_created'],
  gaugehistogram: ['_bucket', '_gcount', '_gsum'],
  untyped: [],
};
const LABELS_MAX = 64;
/** UTF-16 units of a line: far longer than any sample with its exemplar. */
const LINE_MAX = 65_536;

export function parseText(text: string): Exposition {
  const families = new Map<string, { name: string; type: FamilyType; series: Series[] }>();
  let oddLines = 0;
  for (let start = 0; start < text.length;) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(start, text[end - 1] === '\r' ? end - 1 : end);
    start = end + 1;
    if (line.startsWith('#')) {
      const [, keyword, name = '', type = ''] = line.split(/[ \t]+/, 4);
      if (keyword === 'TYPE') families.set(name, { name, type: TYPES[type] ?? 'untyped', series: [] });
    } else if (line.trim() !== '') {
      const sample = parseSample(line);
      if (sample === undefined) oddLines++;
      else familyOf(families, sample.name).series.push(sample);
    }
  }
  return { families: [...families.values()].filter(({ series }) => series.length > 0), oddLines };
}

type Open = { name: string; type: FamilyType; series: Series[] };

function familyOf(families: Map<string, Open>, name: string): Open {
  const exact = families.get(name);
  if (exact !== undefined) return exact;
  const cut = name.lastIndexOf('_');
  const stem = families.get(name.slice(0, cut));
  if (stem !== undefined && SUFFIXES[stem.type].includes(name.slice(cut))) return stem;
  const family: Open = { name, type: 'untyped', series: [] };
  families.set(name, family);
  return family;
}

function parseSample(line: string): Series | undefined {
  if (line.length > LINE_MAX) return undefined;
  const name = /^[ \t]*([a-zA-Z_:][a-zA-Z0-9_:]*)/.exec(line);
  if (name === null) return undefined;
  const labels = new Map<string, string>();
  let at = name[0].length;
  while (line[at] === ' ' || line[at] === '\t') at++;
  if (line[at] === '{') {
    at = parseLabels(line, at + 1, labels);
    if (at < 0) return undefined;
  } else if (at === name[0].length) return undefined;
  const value = /^[ \t]*([^ \t]+)/.exec(line.slice(at))?.[1];
  if (value === undefined) return undefined;
  const number = numberOf(value);
  return Number.isNaN(number) && value.toLowerCase() !== 'nan'
    ? undefined
    : { name: name[1]!, labels, value: number };
}

/** From behind "{" to behind "}"; below 0 where they do not fit. */
function parseLabels(line: string, from: number, labels: Map<string, string>): number {
  const pair = /[ \t,]*(?:([a-zA-Z_][a-zA-Z0-9_.]*)|"((?:[^"\\]|\\.)*)")[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"/y;
  let at = from;
  for (;;) {
    const close = /[ \t,]*\}/y;
    close.lastIndex = at;
    if (close.test(line)) return close.lastIndex;
    pair.lastIndex = at;
    const found = pair.exec(line);
    if (found === null || labels.size >= LABELS_MAX) return -1;
    labels.set(found[1] ?? unescaped(found[2]!), unescaped(found[3]!));
    at = pair.lastIndex;
  }
}

function unescaped(text: string): string {
  return text.includes('\\') ? text.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c)) : text;
}
