/** What bpftrace prints with `-f json`: one object a line. Owns: lines out of pieces, bounded; the odd bytes of its
 *  JSON; a tick's lines put together to the reading of a second. Does not: know what a key's parts mean. */

/** 65,536 keys of 100 bytes; a longer line is no line of ours. */
const LINE_BYTES_MAX = 16 * 1024 * 1024;

/** What the kernel had counted of one second. */
export interface Reading {
  readonly second: number;
  /** Keys as printed, joined with commas; the empty text where there is no key. */
  readonly entries: readonly (readonly [key: string, count: number])[];
  /** All events, also those that found no room in the map. */
  readonly total: number;
  /** The second that the kernel was in when it said so, one later unless something stood still. */
  readonly saidSecond: number;
  /** The second in which the map was emptied. */
  readonly readSecond: number;
}

export interface OutputSink {
  ready(): void;
  reading(reading: Reading): void;
  /** What makes going on pointless. */
  fault(reason: string): void;
}

interface Open {
  readonly second: number;
  readonly saidSecond: number;
  entries: (readonly [string, number])[];
  total: number;
}

export class OutputReader {
  readonly #sink: OutputSink;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #open: Open | undefined;
  #faulty = false;

  constructor(sink: OutputSink) {
    this.#sink = sink;
  }

  push(chunk: Buffer): void {
    let rest = chunk;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      this.#keep(rest.subarray(0, end));
      const line = Buffer.concat(this.#pieces).toString('latin1');
      this.#pieces = [];
      this.#bytes = 0;
      this.#line(line);
      rest = rest.subarray(end + 1);
    }
    this.#keep(rest);
  }

  #keep(piece: Buffer): void {
    if (this.#faulty || piece.length === 0) return;
    this.#bytes += piece.length;
    if (this.#bytes > LINE_BYTES_MAX) return this.#fault(`a line has more than ${LINE_BYTES_MAX} bytes`);
    this.#pieces.push(piece);
  }

  #fault(reason: string): void {
    if (this.#faulty) return;
    this.#faulty = true;
    this.#pieces = [];
    this.#sink.fault(reason);
  }

  #line(line: string): void {
    if (this.#faulty || line.trim() === '') return;
    const { type, data } = parsed(line);
    if (type === 'printf' && typeof data === 'string') this.#printed(data);
    else if (type === 'map' && this.#open !== undefined) takeMap(this.#open, data);
    else if (type === 'time' && typeof data === 'string' && this.#open !== undefined) this.#close(data);
    else if (type === 'helper_error') this.#fault('too many values: a map has no room left');
    // What else there is (attached_probes, lost_events) says nothing that a tick does not show.
  }

  #printed(text: string): void {
    if (text === 'ready') return this.#sink.ready();
    const [, second, saidSecond] = /^tick (\d{1,12}) (\d{1,12})$/.exec(text) ?? [];
    if (second === undefined) return;
    this.#open = { second: Number(second), saidSecond: Number(saidSecond), entries: [], total: 0 };
  }

  #close(time: string): void {
    const open = this.#open!;
    this.#open = undefined;
    const readSecond = Number(time.trim());
    if (Number.isSafeInteger(readSecond)) this.#sink.reading({ ...open, readSecond });
  }
}

/** A line that cannot be read is none: a process that was killed ends in the middle of one. */
function parsed(line: string): { readonly type?: unknown; readonly data?: unknown } {
  try {
    const value: unknown = JSON.parse(withoutSigns(line));
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** bpftrace prints the byte 0xc3 as \uffffffc3, its sign extended. A pair of backslashes before is a backslash. */
function withoutSigns(line: string): string {
  return line.replace(/\\\\|\\uffffff([0-9a-f]{2})/g, (all, hex: string | undefined) =>
    hex === undefined ? all : `\\u00${hex}`,
  );
}

function takeMap(open: Open, data: unknown): void {
  const [name, value] = Object.entries(data ?? {})[0] ?? [];
  if (name === '@ta' || name === '@tb') open.total = amount(value);
  else if (name === '@a' || name === '@b') {
    if (typeof value === 'number') open.entries = value > 0 ? [['', value]] : [];
    else open.entries = Object.entries(value ?? {}).map(([key, count]) => [utf8(key), amount(count)]);
  }
}

function amount(value: unknown): number {
  return typeof value === 'number' && value > 0 ? Math.min(Math.floor(value), Number.MAX_SAFE_INTEGER) : 0;
}

/** Keys are bytes: each was one character so far. */
function utf8(bytes: string): string {
  return /^[\x20-\x7e]*$/.test(bytes) ? bytes : Buffer.from(bytes, 'latin1').toString('utf8');
}
