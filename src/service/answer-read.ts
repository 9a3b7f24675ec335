/** Answers a read: plans it at this moment, evaluates it over the store, and turns the result into the bytes of
 *  the format asked for. It comes in slices (query/evaluate.ts) that the aggregator's thread takes turns with. */
import { createHash } from 'node:crypto';
import type { Clock } from '../model/clock.ts';
import { unixSecond } from '../model/clock.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { SeriesReader } from '../model/series.ts';
import { evaluateInSlices } from '../query/evaluate.ts';
import { nameKeys, type NamesOf } from '../query/naming.ts';
import { explainPlan, type ExplainRow, touchedRows } from '../query/explain.ts';
import { type Plan, type Planned, planRead } from '../query/plan.ts';
import type { RasterMemory } from '../query/raster-memory.ts';
import {
  AnswerTooLargeError,
  coverageOf,
  type DiffResult,
  type HeatmapResult,
  type QueryResult,
} from '../query/result.ts';
import { cellText, compareText } from '../render/place-text.ts';
import { altText } from '../render/alt-text.ts';
import { diffJson } from '../render/diff-json.ts';
import { diffDescription, diffPng } from '../render/diff-png.ts';
import { diffText } from '../render/diff-text.ts';
import { heatmapCsv, heatmapJson } from '../render/heatmap-json.ts';
import { heatmapPng } from '../render/heatmap-png.ts';
import { newestJson, newestPng } from '../render/newest.ts';
import { DRAW_DEFAULTS, type DrawOptions } from '../render/options.ts';
import { noteLines } from '../render/note-text.ts';
import { heatmapText, type TerminalOptions } from '../render/terminal.ts';
import { type Answer, type Answered, CONTENT_TYPES, type Presentation, type ReadQuestion } from './answer.ts';
import { heatmapTable, linesJson, linesTable, linesTextOf } from './result-tables.ts';
import { cellJson, cellTable, compareJson, compareTable, diffTable } from './place-tables.ts';
import { planProblem, type Problem, ProblemException } from './problem.ts';
import { SeriesGoneError } from '../store/store-errors.ts';
import { bytes, isBinary, readableText, type Table, tableBody } from './tables.ts';

/** Late data reach back as far as a spool does; a range that ended this long ago stays as it is. */
const SETTLED_SECONDS = 3600;

export interface Answering {
  readonly reader: SeriesReader;
  readonly kernel: Kernel;
  readonly clock: Clock;
  /** How far the fold is with the log: now, where it is up with it. */
  readonly nowMs: number;
  /** As Store.frontier. */
  readonly frontierSecond: number;
  /** What keys are called; absent where nothing names them. */
  readonly names?: NamesOf | undefined;
  /** Of live pictures. */
  readonly memory?: RasterMemory | undefined;
}

/** Yields the cells that it holds; what follows the last stored block is one slice. */
export function* answerRead(question: ReadQuestion, answering: Answering): Generator<number, Answer> {
  const { reader, kernel, clock, frontierSecond, names = noNames, memory } = answering;
  const planned = planOf(question, answering);
  if ('problem' in planned) return { kind: 'problem', problem: planProblem(planned.problem) };
  const { plan } = planned;
  const work = new WorkTime(clock);
  try {
    const evaluation = yield* work.measured(evaluateInSlices(plan, reader, kernel, memory));
    const { result: bare, touched, isPassing } = evaluation;
    const result = nameKeys(bare, plan, names);
    const description = question.explain ? undefined : descriptionOf(result, question.presentation, kernel);
    const body = question.explain
      ? tableBody(explanation(plan, result, [...touchedRows(touched), work.row()]), question.presentation)
      : bodyOf(result, { question, plan, kernel, frontierSecond, description });
    const isSettled = !plan.live && plan.untilSecond + SETTLED_SECONDS < frontierSecond;
    // A name may come, and change; what was seen lately, too.
    const answer = withTag(body, question, isSettled && plan.naming === undefined && !isPassing);
    return description === undefined ? answer : { ...answer, description };
  } catch (error) {
    if (error instanceof ProblemException) return { kind: 'problem', problem: error.problem };
    if (error instanceof SeriesGoneError) return { kind: 'problem', problem: seriesGone(error) };
    if (!(error instanceof AnswerTooLargeError)) throw error;
    return { kind: 'problem', problem: planProblem({ code: error.code, message: error.message }) };
  }
}

const noNames: NamesOf = () => ({ names: {}, pending: [] });

function seriesGone({ message }: SeriesGoneError): Problem {
  return { status: 410, code: 'SERIES_GONE', title: 'It went while it was read', detail: message };
}

/** How the question would be answered at that moment. */
export function planOf(
  question: ReadQuestion,
  { nowMs, frontierSecond }: Pick<Answering, 'nowMs' | 'frontierSecond'>,
): Planned {
  const { checked, metric, instrumentation, pins, presentation } = question;
  const { width, height } = presentation;
  return planRead(checked, {
    catalogue: { metrics: [metric], instrumentations: [instrumentation], pins },
    nowSecond: unixSecond(nowMs),
    frontierSecond: () => (frontierSecond === 0 ? undefined : frontierSecond),
    answersAsOf: true,
    size: { ...(width === undefined ? {} : { width }), ...(height === undefined ? {} : { height }) },
  });
}

/** What an answer took, without the turns of others in between. */
class WorkTime {
  readonly #clock: Clock;
  readonly #startMs: number;
  #awayMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startMs = clock.nowMs();
  }

  *measured<T>(slices: Iterator<number, T>): Generator<number, T> {
    try {
      for (;;) {
        const { done, value } = slices.next();
        if (done === true) return value;
        const leftMs = this.#clock.nowMs();
        yield value;
        this.#awayMs += this.#clock.nowMs() - leftMs;
      }
    } finally {
      slices.return?.();
    }
  }

  row(): [string, string] {
    const allMs = this.#clock.nowMs() - this.#startMs;
    const others = this.#awayMs > 0 ? `, and ${this.#awayMs.toFixed(1)} ms for others in between` : '';
    return ['took', `${(allMs - this.#awayMs).toFixed(1)} ms${others}`];
  }
}

function withTag(
  body: Uint8Array,
  { presentation, ifNoneMatch }: ReadQuestion,
  immutable: boolean,
): Answered {
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  const notModified = ifNoneMatch?.split(/\s*,\s*/).includes(etag) === true;
  return {
    kind: 'answered',
    contentType: CONTENT_TYPES[presentation.format],
    body: notModified ? new Uint8Array(0) : body,
    etag,
    notModified,
    immutable,
  };
}

/** Of a whole picture alone: its newest columns do not say what the rest is. */
function descriptionOf(
  result: QueryResult,
  { format, newest }: Presentation,
  kernel: Kernel,
): string | undefined {
  if (format !== 'png') return undefined;
  if (result.kind === 'heatmap' && newest === undefined) return altText(result.raster, kernel);
  return result.kind === 'diff' ? diffDescription(result.raster, result.options) : undefined;
}

interface Making {
  readonly question: ReadQuestion;
  readonly plan: Plan;
  readonly kernel: Kernel;
  readonly frontierSecond: number;
  /** As descriptionOf. */
  readonly description: string | undefined;
}

function bodyOf(result: QueryResult, making: Making): Uint8Array {
  switch (result.kind) {
    case 'heatmap':
      return heatmapBody(result, making);
    case 'lines': {
      const { presentation } = making.question;
      if (presentation.format === 'json')
        return bytes(JSON.stringify({ ...linesJson(result), ...said(making) }));
      if (presentation.format === 'text')
        return textBody(result.notes, presentation, (options) =>
          linesTextOf(result, options, making.question.text),
        );
      return tableBody(linesTable(result, { unknown: isBinary(presentation.format) }), presentation);
    }
    case 'cell': {
      const { presentation, text } = making.question;
      if (presentation.format === 'json')
        return bytes(JSON.stringify({ ...cellJson(result), ...said(making) }));
      if (presentation.format === 'text')
        return bytes(cellText(result, { ...terminal(presentation), title: text }));
      return tableBody(cellTable(result), presentation);
    }
    case 'compare': {
      const { presentation, text } = making.question;
      if (presentation.format === 'json')
        return bytes(JSON.stringify({ ...compareJson(result), ...said(making) }));
      if (presentation.format === 'text')
        return bytes(compareText(result, { ...terminal(presentation), title: text }));
      return tableBody(compareTable(result), presentation);
    }
    case 'diff':
      return diffBody(result, making);
    case 'table': {
      const { presentation } = making.question;
      const { columns, rows, notes } = result;
      const table = { columns, rows, extra: { notes, ...said(making) } };
      if (presentation.format === 'text')
        return textBody(notes, presentation, (options) => readableText(table, options.columns));
      return tableBody(table, presentation);
    }
  }
}

function heatmapBody(result: HeatmapResult, making: Making): Uint8Array {
  const { presentation, text } = making.question;
  const { raster, notes } = result;
  const { newest, cells = true } = presentation;
  const options = drawOptions(result.options, presentation);
  switch (presentation.format) {
    case 'png':
      return newest === undefined
        ? heatmapPng(raster, options, making.kernel, making.description)
        : newestPng(raster, options, newest, making.kernel);
    case 'json': {
      const json =
        newest === undefined
          ? heatmapJson(raster, options, { cells })
          : newestJson(raster, options, { cells, newest });
      return bytes(JSON.stringify({ ...json, notes, ...said(making) }));
    }
    case 'csv':
      return bytes(heatmapCsv(raster));
    case 'jsonl':
    case 'arrow':
    case 'parquet':
      return tableBody(heatmapTable(raster), presentation);
    case 'text':
      return textBody(notes, presentation, (terminal) => {
        const { color, palette, title = text } = options;
        return `${heatmapText(raster, { ...terminal, color, palette, title })}\n`;
      });
  }
}

function diffBody({ raster, notes, options }: DiffResult, making: Making): Uint8Array {
  const { presentation, text } = making.question;
  switch (presentation.format) {
    case 'json': {
      const json = diffJson(raster, { cells: presentation.cells ?? true });
      return bytes(JSON.stringify({ ...json, notes, ...said(making) }));
    }
    case 'text':
      return textBody(notes, presentation, (terminal) =>
        diffText(raster, { ...terminal, title: options.title ?? text }),
      );
    case 'png':
      return diffPng(raster, drawOptions(options, presentation), making.kernel);
    case 'csv':
    case 'jsonl':
    case 'arrow':
    case 'parquet':
      return tableBody(diffTable(raster), presentation);
  }
}

/** What every JSON answer says beside its numbers; nothing here changes while the answer does not. */
function said({ question, plan, frontierSecond }: Making): Record<string, unknown> {
  const { instrumentation, text } = question;
  return {
    query: text,
    instrumentation: instrumentation.id,
    live: plan.live,
    ...(plan.live ? { frontier: frontierSecond } : {}),
  };
}

function drawOptions(asked: HeatmapResult['options'], presentation: Presentation): DrawOptions {
  const { scale, plain } = presentation;
  return {
    width: asked.width ?? presentation.width ?? DRAW_DEFAULTS.width,
    height: asked.height ?? presentation.height ?? DRAW_DEFAULTS.height,
    scale: scale ?? DRAW_DEFAULTS.scale,
    theme: asked.theme ?? presentation.theme ?? DRAW_DEFAULTS.theme,
    plain: plain ?? DRAW_DEFAULTS.plain,
    color: asked.color ?? DRAW_DEFAULTS.color,
    palette: asked.palette ?? DRAW_DEFAULTS.palette,
    ...(asked.title === undefined ? {} : { title: asked.title }),
  };
}

/** What is shown, then what is said of it. */
function textBody(
  notes: readonly string[],
  presentation: Presentation,
  shown: (options: TerminalOptions) => string,
): Uint8Array {
  const options = terminal(presentation);
  const below = noteLines(notes, options);
  const text = shown({ ...options, rows: options.rows - below.length });
  return bytes([text, ...below.map((line) => `${line}\n`)].join(''));
}

function terminal({ textColumns, textRows, textDepth, theme }: Presentation): TerminalOptions {
  return {
    columns: textColumns ?? 100,
    rows: textRows ?? 30,
    depth: textDepth ?? 'ascii',
    theme: theme ?? 'dark',
  };
}

/** The plan, and what came of it. */
function explanation(plan: Plan, result: QueryResult, did: readonly ExplainRow[]): Table {
  const { columns, rows, notes } = explainPlan(plan);
  const coverage = coverageOf(result);
  const missing = coverage?.missing.map((m) => `${m.name} (${m.seconds} s)`).join(', ') ?? '';
  const came: ExplainRow[] = [
    ['sources expected', coverage?.expected ?? 0],
    ['sources missing', missing === '' ? 'none' : missing],
    ...did,
    ...notes.map((note): ExplainRow => ['note', note]),
  ];
  return { columns, rows: [...rows, ...came] };
}
