/** A subject that is read from a few text files of the kernel, each kept open. A file that is missing, or says nothing
 *  of the form expected, is told as a fault, and the others are read. Owns: the descriptors. */
import { join } from 'node:path';
import { KeptFile } from './kept-file.ts';
import { type Asked, type Sample, SampleBuilder, type Subject } from './sample.ts';
import { Scanner } from './scanner.ts';

export interface TextFile {
  /** Below /proc. */
  readonly name: string;
  /** The columns that it fills, `[from, until)`; all where it is left out. One that nobody asks for is not read. */
  readonly columns?: readonly [from: number, until: number];
  /** A line that has another form than expected is left out, so that a newer kernel's additions do no harm. */
  readonly parse: (text: Scanner, into: SampleBuilder) => void;
}

export interface TextFiles {
  readonly files: readonly TextFile[];
  readonly columns: number;
  /** The first so many. */
  readonly counters: number;
  /** Said where a file is missing. */
  readonly absent?: string;
}

export class TextSubject implements Subject {
  readonly counters: number;
  readonly bornAtZero = false;
  readonly #of: TextFiles;
  readonly #kept: readonly KeptFile[];
  readonly #scanner = new Scanner();

  constructor(of: TextFiles, proc: string) {
    this.#of = of;
    this.counters = of.counters;
    this.#kept = of.files.map(({ name }) => new KeptFile(join(proc, name)));
  }

  sample({ columns }: Asked): Sample {
    const into = new SampleBuilder(this.#of.columns);
    const faults: string[] = [];
    this.#of.files.forEach((file, i) => {
      if (!isAsked(file, columns)) return;
      const before = into.things.size;
      try {
        file.parse(this.#scanner.over(this.#kept[i]!.read()), into);
        if (into.things.size > before || file.columns !== undefined) return;
        faults.push(this.#fault(i, 'it has no line of the form expected'));
      } catch (error) {
        faults.push(this.#fault(i, error instanceof Error ? error.message : String(error)));
      }
    });
    return { things: into.things, leftOut: 0, faults };
  }

  close(): void {
    for (const file of this.#kept) file.close();
  }

  #fault(file: number, state: string): string {
    const { absent } = this.#of;
    const reason = absent === undefined ? state : `${absent}; ${state}`;
    return `Cannot read "${this.#kept[file]!.path}": ${reason}`;
  }
}

function isAsked({ columns }: TextFile, asked: ReadonlySet<number>): boolean {
  if (columns === undefined) return true;
  for (const column of asked) if (column >= columns[0] && column < columns[1]) return true;
  return false;
}
