/** Lines of the files that are followed become counts: read, checked against the clock, packed. Owns: what of them was
 *  not taken, for a person. Does not: read files, send. */
import type { FollowedLine } from '../ingest/tail/followed-file.ts';
import { type LineFormat, readLine, recogniseLine } from '../ingest/tail/access-line.ts';
import type { Packed, Packer } from '../ingest/backfill/packer.ts';
import type { ReadRow, RowRecord } from '../ingest/backfill/row.ts';
import { FUTURE_SECONDS_MAX } from '../model/limits.ts';

export interface TailLinesOptions {
  readonly packer: Packer;
  readonly read: (record: RowRecord) => ReadRow;
  readonly format: LineFormat | undefined;
  readonly host: string;
  /** Older lines would be refused. */
  readonly keepSeconds: number;
  /** A line for a person. */
  readonly say: (text: string) => void;
}

/** Lines that were not taken are told as they come up to so many, then once a minute. */
const TOLD_AT_ONCE = 3;
const TELL_SECONDS = 60;

export class TailLines {
  readonly #options: TailLinesOptions;
  readonly #formats = new Map<string, LineFormat>();
  #taken = 0;
  #refused = 0;
  #untold = 0;
  #told = 0;
  #toldSecond = 0;
  #last = '';

  constructor(options: TailLinesOptions) {
    this.#options = options;
  }

  /** Gives the entries that are full; the rest waits in the packer. */
  take(path: string, lines: readonly FollowedLine[], nowSecond: number): Packed[] {
    const packed: Packed[] = [];
    const { packer } = this.#options;
    for (const line of lines) {
      const row = this.#row(path, line, nowSecond);
      if (row.kind === 'fault') this.#refuse(`${path} at byte ${line.offset}: ${row.why}`);
      else this.#taken++;
      if (row.kind === 'counts' && packer.add(row.second, row.key, row.histogram))
        packed.push(...packer.take());
    }
    return packed;
  }

  /** Tells what was not taken since it was last told, where it is time. */
  tell(nowSecond: number): void {
    if (this.#untold === 0 || nowSecond - this.#toldSecond < TELL_SECONDS) return;
    this.#options.say(`${this.#untold} more lines not taken, the last was ${this.#last}`);
    this.#untold = 0;
    this.#toldSecond = nowSecond;
  }

  get summary(): string {
    return `${this.#taken} lines taken${this.#refused === 0 ? '' : `, ${this.#refused} not`}`;
  }

  #row(path: string, { text }: FollowedLine, nowSecond: number): ReadRow {
    if (text === undefined) return { kind: 'fault', why: 'it is too long' };
    const { format, host, read, keepSeconds } = this.#options;
    const as = format ?? this.#formatOf(path, text);
    const line = readLine(as, text);
    if ('fault' in line) return { kind: 'fault', why: line.fault };
    const row = read({ host, ...line.record });
    if (row.kind === 'fault') return row;
    if (row.second > nowSecond + FUTURE_SECONDS_MAX)
      return { kind: 'fault', why: `its time is ${row.second - nowSecond} s ahead` };
    if (nowSecond - row.second >= keepSeconds)
      return {
        kind: 'fault',
        why: `its time is ${nowSecond - row.second} s ago, and nothing is kept so long`,
      };
    return row;
  }

  /** A file is of the format that its first line has. */
  #formatOf(path: string, text: string): LineFormat {
    let format = this.#formats.get(path);
    if (format === undefined) this.#formats.set(path, (format = recogniseLine(text)));
    return format;
  }

  #refuse(what: string): void {
    this.#refused++;
    this.#last = what;
    if (this.#told >= TOLD_AT_ONCE) this.#untold++;
    else {
      this.#told++;
      this.#options.say(what);
    }
  }
}
