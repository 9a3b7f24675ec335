/** Where some records of each log file are, so that a reader finds an offset or a time without walking a file
 *  from its start. Learned from reading, at most one mark a megabyte, kept only for files that exist. */

const MARK_BYTES = 1024 * 1024;

export interface Mark {
  readonly offset: number;
  readonly positionBytes: number;
  /** Of the record before the mark. */
  readonly arrivedMs: number;
}

export class SparseIndex {
  /** By the file's first offset; ascending. */
  readonly #marks = new Map<number, Mark[]>();

  note(file: number, mark: Mark): void {
    const marks = this.#marks.get(file) ?? [];
    if (mark.positionBytes - (marks.at(-1)?.positionBytes ?? 0) < MARK_BYTES) return;
    marks.push(mark);
    this.#marks.set(file, marks);
  }

  /** The last mark that `isBefore` holds of. */
  nearest(file: number, isBefore: (mark: Mark) => boolean): Mark | undefined {
    return this.#marks.get(file)?.findLast(isBefore);
  }

  /** Forgets all other files. */
  keepOnly(files: readonly number[]): void {
    const kept = new Set(files);
    for (const file of this.#marks.keys()) if (!kept.has(file)) this.#marks.delete(file);
  }
}
