/** What `tailglow import` does: reads each file once to know what is in it, sees to it that something takes it, then
 *  sends it as the batches of a source of its own. Owns: the order of things, what is refused before anything is
 *  sent, what a person is told. Does not: read rows (ingest/backfill), wait for the server (delivery.ts). */
import { createHash } from 'node:crypto';
import { importSource } from '../ingest/backfill/identity.ts';
import { Packer } from '../ingest/backfill/packer.ts';
import { type Mapping, rowReader, type RowShape } from '../ingest/backfill/row.ts';
import { type FileFormat, fileRows, type SourceFile } from '../ingest/backfill/rows.ts';
import { guessMetric, sampleRows, type Survey, surveyFile } from '../ingest/backfill/survey.ts';
import type { Source } from '../model/batch.ts';
import { systemClock, unixSecond } from '../model/clock.ts';
import type { Instrumentation } from '../model/instrumentation.ts';
import type { MetricDescription } from '../model/metric.ts';
import type { InstrumentStatement } from '../query/ast.ts';
import { instantText } from '../query/moment.ts';
import { retentionText } from '../query/print.ts';
import { CommandFailure, EXIT, type Target } from './client.ts';
import { Delivery } from './delivery.ts';
import { draftOf, shapeOf, statementOf } from './destination.ts';
import { checkKept, chosenStatement, checkCounted } from './import-checks.ts';
import { Progress } from './progress.ts';
import { createInstrumentation, describeMetric, endSource, metricsOf } from './server-json.ts';

export interface ImportFile extends SourceFile {
  /** As the person named it. */
  readonly name: string;
  readonly format: FileFormat;
}

export interface ImportOptions {
  readonly files: readonly ImportFile[];
  /** What takes it: an `instrument` statement, with or without that word. */
  readonly as: string;
  readonly mapping: Mapping;
  readonly strict: boolean;
  readonly anew: string;
  readonly dryRun: boolean;
}

interface Surveyed {
  readonly file: ImportFile;
  readonly survey: Survey;
}

/** Throws CommandFailure. */
export async function importFiles(target: Target, options: ImportOptions): Promise<void> {
  const statement = statementOf(options.as);
  const known = (await metricsOf(target)).find((metric) => metric.name === statement.metric.text);
  const metric = known ?? (await suggestedMetric(statement, options));
  const shape = shapeOf(statement, metric);
  const surveyed = unlike(await surveyAll(options, shape));
  const span = spanOf(surveyed);
  const text = chosenStatement(statement, span.oldestSecond, nowSecond());
  checkKept(draftOf(text, metric), span.oldestSecond, nowSecond());
  if (options.dryRun) return say(`nothing sent: this would ${text}`);
  if (known === undefined) await describeMetric(target, metric);
  const instrumentation = await createInstrumentation(target, text);
  say(`into "${instrumentation.id}", which keeps ${retentionText(instrumentation)}`);
  say(checkKept(instrumentation, span.oldestSecond, nowSecond()));
  for (const each of surveyed) await sendFile(target, each, { options, shape, instrumentation });
  const counted = surveyed.reduce((sum, { survey }) => sum + survey.counted, 0);
  await checkCounted(target, { statement, instrumentation, ...span, counted }, say);
  say(summary(surveyed, counted, span));
}

function summary(surveyed: readonly Surveyed[], counted: number, span: Span): string {
  const sum = (of: (survey: Survey) => number): number =>
    surveyed.reduce((n, { survey }) => n + of(survey), 0);
  const bad = sum((s) => s.badLines);
  const leftOut = sum((s) => s.leftOut);
  return [
    `${counted} counted from ${sum((s) => s.rows)} rows of ${surveyed.length === 1 ? surveyed[0]!.file.name : `${surveyed.length} files`}`,
    `${instantText(span.oldestSecond)} to ${instantText(span.newestSecond + 1)}`,
    ...(leftOut === 0 ? [] : [`${leftOut} left out by the condition`]),
    ...(bad === 0 ? [] : [`${bad} bad lines`]),
  ].join(', ');
}

interface Span {
  readonly oldestSecond: number;
  readonly newestSecond: number;
}

function nowSecond(): number {
  return unixSecond(systemClock.nowMs());
}

function say(line: string): void {
  if (line !== '') process.stderr.write(`${line}\n`);
}

/** A metric that nobody knows, as the first file suggests it. */
async function suggestedMetric(
  { metric: { text: name }, by }: InstrumentStatement,
  { files, mapping }: ImportOptions,
): Promise<MetricDescription> {
  const [first] = files;
  const sample = first === undefined ? [] : await sampleRows(first, first.format);
  const guessed = guessMetric(
    name,
    by.map((field) => field.text),
    sample,
    mapping,
  );
  if (!('fault' in guessed)) {
    say(`${name} is new: ${guessed.fields.map((f) => `${f.name} (${f.type})`).join(', ')}`);
    return guessed;
  }
  throw new CommandFailure(
    EXIT.usage,
    `Cannot tell what ${name} is: ${guessed.fault}; say --unit ms (or s, us, ns, B, KiB ..., none)`,
  );
}

async function surveyAll({ files, mapping, strict }: ImportOptions, shape: RowShape): Promise<Surveyed[]> {
  const seen = new Set<string>();
  const surveyed: Surveyed[] = [];
  const progress = new Progress(process.stderr, systemClock);
  const total = files.reduce((sum, file) => sum + file.bytes, 0);
  let done = 0;
  for (const file of files) {
    const read = rowReader(shape, mapping, seen);
    const onBytes = (bytes: number): void =>
      progress.show({ done: (done += bytes), total, text: `reading ${file.name}` });
    const survey = await surveyFile(file, { format: file.format, read, onBytes, strict });
    progress.end();
    tellFaults(file, survey, strict);
    surveyed.push({ file, survey });
  }
  const absent = [...shape.by, ...(shape.numeric === undefined ? [] : [shape.numeric.field])].filter(
    (f) => !seen.has(f),
  );
  if (absent.length > 0 && surveyed.some(({ survey }) => survey.rows > 0))
    throw absentFields(absent, await columnsOf(files));
  return surveyed;
}

function tellFaults({ name }: ImportFile, { badLines, faults, rows }: Survey, strict: boolean): void {
  for (const { line, why } of faults) say(`${name}:${line}: ${why}`);
  if (badLines > faults.length) say(`${name}: ${badLines - faults.length} more lines like these`);
  if (badLines > 0 && strict)
    throw new CommandFailure(EXIT.refused, 'Ended at a bad line, as --strict asks; nothing was sent');
  if (rows === 0 && badLines > 0) {
    throw new CommandFailure(
      EXIT.refused,
      `Cannot import ${name}: none of its ${badLines} rows can be read; --map names columns, --unit says what bare numbers are in`,
    );
  }
}

async function columnsOf(files: readonly ImportFile[]): Promise<string[]> {
  const [first] = files;
  const sample = first === undefined ? [] : await sampleRows(first, first.format);
  return [...new Set(sample.slice(0, 20).flatMap(Object.keys))].slice(0, 30);
}

function absentFields(absent: readonly string[], columns: readonly string[]): CommandFailure {
  return new CommandFailure(
    EXIT.refused,
    `No row has ${absent.join(', ')}: there is ${columns.join(', ')}; name a column with --map ${absent[0]}=COLUMN`,
  );
}

function spanOf(surveyed: readonly Surveyed[]): Span {
  const seconds = surveyed
    .flatMap(({ survey: { oldestSecond: a, newestSecond: b } }) => [a, b])
    .filter((s) => s !== undefined);
  if (seconds.length === 0) throw new CommandFailure(EXIT.refused, 'Nothing to import: no row counts');
  return { oldestSecond: Math.min(...seconds), newestSecond: Math.max(...seconds) };
}

/** Files of the same content are one import. */
function unlike(surveyed: readonly Surveyed[]): Surveyed[] {
  const first = new Map<string, Surveyed>();
  for (const each of surveyed) {
    const same = first.get(each.survey.sha256);
    if (same === undefined) first.set(each.survey.sha256, each);
    else say(`${each.file.name} has the content of ${same.file.name}: it is counted once`);
  }
  return [...first.values()];
}

interface Sending {
  readonly options: ImportOptions;
  readonly shape: RowShape;
  readonly instrumentation: Instrumentation;
}

async function sendFile(target: Target, { file, survey }: Surveyed, sending: Sending): Promise<void> {
  if (survey.newestSecond === undefined) return;
  const { options, shape, instrumentation } = sending;
  const { mapping, anew } = options;
  const source = importSource({ sha256: survey.sha256, instrumentation, mapping, anew });
  const progress = new Progress(process.stderr, systemClock);
  const delivery = await Delivery.begin({
    target,
    source,
    clock: systemClock,
    onWait: (why) => progress.show({ done: 0, total: 0, text: `waiting: ${why.split('\n')[0]}` }),
  });
  if (delivery.folded > 0) say(`${file.name}: ${delivery.folded} batches are there already`);
  let done = 0;
  const hash = createHash('sha256');
  const onBytes = (bytes: Uint8Array): void => {
    hash.update(bytes);
    progress.show({ done: (done += bytes.length), total: file.bytes, text: `sending ${file.name}` });
  };
  await deliverRows(delivery, { file, source, shape, mapping, instrumentation: instrumentation.id, onBytes });
  progress.end();
  if (hash.digest('hex') !== survey.sha256) throw changed(file);
  await delivery.settle();
  await endSource(target, {
    host: source.host,
    driver: source.driver,
    second: survey.newestSecond + shape.everySeconds,
  });
}

function changed({ name }: ImportFile): CommandFailure {
  return new CommandFailure(
    EXIT.refused,
    `${name} was written to while it was read: parts of both contents were sent; drop what took them and import a file that stays`,
  );
}

interface Rows {
  readonly file: ImportFile;
  readonly source: Source;
  readonly shape: RowShape;
  readonly mapping: Mapping;
  readonly instrumentation: string;
  readonly onBytes: (bytes: Uint8Array) => void;
}

async function deliverRows(delivery: Delivery, rows: Rows): Promise<void> {
  const { file, source, shape, mapping, instrumentation, onBytes } = rows;
  const { grid, everySeconds } = shape;
  const packer = new Packer({ instrumentation, grid, everySeconds, source });
  const read = rowReader(shape, mapping, new Set());
  const flush = async (): Promise<void> => {
    for (const packed of packer.take()) await delivery.deliver(packed);
  };
  for await (const piece of fileRows(file, file.format, onBytes)) {
    for (const { record } of piece) {
      const row = record === undefined ? undefined : read(record);
      if (row?.kind === 'counts' && packer.add(row.second, row.key, row.histogram)) await flush();
    }
  }
  await flush();
}
