/** The flight recorder of one program: the raw events of the last seconds, metric by metric, from which an
 *  instrumentation that is new is filled back. Owns: the chunks that hold them and their bounds, and which seconds
 *  are whole. Does not: know time, choose what is recorded, count.
 *  Invariant: of a second from `coversFrom` on, `replay` gives every event that was recorded in it, once.
 *  Bounds: `keepSeconds`, and `bytesMax` for all metrics together: the metric that holds the most gives up its
 *  oldest chunk. A text is held to TEXT_CHARS_MAX characters. */
import { type Field, isNumeric } from '../../model/metric.ts';
import type { FieldReader, Literal } from '../../model/predicate.ts';

const CHUNK_EVENTS = 1024;
/** Texts of one chunk: what is more begins the next. */
const CHUNK_TEXT_BYTES_MAX = 256 * 1024;
const TEXT_CHARS_MAX = 1024;
/** What a value that a chunk knows takes besides its characters: its place, and that of its code. */
const VALUE_BYTES = 48;

export interface FlightOptions {
  readonly keepSeconds: number;
  readonly bytesMax: number;
}

/** A discrete field: a code an event, of a value that this chunk knows. */
interface Codes {
  readonly codes: Uint16Array;
  readonly values: (Literal | undefined)[];
  readonly known: Map<Literal | undefined, number>;
}

interface Chunk {
  length: number;
  bytes: number;
  textBytes: number;
  firstSecond: number;
  lastSecond: number;
  readonly seconds: Uint32Array;
  /** One a field; of a numeric one the values, NaN for none. */
  readonly columns: readonly (Codes | Float64Array)[];
}

interface Ring {
  readonly fields: readonly Field[];
  readonly places: ReadonlyMap<string, number>;
  /** In the order of their beginning. */
  readonly chunks: Chunk[];
  bytes: number;
  coversFrom: number;
}

export class FlightRecorder {
  readonly #options: FlightOptions;
  readonly #fixed: ReadonlyMap<string, Literal>;
  readonly #rings = new Map<string, Ring>();
  #bytes = 0;

  /** `fixed`: the fields that are the same for all events, which are not recorded. */
  constructor(options: FlightOptions, fixed: ReadonlyMap<string, Literal>) {
    this.#options = options;
    this.#fixed = fixed;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Records the metric's events; `fromSecond` is the first second that will be whole. */
  start(metric: string, all: readonly Field[], fromSecond: number): void {
    if (this.#rings.has(metric)) return;
    const fields = all.filter((field) => !this.#fixed.has(field.name));
    const places = new Map(fields.map((field, i) => [field.name, i]));
    this.#rings.set(metric, { fields, places, chunks: [], bytes: 0, coversFrom: fromSecond });
  }

  stop(metric: string): void {
    this.#bytes -= this.#rings.get(metric)?.bytes ?? 0;
    this.#rings.delete(metric);
  }

  /** The first second of which the recorder has every event; undefined where the metric is not recorded. */
  coversFrom(metric: string): number | undefined {
    return this.#rings.get(metric)?.coversFrom;
  }

  record(metric: string, second: number, read: FieldReader): void {
    const ring = this.#rings.get(metric);
    if (ring === undefined) return;
    let chunk = ring.chunks.at(-1);
    if (chunk === undefined || chunk.length === CHUNK_EVENTS || chunk.textBytes > CHUNK_TEXT_BYTES_MAX) {
      chunk = this.#extend(ring);
    }
    const at = chunk.length;
    const bytesBefore = chunk.bytes;
    for (let i = 0; i < ring.fields.length; i++)
      write(chunk, chunk.columns[i]!, at, read(ring.fields[i]!.name));
    chunk.seconds[at] = second;
    if (second < chunk.firstSecond) chunk.firstSecond = second;
    if (second > chunk.lastSecond) chunk.lastSecond = second;
    chunk.length = at + 1; // last: where a field could not be read there is no event
    ring.bytes += chunk.bytes - bytesBefore;
    this.#bytes += chunk.bytes - bytesBefore;
  }

  /** Every event of the metric that was recorded in `second`, in the order in which they came. */
  replay(metric: string, second: number, take: (read: FieldReader) => void): void {
    const ring = this.#rings.get(metric);
    if (ring === undefined) return;
    let columns: Chunk['columns'] = [];
    let at = 0;
    const read: FieldReader = (field) => {
      const place = ring.places.get(field);
      return place === undefined ? this.#fixed.get(field) : valueOf(columns[place]!, at);
    };
    for (const chunk of ring.chunks) {
      if (second < chunk.firstSecond || second > chunk.lastSecond) continue;
      columns = chunk.columns;
      for (at = 0; at < chunk.length; at++) if (chunk.seconds[at] === second) take(read);
    }
  }

  /** The newest second is `second`: what is older than is kept goes. */
  expire(second: number): void {
    this.forget(second + 1 - this.#options.keepSeconds);
  }

  /** Nothing is known of what was before `untilSecond`. */
  forget(untilSecond: number): void {
    for (const ring of this.#rings.values()) {
      ring.coversFrom = Math.max(ring.coversFrom, untilSecond);
      while (ring.chunks.length > 0 && ring.chunks[0]!.lastSecond < untilSecond) this.#drop(ring);
    }
  }

  /** As if begun anew. */
  restart(fromSecond: number): void {
    for (const ring of this.#rings.values()) {
      while (ring.chunks.length > 0) this.#drop(ring);
      ring.coversFrom = fromSecond;
    }
  }

  #extend(ring: Ring): Chunk {
    const chunk = newChunk(ring.fields);
    while (this.#bytes + chunk.bytes > this.#options.bytesMax) {
      const fullest = [...this.#rings.values()].reduce((a, b) => (b.bytes > a.bytes ? b : a));
      if (fullest.chunks.length === 0) break;
      fullest.coversFrom = Math.max(fullest.coversFrom, fullest.chunks[0]!.lastSecond + 1);
      this.#drop(fullest);
    }
    ring.chunks.push(chunk);
    ring.bytes += chunk.bytes;
    this.#bytes += chunk.bytes;
    return chunk;
  }

  #drop(ring: Ring): void {
    const { bytes } = ring.chunks.shift()!;
    ring.bytes -= bytes;
    this.#bytes -= bytes;
  }
}

function newChunk(fields: readonly Field[]): Chunk {
  const seconds = new Uint32Array(CHUNK_EVENTS);
  const columns = fields.map((field) =>
    isNumeric(field)
      ? new Float64Array(CHUNK_EVENTS)
      : { codes: new Uint16Array(CHUNK_EVENTS), values: [], known: new Map() },
  );
  let bytes = seconds.byteLength;
  for (const column of columns) bytes += 'codes' in column ? column.codes.byteLength : column.byteLength;
  return { length: 0, bytes, textBytes: 0, firstSecond: Infinity, lastSecond: -Infinity, seconds, columns };
}

function write(chunk: Chunk, column: Codes | Float64Array, at: number, value: Literal | undefined): void {
  if (!('codes' in column)) {
    column[at] = typeof value === 'number' ? value : NaN;
    return;
  }
  const code = column.known.get(value);
  column.codes[at] = code ?? learn(chunk, column, value);
}

/** A chunk has fewer events than there are codes. */
function learn(chunk: Chunk, { values, known }: Codes, value: Literal | undefined): number {
  const long = typeof value === 'string' && value.length > TEXT_CHARS_MAX;
  const kept = long ? value.slice(0, TEXT_CHARS_MAX) : value;
  const bytes = VALUE_BYTES + (typeof kept === 'string' ? 2 * kept.length : 0);
  chunk.bytes += bytes;
  chunk.textBytes += bytes;
  const code = values.push(kept) - 1;
  if (!long) known.set(value, code);
  return code;
}

function valueOf(column: Codes | Float64Array, at: number): Literal | undefined {
  if ('codes' in column) return column.values[column.codes[at]!];
  const value = column[at]!;
  return Number.isNaN(value) ? undefined : value;
}
