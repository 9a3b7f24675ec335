/** Checks a store's files without changing them: every segment's header, checksum, names, columns and place, every
 *  state and open block, SQLite's own pages. For operators, and for tests after a crash. A file that cannot be
 *  read is a finding; the others are checked all the same. */
import type { Grid } from '../model/grid.ts';
import { sameGrid } from '../model/grid.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Partition } from './partition.ts';
import { type Held, openPartition, partitionPaths } from './partitions.ts';
import { type SegmentRef, segmentName } from './place.ts';
import { restoreFold } from './restore.ts';
import { decodeSegment } from './segment.ts';
import { isUnmade } from './sqlite.ts';
import { SegmentCorruptError, StoreDamagedError, StoreVersionError } from './store-errors.ts';

/** Findings told; where there are more, the last says so. */
const FINDINGS_MAX = 1000;

export interface Finding {
  readonly path: string;
  /** Which segment, where it is one. */
  readonly segment?: string;
  readonly what: string;
}

export interface Verification {
  readonly findings: readonly Finding[];
  readonly files: number;
  readonly segments: number;
  readonly cells: number;
  readonly segmentBytes: number;
}

/** Reads everything; a store may have the directory open meanwhile. */
export function verifyStore(directory: string, kernel: Kernel): Verification {
  const verifier = new Verifier(kernel);
  const partitions = partitionPaths(directory)
    .filter((path) => verifier.isMade(path))
    .map((path) => openPartition(path, { readonly: true, onUse() {} }));
  for (const partition of partitions) verifier.state(partition);
  verifier.newestState();
  for (const partition of partitions) verifier.segments(partition);
  return { findings: verifier.findings, ...verifier.totals };
}

class Verifier {
  readonly findings: Finding[] = [];
  readonly totals = { files: 0, segments: 0, cells: 0, segmentBytes: 0 };
  readonly #kernel: Kernel;
  #newest: Held | undefined;
  #grids = new Map<string, Grid>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** False for a file that a crash left without tables, which is harmless, and for one that cannot be read. */
  isMade(path: string): boolean {
    let made = false;
    this.#attempt({ path }, () => {
      made = !isUnmade(path);
    });
    return made;
  }

  state(partition: Partition): void {
    this.totals.files++;
    this.#attempt({ path: partition.path }, () => {
      const state = partition.state();
      if (state === undefined || state.generation < (this.#newest?.state.generation ?? -1)) return;
      this.#newest = { partition, state };
    });
    partition.close();
  }

  newestState(): void {
    const held = this.#newest;
    if (held === undefined) return;
    this.#attempt({ path: held.partition.path }, () => {
      const fold = restoreFold({ kernel: this.#kernel, owns: () => true }, held);
      this.#grids = new Map(fold.lives().map(({ instrumentation: { id, grid } }) => [id, grid]));
    });
  }

  segments(partition: Partition): void {
    const { path } = partition;
    this.#attempt({ path }, () => {
      for (const what of partition.integrityFaults()) this.#find({ path, what });
      for (const ref of partition.allSegments()) {
        this.totals.segments++;
        this.#attempt({ path, segment: segmentName(ref) }, () => this.#segment(ref, partition));
      }
    });
    partition.close();
  }

  #segment(ref: SegmentRef, partition: Partition): void {
    const { path } = partition;
    const segment = segmentName(ref);
    const bytes = partition.bytes(ref);
    const { startSecond, stepSeconds, grid, cells } = decodeSegment(bytes, this.#kernel, segment);
    this.totals.segmentBytes += bytes.length;
    this.totals.cells += cells.length;
    if (startSecond !== ref.startSecond) {
      this.#find({
        path,
        segment,
        what: `its row starts at ${ref.startSecond}, its bytes at ${startSecond}`,
      });
    }
    if (stepSeconds !== ref.level) {
      this.#find({
        path,
        segment,
        what: `its row has steps of ${ref.level} s, its bytes of ${stepSeconds} s`,
      });
    }
    const known = this.#grids.get(ref.instrumentation);
    if (known !== undefined && !sameGrid(known, grid)) {
      this.#find({ path, segment, what: `its grid is ${grid.kind}, the instrumentation's ${known.kind}` });
    }
    if (!partition.holds(ref))
      this.#find({ path, segment, what: 'its file says that it holds no such second' });
  }

  #find(finding: Finding): void {
    if (this.findings.length < FINDINGS_MAX) this.findings.push(finding);
    else
      this.findings[FINDINGS_MAX - 1] = {
        path: finding.path,
        what: `more than ${FINDINGS_MAX - 1} findings`,
      };
  }

  /** What a check throws is a finding where it is one of ours, else a bug. */
  #attempt(at: Omit<Finding, 'what'>, check: () => void): void {
    try {
      check();
    } catch (error) {
      const ours = [SegmentCorruptError, StoreDamagedError, StoreVersionError].some(
        (kind) => error instanceof kind,
      );
      if (!ours || !(error instanceof Error)) throw error;
      this.#find({ ...at, what: error.message });
    }
  }
}
