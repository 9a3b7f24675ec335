/** From what each peer found to the bench's rows and its one table: peers across, measures down, each figure with its
 *  ratio to Tailglow's where it is asked the same way: in process, or as a server. Pure. */
import type { BenchRow } from '../bench.ts';
import { type About, type Finding, type Measure, type MeasureId, MEASURES } from './measures.ts';
import type { Peer } from './peer.ts';

export interface Outcome {
  readonly peer: Peer;
  readonly findings: readonly Finding[];
  readonly about?: About;
  /** Why it found nothing more. */
  readonly ended?: string;
}

/** Whom a peer is compared with. */
const REFERENCES: { readonly [place in Peer['place']]: string } = {
  'in process': 'tailglow',
  server: 'tailglow-server',
};

const measures = Object.entries(MEASURES) as readonly (readonly [MeasureId, Measure])[];

export function benchRows(outcomes: readonly Outcome[]): BenchRow[] {
  return outcomes.flatMap((outcome) =>
    measures.flatMap(([id, { name, unit }]): BenchRow[] => {
      const value = valueOf(outcome, id);
      if (value === undefined) return [];
      const runs = outcome.findings.find((finding) => finding.measure === id)?.runs;
      const row = { name: nameOf(outcome, name), value, unit, ...(runs === undefined ? {} : { runs }) };
      const reference = referenceOf(outcome, outcomes);
      const ratio = ratioOf(outcome, outcomes, id);
      if (reference === undefined || ratio === undefined) return [row];
      return [{ ...row, versus: { name: reference.peer.label, ratio, what: 'x' } }];
    }),
  );
}

/** Figures that are not there, and why. */
export function unmeasured(outcomes: readonly Outcome[]): { name: string; reason: string }[] {
  return outcomes.flatMap((outcome) =>
    measures
      .filter(([id]) => valueOf(outcome, id) === undefined)
      .map(([id, { name }]) => ({ name: nameOf(outcome, name), reason: wordsOf(outcome, id) })),
  );
}

/** Two peers are Tailglow, in process and as a server. */
function nameOf({ peer }: Outcome, measure: string): string {
  return `${peer.label}, ${peer.place}: ${measure}`;
}

/** In Markdown. */
export function comparisonTable(outcomes: readonly Outcome[]): string {
  const line = (head: string, cell: (outcome: Outcome) => string): string[] => [head, ...outcomes.map(cell)];
  const rows = [
    line('', ({ peer }) => peer.label),
    line('', ({ peer }) => `${peer.place}${isReference(peer) ? ', = 1' : ''}`),
    line('version', ({ about }) => about?.version ?? ''),
    line('data written', ({ about }) => (about === undefined ? '' : duration(about.seconds))),
    ...measures.map(([id, { name, unit }]) =>
      line(`${name}, ${unit}`, (outcome) => cellText(outcome, outcomes, id)),
    ),
    line('CPU used by others meanwhile, %', ({ about }) =>
      about === undefined ? '' : about.othersPercent.toFixed(0),
    ),
    line('', ({ about }) => about?.remark ?? ''),
  ];
  const [head, ...body] = rows.map((cells) => `| ${cells.join(' | ')} |`);
  return [head, `|${' --- |'.repeat(outcomes.length + 1)}`, ...body].join('\n');
}

function cellText(outcome: Outcome, outcomes: readonly Outcome[], id: MeasureId): string {
  const value = valueOf(outcome, id);
  if (value === undefined) return wordsOf(outcome, id);
  const ratio = ratioOf(outcome, outcomes, id);
  return ratio === undefined ? figure(value) : `${figure(value)} (${times(ratio)})`;
}

function isReference(peer: Peer): boolean {
  return REFERENCES[peer.place] === peer.id;
}

function referenceOf({ peer }: Outcome, outcomes: readonly Outcome[]): Outcome | undefined {
  return isReference(peer) ? undefined : outcomes.find((other) => other.peer.id === REFERENCES[peer.place]);
}

function ratioOf(outcome: Outcome, outcomes: readonly Outcome[], id: MeasureId): number | undefined {
  const value = valueOf(outcome, id);
  const reference = referenceOf(outcome, outcomes);
  const standard = reference && valueOf(reference, id);
  return value === undefined || standard === undefined ? undefined : value / standard;
}

function valueOf({ findings }: Outcome, id: MeasureId): number | undefined {
  return findings.find((finding) => finding.measure === id)?.value;
}

function wordsOf({ findings, ended }: Outcome, id: MeasureId): string {
  return findings.find((finding) => finding.measure === id)?.words ?? ended ?? 'not reached';
}

/** Three digits that count. */
function figure(value: number): string {
  if (value >= 100) return Math.round(Number(value.toPrecision(3))).toLocaleString('en-US');
  return value.toPrecision(3);
}

function times(ratio: number): string {
  return `${ratio >= 10 ? Math.round(ratio).toLocaleString('en-US') : ratio.toPrecision(2)}x`;
}

function duration(seconds: number): string {
  return seconds % 3600 === 0 ? `${seconds / 3600} h` : `${(seconds / 60).toFixed(0)} min`;
}
