/** Where some records of each log file are, so that a reader finds an offset without walking a file from its
 *  start. Learned from reading, at most one mark a megabyte, kept only for files that exist. */

const MARK_BYTES = 1024 * 1024;

interface Mark {
  readonly offset: number;
  readonly positionBytes: number;
}

export class SparseIndex {
  /** By the file's first offset; ascending. */
  readonly #marks = new Map<number, Mark[]>();

  /** The record `offset` of the file begins at `positionBytes`. */
  note(file: number, offset: number, positionBytes: number): void {
    const marks = this.#marks.get(file) ?? [];
    if (positionBytes - (marks.at(-1)?.positionBytes ?? 0) < MARK_BYTES) return;
    marks.push({ offset, positionBytes });
    this.#marks.set(file, marks);
  }

  /** The last mark at or before `offset`. */
  nearest(file: number, offset: number): Mark | undefined {
    return this.#marks.get(file)?.findLast((mark) => mark.offset <= offset);
  }

  /** Forgets all other files. */
  keepOnly(files: readonly number[]): void {
    const kept = new Set(files);
    for (const file of this.#marks.keys()) if (!kept.has(file)) this.#marks.delete(file);
  }
}
