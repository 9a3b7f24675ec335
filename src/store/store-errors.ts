/** What can go wrong with stored series. One family: each has a stable code and names the file or the byte. */

/** The file is not what was written: SQLite, a checksum or a decoder says so. */
export class StoreDamagedError extends Error {
  readonly code = 'STORE_DAMAGED';
  readonly path: string;
  constructor(path: string, state: string, options?: ErrorOptions) {
    super(`Cannot read store file "${path}": ${state}`, options);
    this.path = path;
  }
}

/** The file was written by another version of the schema, or is no file of a store. */
export class StoreVersionError extends Error {
  readonly code = 'STORE_VERSION';
  readonly path: string;
  constructor(path: string, state: string) {
    super(`Cannot open store file "${path}": ${state}`);
    this.path = path;
  }
}

/** Another store has this directory open: a directory has one writer. */
export class StoreLockedError extends Error {
  readonly code = 'STORE_LOCKED';
  readonly directory: string;
  constructor(directory: string, options?: ErrorOptions) {
    super(`Cannot open store "${directory}": another store has it open`, options);
    this.directory = directory;
  }
}

/** A write failed before: what is in memory is ahead of what is on disk, so nothing is folded or committed any
 *  more. Open the store anew; the log has what is missing. */
export class StoreBrokenError extends Error {
  readonly code = 'STORE_BROKEN';
  readonly directory: string;
  constructor(directory: string, options: ErrorOptions) {
    super(`Cannot write store "${directory}": an earlier write failed, open it anew`, options);
    this.directory = directory;
  }
}

/** What a reading was about went while it was under way: the instrumentation was dropped, or it took too long. */
export class SeriesGoneError extends Error {
  readonly code = 'SERIES_GONE';
  readonly instrumentation: string;
  constructor(instrumentation: string, state: string) {
    super(`Cannot read on "${instrumentation}": ${state}`);
    this.instrumentation = instrumentation;
  }
}

/** Bytes that are no segment; `state` names the byte. */
export class SegmentCorruptError extends Error {
  readonly code = 'SEGMENT_CORRUPT';
  readonly segment: string;
  readonly offsetBytes: number;
  constructor(segment: string, offsetBytes: number, state: string, options?: ErrorOptions) {
    super(`Cannot read segment "${segment}": ${state}`, options);
    this.segment = segment;
    this.offsetBytes = offsetBytes;
  }
}
