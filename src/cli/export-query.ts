/** What `tailglow export` does: an answer into a file or a pipe. A `| histograms` statement is asked in slices of time,
 *  each as long as its rows are few, so that neither side holds all of a long range; other answers are asked whole.
 *  A file gets its name only when it is complete. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { once } from 'node:events';
import { systemClock } from '../model/clock.ts';
import type { ReadStatement } from '../query/ast.ts';
import { LAST_SECONDS_DEFAULT } from '../query/check.ts';
import { instantText, readInstant, wholeSeconds } from '../query/moment.ts';
import { parseStatement } from '../query/parse.ts';
import { printStatement } from '../query/print.ts';
import { secondsText } from '../query/unit.ts';
import type { Table } from '../service/table.ts';
import { type Encoding, tableEncoder } from '../service/tables.ts';
import { CommandFailure, EXIT, request, send, refusal, type Target } from './client.ts';
import { Progress } from './progress.ts';
import { explained, statementBody, tableOf } from './server-json.ts';

/** Rows that a slice aims at: some megabytes of JSON. */
const SLICE_ROWS = 100_000;
const FIRST_SLICE_STEPS = 256;
/** As many columns as one answer may have. */
const SLICE_STEPS_MAX = 4000;

export interface ExportOptions {
  readonly statement: string;
  readonly encoding: Encoding;
  /** Standard output where it is left out. */
  readonly path?: string;
}

/** Throws CommandFailure. */
export async function exportQuery(target: Target, options: ExportOptions): Promise<void> {
  const read = histogramsOf(options.statement);
  const out = options.path === undefined ? standardOutput() : fileOutput(options.path);
  try {
    if (read === undefined) await exportWhole(target, options, out);
    else await exportSlices(target, read, options, out);
    out.done();
  } catch (error) {
    out.abandon();
    throw error;
  }
}

interface Output {
  write(bytes: Uint8Array): Promise<void>;
  done(): void;
  abandon(): void;
}

function standardOutput(): Output {
  return {
    write: async (bytes) => {
      if (!process.stdout.write(bytes)) await once(process.stdout, 'drain');
    },
    done: () => {},
    abandon: () => {},
  };
}

function fileOutput(path: string): Output {
  const temporary = `${path}.${process.pid}.part`;
  const file = openSync(temporary, 'w');
  return {
    write: async (bytes) => {
      for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
    },
    done: () => {
      fsyncSync(file);
      closeSync(file);
      renameSync(temporary, path);
    },
    abandon: () => {
      closeSync(file);
      rmSync(temporary, { force: true });
    },
  };
}

/** The statement where it asks for histograms; its faults are the server's to tell. */
function histogramsOf(text: string): ReadStatement | undefined {
  const parsed = parseStatement(text);
  if ('diagnostics' in parsed || parsed.statement.kind !== 'read') return undefined;
  const { statement } = parsed;
  return statement.stages.length === 1 && statement.stages[0]!.kind === 'histograms' ? statement : undefined;
}

async function exportWhole(
  target: Target,
  { statement, encoding }: ExportOptions,
  out: Output,
): Promise<void> {
  const response = await request(target, `/api/v1/query?format=${encoding}`, statementBody(statement));
  for await (const chunk of response.body ?? []) await out.write(chunk as Uint8Array);
}

interface Range {
  readonly fromSecond: number;
  readonly untilSecond: number;
  readonly stepSeconds: number;
}

async function exportSlices(
  target: Target,
  read: ReadStatement,
  { encoding, path }: ExportOptions,
  out: Output,
): Promise<void> {
  const range = await rangeOf(target, read);
  const { fromSecond, untilSecond, stepSeconds } = range;
  const progress = new Progress(process.stderr, systemClock);
  const encoder = tableEncoder(encoding);
  let steps = FIRST_SLICE_STEPS;
  let rows = 0;
  for (let from = fromSecond; from < untilSecond;) {
    const until = Math.min(from + steps * stepSeconds, untilSecond);
    const table = await slice(
      target,
      sliceText(read, { fromSecond: from, untilSecond: until, stepSeconds }),
      steps,
    );
    if (table === undefined) {
      steps = Math.max(1, Math.floor(steps / 4));
      continue;
    }
    await out.write(encoder.write(table));
    rows += table.rows.length;
    from = until;
    steps = nextSteps(steps, table.rows.length);
    progress.show({ done: from - fromSecond, total: untilSecond - fromSecond, text: `${rows} rows` });
  }
  await out.write(encoder.end());
  progress.end();
  if (path !== undefined) {
    const span = `${instantText(fromSecond)} to ${instantText(untilSecond)} step ${secondsText(stepSeconds)}`;
    process.stderr.write(`${rows} rows, ${span}, in ${path}\n`);
  }
}

/** As many steps as would give SLICE_ROWS rows; at most four times as many as before. */
function nextSteps(steps: number, rows: number): number {
  const wanted = rows === 0 ? steps * 4 : Math.floor((steps * SLICE_ROWS) / rows);
  return Math.max(1, Math.min(wanted, steps * 4, SLICE_STEPS_MAX));
}

/** Undefined where the slice has too many rows and may be shorter. */
async function slice(target: Target, text: string, steps: number): Promise<Table | undefined> {
  const response = await send(target, '/api/v1/query?format=json', statementBody(text));
  if (response.ok) return tableOf(await response.json());
  const body = await response.clone().text();
  if (response.status === 422 && steps > 1 && body.includes('"code":"TOO_LARGE"')) return undefined;
  throw await refusal(target, response, text);
}

function sliceText(read: ReadStatement, { fromSecond, untilSecond, stepSeconds }: Range): string {
  const { offset: _offset, span, ...rest } = read;
  const instant = (second: number) => ({ kind: 'instant', second, span }) as const;
  return printStatement({
    ...rest,
    span,
    range: { kind: 'between', from: instant(fromSecond), to: instant(untilSecond), span },
    step: { value: stepSeconds, unit: 's', span },
  });
}

/** The seconds of the whole range and its step. The server resolves what depends on the present and chooses a step
 *  that is not said; whole steps, so that slices meet. */
async function rangeOf(target: Target, read: ReadStatement): Promise<Range> {
  const { step, ...rest } = read;
  const { span } = read;
  const plan = await explained(target, printStatement({ ...rest, stages: [{ kind: 'count', span }] }));
  const chosen = { fromSecond: instantOf(plan, 'from'), untilSecond: instantOf(plan, 'to') };
  if (step === undefined) return { ...chosen, stepSeconds: durationOf(plan) };
  const stepSeconds = wholeSeconds(step.value, step.unit);
  const from = firstSecond(read, chosen);
  return { fromSecond: from - (from % stepSeconds), untilSecond: chosen.untilSecond, stepSeconds };
}

/** The plan's own start lies on the step that it chose: where the statement says the start itself, that is meant. */
function firstSecond(read: ReadStatement, chosen: { fromSecond: number; untilSecond: number }): number {
  const { range, offset } = read;
  if (range?.kind === 'between') {
    const back = offset === undefined ? 0 : wholeSeconds(offset.value, offset.unit);
    return range.from.kind === 'instant' ? range.from.second - back : chosen.fromSecond;
  }
  const seconds =
    range === undefined ? LAST_SECONDS_DEFAULT : wholeSeconds(range.duration.value, range.duration.unit);
  return Math.max(0, chosen.untilSecond - seconds);
}

function instantOf(plan: ReadonlyMap<string, string>, what: string): number {
  const read = readInstant(plan.get(what) ?? '');
  if ('value' in read) return read.value;
  throw oddPlan(what, plan);
}

function durationOf(plan: ReadonlyMap<string, string>): number {
  const match = /^(\d+)([a-z]+)$/.exec(plan.get('step') ?? '');
  const seconds = match === null ? 0 : wholeSeconds(Number(match[1]), match[2]!);
  if (seconds > 0) return seconds;
  throw oddPlan('step', plan);
}

function oddPlan(what: string, plan: ReadonlyMap<string, string>): CommandFailure {
  return new CommandFailure(
    EXIT.refused,
    `Cannot read the plan: its ${what} is ${JSON.stringify(plan.get(what))}`,
  );
}
